//! Who answers for a data set, on what ground it is kept, what its columns mean.

use super::no_dataset;
use crate::{Actor, Ctx, authorise};
use std::collections::BTreeMap;
use trainyard_store::{self as store, audit};
use trainyard_types::{
    Action, Code, DatasetId, FieldProblem, Problem, Slug,
    catalog::{ColumnFlag, DatasetDetails, MAX_DESCRIPTION, MAX_RETENTION_DAYS},
};

/// Longest owner's name, characters.
const MAX_OWNER: usize = 200;

/// What is said of a data set.
///
/// # Errors
/// There is none for the caller.
pub async fn details(ctx: &Ctx, actor: &Actor, project: &Slug, id: DatasetId) -> Result<DatasetDetails, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    store::datasets::details::read(ctx.store().db(), scope.project, id).await?.ok_or_else(no_dataset)
}

/// Says something else of a data set. Columns without a description and flags lose their entry.
///
/// # Errors
/// There is none for the caller; a text is too long; a flag that one column can have is given to two; a column is in no
/// version.
pub async fn set_details(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    id: DatasetId,
    input: DatasetDetails,
) -> Result<DatasetDetails, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let details = checked(input)?;
    let tx = ctx.store().begin().await?;
    let before = store::datasets::details::read(&*tx, scope.project, id).await?.ok_or_else(no_dataset)?;
    let dataset = store::datasets::view(&*tx, scope.project, id).await?.ok_or_else(no_dataset)?;
    let newest = store::datasets::version(&*tx, scope.project, dataset.latest.id).await?.ok_or_else(no_dataset)?;
    // Notes of columns that an older version had may stay; new ones must be of a column that is there.
    for name in details.columns.keys() {
        if !before.columns.contains_key(name) && !newest.profile.columns.iter().any(|column| column.name == *name) {
            return Err(Problem::field("columns", format!("There is no column '{name}'. Take it off the list.")));
        }
    }
    store::datasets::details::write(&tx, id, &details).await?;
    let summary = format!("Changed what is said of data set '{}': {}.", dataset.name, changes(&before, &details));
    let event = actor.event("dataset.details", format!("dataset/{id}"), summary);
    audit::append(&tx, event.in_project(&scope.slug).before(&before).after(&details)).await?;
    tx.commit().await?;
    Ok(details)
}

fn checked(input: DatasetDetails) -> Result<DatasetDetails, Problem> {
    let mut fields = Vec::new();
    let mut limit = |field: &str, text: &str, most: usize| {
        let text = text.trim().to_owned();
        if text.chars().count() > most {
            fields.push(FieldProblem { field: field.to_owned(), message: format!("Use at most {most} characters.") });
        }
        text
    };
    let description = limit("description", &input.description, MAX_DESCRIPTION);
    let owner = limit("owner", &input.owner, MAX_OWNER);
    let purpose = limit("purpose", &input.purpose, MAX_DESCRIPTION);
    let mut columns = BTreeMap::new();
    for (name, mut notes) in input.columns {
        notes.description = limit("columns", &notes.description, MAX_DESCRIPTION);
        notes.flags.sort_unstable();
        notes.flags.dedup();
        if !notes.flags.is_empty() || !notes.description.is_empty() {
            columns.insert(name, notes);
        }
    }
    if owner.is_empty() {
        let message = "Name who answers for this data set.".to_owned();
        fields.push(FieldProblem { field: "owner".to_owned(), message });
    }
    if input.retention_days.is_some_and(|days| !(1..=MAX_RETENTION_DAYS).contains(&days)) {
        let message = format!("Use 1 to {MAX_RETENTION_DAYS} days, or leave it empty to keep rows.");
        fields.push(FieldProblem { field: "retention_days".to_owned(), message });
    }
    let details = DatasetDetails {
        description,
        owner,
        purpose,
        legal_basis: input.legal_basis,
        retention_days: input.retention_days,
        columns,
    };
    for flag in ColumnFlag::ALL.into_iter().filter(|flag| flag.is_single()) {
        let names: Vec<&str> = details.flagged(flag).collect();
        if names.len() > 1 {
            let message = format!(
                "Only one column can be '{}', but {} are. Take the flag off the others.",
                flag.title(),
                names.join(", ")
            );
            fields.push(FieldProblem { field: "columns".to_owned(), message });
        }
    }
    match fields.first() {
        None => Ok(details),
        Some(first) => Err(Problem { code: Code::Invalid, message: first.message.clone(), fields }),
    }
}

/// What differs, in words.
fn changes(before: &DatasetDetails, after: &DatasetDetails) -> String {
    let columns = before.columns.keys().chain(after.columns.keys()).collect::<std::collections::BTreeSet<_>>();
    let touched: Vec<&str> = columns
        .into_iter()
        .filter(|name| before.columns.get(*name) != after.columns.get(*name))
        .map(String::as_str)
        .collect();
    let mut parts: Vec<String> = [
        ("description", before.description != after.description),
        ("owner", before.owner != after.owner),
        ("purpose", before.purpose != after.purpose),
        ("legal basis", before.legal_basis != after.legal_basis),
        ("retention", before.retention_days != after.retention_days),
    ]
    .into_iter()
    .filter(|(_, changed)| *changed)
    .map(|(what, _)| what.to_owned())
    .collect();
    match touched.as_slice() {
        [] => {}
        [only] => parts.push(format!("column '{only}'")),
        many => parts.push(format!("{} columns", many.len())),
    }
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}
