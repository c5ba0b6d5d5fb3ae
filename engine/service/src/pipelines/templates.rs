//! Documents to begin with, filled with the project's data sets where there are some.

use crate::{
    Actor, Ctx,
    authorise::{self, Scope},
};
use serde_json::{Value, json};
use trainyard_store as store;
use trainyard_types::{
    Action, PageQuery, Problem, ResourceName, Slug, catalog::ColumnFlag, dataset::ColumnType, pipeline::Template,
};

/// What a template can say of a data set.
#[derive(Default)]
struct Known {
    name: Option<String>,
    columns: Vec<(String, ColumnType)>,
    target: Option<String>,
    identifiers: Vec<String>,
}

impl Known {
    /// A source step; where there is no data set, one that has to be chosen.
    fn source(&self, id: &str) -> Value {
        match &self.name {
            Some(name) => json!({ "id": id, "type": "source", "dataset": name }),
            None => json!({ "id": id, "type": "source" }),
        }
    }

    /// A name for what is made of it.
    fn named(&self, before: &str, after: &str) -> String {
        let plain: String = self.name.as_deref().unwrap_or("table").chars().take(100).collect();
        let name = format!("{before}{plain}{after}");
        ResourceName::parse(&name).map_or_else(|_| format!("{before}table{after}"), |name| name.to_string())
    }
}

/// The templates, filled with the project's newest data sets.
///
/// # Errors
/// There is no such project for the caller.
pub async fn templates(ctx: &Ctx, actor: &Actor, project: &Slug) -> Result<Vec<Template>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let query = PageQuery { per_page: 2, ..PageQuery::default() };
    let sets = store::datasets::list(ctx.store(), scope.project, &query).await?.items;
    let mut known = Vec::new();
    for set in sets {
        known.push(look(ctx, &scope, set.name, set.latest.id).await?);
    }
    let mut known = known.into_iter();
    let (first, second) = (known.next().unwrap_or_default(), known.next().unwrap_or_default());
    Ok(vec![clean(&first), train(&first), join(&first, &second), blank()])
}

async fn look(
    ctx: &Ctx,
    scope: &Scope,
    name: String,
    version: trainyard_types::DatasetVersionId,
) -> Result<Known, Problem> {
    let Some(source) = store::datasets::source(ctx.store().db(), scope.project, version).await? else {
        return Ok(Known { name: Some(name), ..Known::default() });
    };
    let columns: Vec<_> = source.profile.columns.iter().map(|column| (column.name.clone(), column.kind)).collect();
    let flagged = |flag: ColumnFlag| -> Vec<String> {
        let notes = &source.details.columns;
        let has = |name: &String| notes.get(name).is_some_and(|notes| notes.flags.contains(&flag));
        columns.iter().map(|(name, _)| name.clone()).filter(has).collect()
    };
    let (target, identifiers) = (flagged(ColumnFlag::Target).into_iter().next(), flagged(ColumnFlag::Identifier));
    Ok(Known { name: Some(name), target, identifiers, columns })
}

fn template(key: &str, title: &str, help: &str, document: Value) -> Template {
    Template { key: key.into(), title: title.into(), help: help.into(), document }
}

fn clean(of: &Known) -> Template {
    let texts: Vec<&String> =
        of.columns.iter().filter(|(_, kind)| *kind == ColumnType::Text).map(|(name, _)| name).take(50).collect();
    let mut checks =
        vec![json!({ "expectation": { "type": "table_row_count_to_be_between", "min": 1.0 }, "severity": "critical" })];
    let key = of.identifiers.first().or_else(|| of.columns.first().map(|(name, _)| name));
    checks.extend(
        key.map(|key| json!({ "expectation": { "type": "not_be_null", "column": key }, "severity": "critical" })),
    );
    let mut steps = vec![of.source("table"), json!({ "id": "once", "type": "deduplicate", "input": "table" })];
    let mut last = "once";
    if !texts.is_empty() {
        steps.push(json!({ "id": "tidy", "type": "text_clean", "input": "once", "columns": texts }));
        last = "tidy";
    }
    steps.push(json!({ "id": "gate", "type": "check", "input": last, "checks": checks }));
    steps.push(json!({ "id": "out", "type": "write_out", "input": "gate", "dataset": of.named("", "-clean") }));
    template(
        "clean",
        "Clean and check a table",
        "Drops repeated rows, tidies texts, lets the table pass only where checks hold, and keeps it as a new data set.",
        json!({ "name": of.named("clean-", ""), "steps": steps }),
    )
}

fn train(of: &Known) -> Template {
    let mut split = json!({ "id": "parts", "type": "split", "input": "table" });
    let mut train = json!({ "id": "train", "type": "train", "input": "parts" });
    if let Some(target) = &of.target {
        split["target"] = json!(target);
        train["target"] = json!(target);
    }
    if !of.identifiers.is_empty() {
        train["drop"] = json!(of.identifiers);
    }
    let steps = json!([
        of.source("table"),
        split,
        train,
        { "id": "judge", "type": "evaluate", "input": ["train.model", "parts.test"] },
        { "id": "agree", "type": "approval", "after": ["judge"], "message": "Is the model good enough to be registered?" },
        { "id": "register", "type": "register", "input": ["train.model", "train.result"], "after": ["agree"],
          "model": of.named("", "-model") },
    ]);
    template(
        "train",
        "Train and register on a schedule",
        "Divides the rows, trains each Monday, judges the model on rows that it has not seen, and registers it once somebody agrees.",
        json!({ "name": of.named("train-", ""), "schedule": { "cron": "0 6 * * MON" }, "steps": steps }),
    )
}

fn join(first: &Known, second: &Known) -> Template {
    let mut join = json!({ "id": "joined", "type": "join", "input": ["first", "second"] });
    let shared = first.columns.iter().find(|(name, _)| second.columns.iter().any(|(other, _)| other == name));
    if let Some((name, _)) = shared {
        join["on"] = json!(name);
    }
    let steps = json!([
        first.source("first"),
        second.source("second"),
        join,
        { "id": "out", "type": "write_out", "input": "joined", "dataset": first.named("", "-joined") },
    ]);
    template(
        "join",
        "Join two tables",
        "Puts the rows of two data sets side by side where a column is equal, and keeps them as a new data set.",
        json!({ "name": first.named("join-", ""), "steps": steps }),
    )
}

fn blank() -> Template {
    template(
        "blank",
        "Begin with nothing",
        "Add the steps yourself, one by one.",
        json!({ "name": "my-pipeline", "steps": [] }),
    )
}
