//! Rows in, predictions out, by the champion or a version asked for.

use super::{find, no_version};
use crate::{Actor, Ctx, blocking::blocking};
use std::sync::Arc;
use trainyard_infer::{Frame, Model, Predictions, rows};
use trainyard_store::{
    self as store,
    models::{CHAMPION, Served},
};
use trainyard_types::{
    Action, Code, ModelId, ModelVersionId, Problem, Slug,
    model::{PredictRows, PredictionsView},
};

/// Rows of one request.
const MAX_ROWS: usize = 10_000;
/// More rows than this are predicted away from the async threads.
const INLINE_ROWS: usize = 16;

/// A model that was asked, loaded.
pub(crate) struct Asked {
    pub(crate) model_id: ModelId,
    pub(crate) version_id: ModelVersionId,
    pub(crate) number: i32,
    pub(crate) model: Arc<Model>,
}

/// Predicts rows given as JSON objects. Every row needs all of the model's columns, `null` stands for a missing value,
/// further columns are ignored and said. Where intervals are asked for, the answers say how sure they are, if the model was
/// trained to know.
///
/// # Errors
/// There is no such model or version for the caller, or no champion; rows don't fit the signature; too many rows.
pub async fn predict(
    ctx: &Ctx,
    actor: &Actor,
    name: &Slug,
    version: Option<i32>,
    input: PredictRows,
) -> Result<PredictionsView, Problem> {
    let asked = resolve(ctx, actor, name, version).await?;
    let intervals = input.intervals;
    let (predictions, notes) =
        answer(ctx, &asked, input.rows.len(), move |model| rows::frame_from_json(model.signature(), &input.rows))
            .await?;
    Ok(PredictionsView {
        model: name.to_string(),
        version: asked.number,
        predictions: rows::prediction_views(&asked.model, &predictions, intervals),
        notes,
        level: asked.model.decision.conformal.filter(|_| intervals).map(|conformal| conformal.level),
    })
}

/// The model that answers: the version asked for, or the champion.
pub(crate) async fn resolve(ctx: &Ctx, actor: &Actor, name: &Slug, version: Option<i32>) -> Result<Asked, Problem> {
    let (known, _) = find(ctx, actor, name, Action::Predict).await?;
    let db = ctx.store().db();
    let number = match version {
        Some(number) => number,
        None => store::models::alias(db, known.id, CHAMPION).await?.ok_or_else(|| {
            Problem::not_found(format!(
                "The model '{name}' has no champion. Ask for a version by its number, or have an approver choose one."
            ))
        })?,
    };
    let served = store::models::served(db, known.id, number).await?.ok_or_else(|| no_version(name.as_str(), number))?;
    let model = load(ctx, &served).await?;
    Ok(Asked { model_id: known.id, version_id: served.id, number, model })
}

/// A version's model, loaded once and kept.
pub(super) async fn load(ctx: &Ctx, served: &Served) -> Result<Arc<Model>, Problem> {
    if let Some(model) = ctx.serving().get(served.id) {
        return Ok(model);
    }
    let path = ctx.artifacts().existing(&served.hash)?;
    let model = blocking(move || {
        let bytes = std::fs::read(&path).map_err(|error| store::error::internal(&error))?;
        // The person who asks can't mend a damaged file: it is the server's fault.
        Model::from_bytes(&bytes).map_err(|error| store::error::internal(&error))
    })
    .await??;
    let model = Arc::new(model);
    ctx.serving().put(served.id, Arc::clone(&model));
    Ok(model)
}

/// Reads the rows, predicts them, and counts them.
pub(crate) async fn answer(
    ctx: &Ctx,
    asked: &Asked,
    rows: usize,
    read: impl FnOnce(&Model) -> Result<(Frame, Vec<String>), Problem> + Send + 'static,
) -> Result<(Predictions, Vec<String>), Problem> {
    let outcome = if rows > MAX_ROWS {
        Err(Problem::new(
            Code::TooLarge,
            format!("The request has {rows} rows; {MAX_ROWS} are the limit. Send them in parts."),
        ))
    } else {
        let model = Arc::clone(&asked.model);
        let work = move || {
            let (frame, notes) = read(&model)?;
            Ok((model.predict(&frame)?, notes))
        };
        if rows <= INLINE_ROWS { work() } else { blocking(work).await? }
    };
    let (answered, refused) = match &outcome {
        Ok((predictions, _)) => (predictions.rows() as u64, 0),
        Err(_) => (0, 1),
    };
    ctx.serving().count(ctx.store(), asked.model_id, asked.version_id, answered, refused);
    outcome
}
