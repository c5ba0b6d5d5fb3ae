//! Open Inference Protocol, version 2: the same models in the tensors that other servers speak.

use crate::{
    Actor, Ctx,
    models::{answer, find, resolve},
};
use std::collections::BTreeMap;
use trainyard_infer::oip;
use trainyard_store::{self as store, error::internal};
use trainyard_types::{
    Action, Problem, Slug,
    model::{OipMetadata, OipRequest, OipResponse},
};

/// What a model takes and gives: the version asked for, or the champion.
///
/// # Errors
/// There is no such model or version for the caller, or no champion.
pub async fn metadata(ctx: &Ctx, actor: &Actor, name: &Slug, version: Option<i32>) -> Result<OipMetadata, Problem> {
    let asked = resolve(ctx, actor, name, version).await?;
    let mut versions: Vec<i32> =
        store::models::versions(ctx.store().db(), asked.model_id).await?.iter().map(|version| version.number).collect();
    versions.sort_unstable();
    let versions: Vec<String> = versions.iter().map(i32::to_string).collect();
    serde_json::from_value(oip::metadata(name.as_str(), &versions, asked.model.signature()))
        .map_err(|error| internal(&error))
}

/// Whether a model answers: it has a champion (or the version asked for) that can be loaded.
///
/// # Errors
/// It doesn't; the message says why.
pub async fn ready(ctx: &Ctx, actor: &Actor, name: &Slug, version: Option<i32>) -> Result<(), Problem> {
    find(ctx, actor, name, Action::Predict).await?;
    resolve(ctx, actor, name, version).await?;
    Ok(())
}

/// Predicts the rows of a request's tensors. What was out of the ordinary stands in the answer's parameter `notes`, a
/// JSON list of sentences.
///
/// # Errors
/// There is no such model or version for the caller, or no champion; the tensors don't fit the signature.
pub async fn infer(
    ctx: &Ctx,
    actor: &Actor,
    name: &Slug,
    version: Option<i32>,
    request: OipRequest,
) -> Result<OipResponse, Problem> {
    let asked = resolve(ctx, actor, name, version).await?;
    // The claimed size decides where the work is done; what is true is checked when the tensors are read.
    let rows = request
        .inputs
        .iter()
        .map(|tensor| tensor.shape.first().map_or(0, |rows| usize::try_from(*rows).unwrap_or(0)))
        .max()
        .unwrap_or(0);
    let request = std::sync::Arc::new(request);
    let tensors = std::sync::Arc::clone(&request);
    let (predictions, notes) =
        answer(ctx, &asked, rows, move |model| oip::frame_from_request(model.signature(), &tensors)).await?;
    let mut parameters = BTreeMap::new();
    if !notes.is_empty() {
        // Parameters are texts, numbers or booleans: a list goes as JSON text.
        let text = serde_json::to_string(&notes).map_err(|error| internal(&error))?;
        parameters.insert("notes".to_owned(), serde_json::Value::String(text));
    }
    Ok(OipResponse {
        model_name: name.to_string(),
        model_version: asked.number.to_string(),
        id: request.id.clone(),
        parameters,
        outputs: oip::outputs(&asked.model, &predictions, &request)?,
    })
}
