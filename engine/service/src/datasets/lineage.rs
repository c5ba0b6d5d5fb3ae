//! How versions, runs and models hang together.

use super::no_dataset;
use crate::{Actor, Ctx, authorise};
use trainyard_store::{self as store, datasets::lineage as made};
use trainyard_types::{
    Action, DatasetId, DatasetVersionId, Problem, Slug,
    catalog::{Lineage, LineageEdge, LineageKind, LineageNode},
    evaluation::TestMetric,
    words::counted,
};

/// Versions shown at most, newest first.
const VERSIONS: usize = 12;
/// Runs shown at most.
const RUNS: u64 = 40;

/// Where a data set's versions came from and what was made of them: the newest 12 versions and their newest 40 runs.
///
/// # Errors
/// There is none for the caller.
pub async fn lineage(ctx: &Ctx, actor: &Actor, project: &Slug, id: DatasetId) -> Result<Lineage, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let db = ctx.store().db();
    let dataset = store::datasets::view(db, scope.project, id).await?.ok_or_else(no_dataset)?;
    let versions = store::datasets::versions(db, id).await?;
    let shown: Vec<DatasetVersionId> = versions.iter().take(VERSIONS).map(|version| version.id).collect();
    let runs = made::runs(db, &shown, RUNS).await?;
    let ids: Vec<String> = runs.iter().map(|run| run.id.clone()).collect();
    let models = made::models(db, &ids).await?;

    let mut lineage = Lineage {
        left_out: versions.len().saturating_sub(VERSIONS) as u64 + dataset.runs.saturating_sub(runs.len() as u64),
        ..Lineage::default()
    };
    for version in versions.iter().take(VERSIONS).rev() {
        let source = format!("source/{}", version.source_name);
        lineage.add(&source, LineageKind::Source, &version.source_name, "", "");
        let node = format!("version/{}", version.id);
        let state =
            if version.deleted.is_some() { "rows deleted".to_owned() } else { counted(version.rows, "row", "rows") };
        let path = format!("data/{id}?version={}", version.id);
        lineage.add(&node, LineageKind::Version, &format!("{} v{}", dataset.name, version.number), &state, &path);
        lineage.join(&source, &node);
        if let Some(parent) = version.parent.and_then(|number| versions.iter().find(|v| v.number == number))
            && shown.contains(&parent.id)
        {
            lineage.join(&format!("version/{}", parent.id), &node);
        }
    }
    for run in runs.iter().rev() {
        let node = format!("run/{}", run.id);
        let score = run.score.as_deref().and_then(|json| serde_json::from_str::<TestMetric>(json).ok());
        let detail = score.map_or_else(|| run.state.clone(), |score| format!("{} {:.3}", score.name, score.value));
        lineage.add(&node, LineageKind::Run, &run.name, &detail, &format!("runs/{}", run.id));
        lineage.join(&format!("version/{}", run.version), &node);
    }
    for model in &models {
        let node = format!("model/{}/{}", model.name, model.number);
        let title = format!("{} v{}", model.name, model.number);
        lineage.add(&node, LineageKind::Model, &title, "registered", &format!("models/{}", model.name));
        lineage.join(&format!("run/{}", model.run), &node);
    }
    Ok(lineage)
}

/// Puts a drawing together without doubling nodes or edges.
trait Drawing {
    fn add(&mut self, id: &str, kind: LineageKind, title: &str, detail: &str, path: &str);
    fn join(&mut self, from: &str, to: &str);
}

impl Drawing for Lineage {
    fn add(&mut self, id: &str, kind: LineageKind, title: &str, detail: &str, path: &str) {
        if self.nodes.iter().all(|node| node.id != id) {
            self.nodes.push(LineageNode {
                id: id.to_owned(),
                kind,
                title: title.to_owned(),
                detail: detail.to_owned(),
                path: path.to_owned(),
            });
        }
    }
    fn join(&mut self, from: &str, to: &str) {
        let edge = LineageEdge { from: from.to_owned(), to: to.to_owned() };
        if !self.edges.contains(&edge) {
            self.edges.push(edge);
        }
    }
}
