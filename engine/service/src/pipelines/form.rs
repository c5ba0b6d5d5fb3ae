//! Documents in a form: what it has to know, a document in both its faces, and columns to choose from.

use super::{preview, served};
use crate::{Actor, Ctx, authorise};
use serde_json::Value;
use std::collections::BTreeMap;
use trainyard_store::{self as store, now};
use trainyard_types::{
    Action, PageQuery, Problem, Slug,
    dataset::ColumnSchema,
    pipeline::{DocumentForms, Pipeline, PipelineForm},
};

/// What a form for documents has to know.
///
/// # Errors
/// There is no such project for the caller.
pub async fn form(ctx: &Ctx, actor: &Actor, project: &Slug) -> Result<PipelineForm, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let query = PageQuery { sort: "name".into(), per_page: 500, ..PageQuery::default() };
    let sets = store::datasets::list(ctx.store(), scope.project, &query).await?;
    let engine = ctx.pipelines()?;
    let (head, step) = engine.fields();
    let datasets = sets.items.into_iter().map(|set| set.name).collect();
    Ok(PipelineForm { head, step, kinds: engine.kinds(), datasets })
}

/// A document as the form and the text have it, with its faults; nothing is stored. Of YAML the text stays as it was written;
/// what the form has gets the comments of `written`, the YAML that it comes from.
///
/// # Errors
/// The YAML can't be read at all; the message has the line.
pub fn both(ctx: &Ctx, text: &str, written: &str) -> Result<DocumentForms, Problem> {
    let engine = ctx.pipelines()?;
    let (document, yaml, mut problem) = match json(text) {
        Some(value) => match engine.of_form(&value) {
            Ok(document) => {
                let yaml = engine.carry_comments(written, &engine.print(&document)?);
                let problem = engine.check(&document).err();
                (document, yaml, problem)
            }
            Err(problem) => {
                let yaml = engine.carry_comments(written, &engine.print_value(&value)?);
                return Ok(DocumentForms { document: value, yaml, problem: Some(problem), schedule: None });
            }
        },
        None => (engine.parse(text)?, text.to_owned(), engine.read(text).err()),
    };
    if let Err(more) = served(&document) {
        match &mut problem {
            Some(problem) => problem.fields.extend(more.fields),
            None => problem = Some(more),
        }
    }
    let schedule = document.schedule.as_ref().and_then(|schedule| engine.words(schedule, now()).ok());
    let document = serde_json::to_value(&document).map_err(|error| store::error::internal(&error))?;
    Ok(DocumentForms { document, yaml, problem, schedule })
}

fn json(text: &str) -> Option<Value> {
    if text.trim_start().starts_with('{') { serde_json::from_str(text).ok() } else { None }
}

/// A document out of a text, YAML or JSON, whether or not all of it makes sense.
pub(super) fn loose(ctx: &Ctx, text: &str) -> Result<Pipeline, Problem> {
    match json(text) {
        Some(value) => ctx.pipelines()?.of_form(&value),
        None => ctx.pipelines()?.parse(text),
    }
}

/// One setting that was written as YAML.
///
/// # Errors
/// The text is no YAML.
pub fn setting(ctx: &Ctx, text: &str) -> Result<Value, Problem> {
    ctx.pipelines()?.setting(text)
}

/// The columns of what a step takes, as far as a preview of it can be made.
///
/// # Errors
/// The caller may not look at rows, or the document can't be read.
pub async fn columns(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    text: &str,
    step: &str,
) -> Result<Vec<ColumnSchema>, Problem> {
    authorise::project(ctx, actor, project, Action::ReadRows).await?;
    let document = loose(ctx, text)?;
    let inputs = document.step(step).map(|step| step.input.clone()).unwrap_or_default();
    let mut found: Vec<ColumnSchema> = Vec::new();
    for input in inputs {
        let shown = preview(ctx, actor, project, text, input.step.as_str(), BTreeMap::new(), None).await;
        for column in shown.map(|shown| shown.rows.columns).unwrap_or_default() {
            if !found.iter().any(|known| known.name == column.name) {
                found.push(column);
            }
        }
    }
    Ok(found)
}
