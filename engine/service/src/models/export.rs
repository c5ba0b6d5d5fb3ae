//! Model versions as files for other programs.

use super::{load, no_version};
use crate::{Actor, Ctx, blocking::blocking};
use trainyard_export::{Options, describe, onnx};
use trainyard_store as store;
use trainyard_types::{Action, Problem, Slug, export::ExportFormat};

/// A file to be sent.
pub struct Exported {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// A version as a file. Asks for the right to see rows, because a model keeps categories of the rows that it learned from.
///
/// # Errors
/// There is no such model or version for the caller; the model can't be said in that format.
pub async fn export(
    ctx: &Ctx,
    actor: &Actor,
    name: &Slug,
    number: i32,
    format: ExportFormat,
) -> Result<Exported, Problem> {
    let (known, _) = super::find(ctx, actor, name, Action::ReadRows).await?;
    let served = store::models::served(ctx.store().db(), known.id, number)
        .await?
        .ok_or_else(|| no_version(name.as_str(), number))?;
    let file = format!("{name}-{number}.{}", format.as_str());
    let bytes = if format == ExportFormat::Safetensors {
        let path = ctx.artifacts().existing(&served.hash)?;
        blocking(move || std::fs::read(&path).map_err(|error| store::error::internal(&error))).await??
    } else {
        let model = load(ctx, &served).await?;
        blocking(move || match format {
            ExportFormat::Onnx => onnx(&model, &served.hash, Options::default()),
            _ => serde_json::to_vec_pretty(&describe(&model, &served.hash)?)
                .map_err(|error| store::error::internal(&error)),
        })
        .await??
    };
    Ok(Exported { name: file, bytes })
}
