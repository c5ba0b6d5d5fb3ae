//! How versions, runs of pipelines, training runs, models and their addresses hang together, from a data set's side and
//! from a model's.

use crate::{Actor, Ctx, authorise, datasets::no_dataset, models};
use std::collections::{BTreeSet, HashSet};
use trainyard_store::{
    self as store, ConnectionTrait,
    lineage::{self as kept, Link, PipelineRunOf, Relation, RunOf, VersionOf},
};
use trainyard_types::{
    Action, DatasetId, Problem, Slug,
    catalog::{Lineage, LineageEdge, LineageKind, LineageNode},
    evaluation::TestMetric,
    words::counted,
};

/// Versions shown at most, newest first; of a data set or of a model.
const VERSIONS: usize = 12;
/// Training runs shown at most.
const RUNS: u64 = 40;
/// Runs of pipelines that read the versions, shown at most.
const READERS: usize = 12;
/// Links that are looked at for them.
const LOOKED_AT: u64 = 400;
/// Versions shown at most that runs of pipelines read besides.
const INPUTS: usize = 24;

/// Where a data set's versions came from and what was made of them: the newest 12 versions, the newest 40 training runs on
/// them, and the newest 12 runs of pipelines that read them, of those that made something or are their pipeline's newest.
///
/// # Errors
/// There is none for the caller.
pub async fn of_dataset(ctx: &Ctx, actor: &Actor, project: &Slug, id: DatasetId) -> Result<Lineage, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let db = ctx.store().db();
    let dataset = store::datasets::view(db, scope.project, id).await?.ok_or_else(no_dataset)?;
    let all = store::datasets::versions(db, id).await?;
    let shown: Vec<String> = all.iter().take(VERSIONS).map(|version| version.id.to_string()).collect();
    let mut runs = kept::runs_on(db, &shown, RUNS).await?;
    let mut left_out = all.len().saturating_sub(VERSIONS) as u64 + dataset.runs.saturating_sub(runs.len() as u64);
    let readers = readers(db, &shown).await?;
    // What those trained is shown, also where it learnt from rows of another data set.
    let trained = objects(kept::links_of(db, &readers, Relation::Trained).await?);
    let known: HashSet<&str> = runs.iter().map(|run| run.id.as_str()).collect();
    let more: Vec<String> = trained.into_iter().filter(|run| !known.contains(run.as_str())).collect();
    runs.extend(kept::runs_of(db, &more).await?);
    let versions = kept::versions(db, &shown).await?;
    let mut drawing = Drawing::default();
    let drawn = drawing.pipelines(db, &versions, &runs, readers).await?;
    let reading = kept::count_to(db, &shown, Relation::Read).await?;
    left_out += reading.saturating_sub(drawn.reading);
    drawing.written(db, id, &drawn).await?;
    drawing.runs(&runs, &drawn);
    let models = kept::models(db, &ids(&runs)).await?;
    drawing.models(&models);
    drawing.lineage.left_out += left_out;
    Ok(drawing.lineage)
}

/// Which data, pipeline and run made a model's versions: the newest 12.
///
/// # Errors
/// There is no model of that name for the caller.
pub async fn of_model(ctx: &Ctx, actor: &Actor, name: &Slug) -> Result<Lineage, Problem> {
    let (known, _) = models::find(ctx, actor, name, Action::Read).await?;
    let db = ctx.store().db();
    let mut made = kept::versions_of_model(db, known.id, VERSIONS as u64).await?;
    made.reverse();
    let runs: Vec<String> = made.iter().map(|version| version.run.clone()).collect();
    let runs = kept::runs_of(db, &runs).await?;
    let shown: Vec<String> = runs.iter().map(|run| run.version.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    let versions = kept::versions(db, &shown).await?;
    let mut drawing = Drawing::default();
    let drawn = drawing.pipelines(db, &versions, &runs, Vec::new()).await?;
    drawing.runs(&runs, &drawn);
    drawing.models(&made);
    drawing.lineage.left_out += u64::try_from(known.latest).unwrap_or(0).saturating_sub(made.len() as u64);
    Ok(drawing.lineage)
}

/// Runs of pipelines that read these versions and are worth showing, newest first.
async fn readers(db: &impl ConnectionTrait, versions: &[String]) -> Result<Vec<String>, Problem> {
    let mut found = runs_of_pipelines(kept::links_to(db, versions, Relation::Read, LOOKED_AT).await?);
    found.reverse();
    let mut made = HashSet::new();
    for relation in [Relation::Wrote, Relation::Trained] {
        made.extend(kept::links_of(db, &found, relation).await?.into_iter().map(|link| link.pipeline_run));
    }
    let pipelines = kept::pipeline_runs(db, &found).await?;
    let mut newest = HashSet::new();
    let worth: HashSet<&str> = pipelines
        .iter()
        .rev()
        .filter(|run| newest.insert(run.pipeline.as_str()) || made.contains(&run.id))
        .map(|run| run.id.as_str())
        .collect();
    found.retain(|run| worth.contains(run.as_str()));
    found.truncate(READERS);
    Ok(found)
}

/// The runs of pipelines in some links, oldest first, each once.
fn runs_of_pipelines(links: Vec<Link>) -> Vec<String> {
    links.into_iter().map(|link| link.pipeline_run).collect::<BTreeSet<_>>().into_iter().collect()
}

fn objects(links: Vec<Link>) -> Vec<String> {
    links.into_iter().map(|link| link.object).collect::<BTreeSet<_>>().into_iter().collect()
}

fn ids(runs: &[RunOf]) -> Vec<String> {
    runs.iter().map(|run| run.id.clone()).collect()
}

/// What is drawn of pipelines.
struct Drawn {
    /// Runs that read a version shown and stand behind it.
    readers: Vec<String>,
    trained: Vec<Link>,
    /// How many of all runs drawn read a version shown.
    reading: u64,
}

/// Puts a drawing together without doubling nodes or edges.
#[derive(Default)]
struct Drawing {
    lineage: Lineage,
}

impl Drawing {
    /// The versions, what they came from, and the runs of pipelines: those that made a version or only trained stand before
    /// the versions, what they read once more before them, so that everything leads from left to right; those that read a
    /// version stand behind.
    async fn pipelines(
        &mut self,
        db: &impl ConnectionTrait,
        versions: &[VersionOf],
        runs: &[RunOf],
        readers: Vec<String>,
    ) -> Result<Drawn, Problem> {
        let shown: Vec<String> = versions.iter().map(|version| version.id.clone()).collect();
        let made = kept::links_to(db, &shown, Relation::Wrote, LOOKED_AT).await?;
        let trained = kept::links_to(db, &ids(runs), Relation::Trained, LOOKED_AT).await?;
        let makers: HashSet<&str> = made.iter().map(|link| link.pipeline_run.as_str()).collect();
        let all: BTreeSet<&str> = made
            .iter()
            .chain(&trained)
            .map(|link| link.pipeline_run.as_str())
            .chain(readers.iter().map(String::as_str))
            .collect();
        let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
        let read = kept::links_of(db, &all, Relation::Read).await?;
        let inputs = kept::versions(db, &objects(read.clone())).await?;
        let reads_shown = |run: &str| read.iter().any(|link| link.pipeline_run == run && shown.contains(&link.object));
        let mut drawn = Drawn { readers: Vec::new(), trained: Vec::new(), reading: 0 };
        let mut drawn_inputs = 0;
        for run in kept::pipeline_runs(db, &all).await? {
            let behind = !makers.contains(run.id.as_str()) && reads_shown(&run.id);
            drawn.reading += u64::from(reads_shown(&run.id));
            let node = self.pipeline(&run, if behind { LineageKind::Reader } else { LineageKind::Pipeline });
            for input in inputs
                .iter()
                .filter(|input| read.iter().any(|link| link.pipeline_run == run.id && link.object == input.id))
            {
                if behind && shown.contains(&input.id) {
                    self.join(&format!("version/{}", input.id), &node);
                    continue;
                }
                let source = format!("input/{}", input.id);
                if !self.has(&source) {
                    if drawn_inputs == INPUTS {
                        self.lineage.left_out += 1;
                        continue;
                    }
                    drawn_inputs += 1;
                    self.version(&source, LineageKind::Source, input);
                }
                self.join(&source, &node);
            }
            if behind {
                drawn.readers.push(run.id);
            }
        }
        for version in versions {
            let node = format!("version/{}", version.id);
            let from = match made.iter().find(|link| link.object == version.id) {
                Some(link) => format!("pipeline/{}", link.pipeline_run),
                None => {
                    let source = format!("source/{}", version.source);
                    self.add(&source, LineageKind::Source, &version.source, "", "");
                    source
                }
            };
            self.version(&node, LineageKind::Version, version);
            self.join(&from, &node);
            let before =
                versions.iter().find(|other| other.dataset == version.dataset && version.parent == Some(other.number));
            if let Some(before) = before {
                self.join(&format!("version/{}", before.id), &node);
            }
        }
        drawn.trained = trained;
        Ok(drawn)
    }

    /// What runs of pipelines behind the versions wrote into other data sets.
    async fn written(&mut self, db: &impl ConnectionTrait, own: DatasetId, drawn: &Drawn) -> Result<(), Problem> {
        let links = kept::links_of(db, &drawn.readers, Relation::Wrote).await?;
        for version in kept::versions(db, &objects(links.clone())).await? {
            // An older one of the data set's own is counted among those left out.
            if version.dataset == own.to_string() {
                continue;
            }
            let node = format!("written/{}", version.id);
            self.version(&node, LineageKind::Written, &version);
            for link in links.iter().filter(|link| link.object == version.id) {
                self.join(&format!("pipeline/{}", link.pipeline_run), &node);
            }
        }
        Ok(())
    }

    /// Training runs, with what they learnt from.
    fn runs(&mut self, runs: &[RunOf], drawn: &Drawn) {
        for run in runs.iter().rev() {
            let node = format!("run/{}", run.id);
            let score = run.score.as_deref().and_then(|json| serde_json::from_str::<TestMetric>(json).ok());
            let detail = score.map_or_else(|| run.state.clone(), |score| format!("{} {:.3}", score.name, score.value));
            self.add(&node, LineageKind::Run, &run.name, &detail, &format!("runs/{}", run.id));
            for from in ["version", "written"] {
                let from = format!("{from}/{}", run.version);
                if self.has(&from) {
                    self.join(&from, &node);
                }
            }
            for link in drawn.trained.iter().filter(|link| link.object == run.id) {
                self.join(&format!("pipeline/{}", link.pipeline_run), &node);
            }
        }
    }

    /// Versions of models, and the addresses of those that answer.
    fn models(&mut self, models: &[kept::ModelOf]) {
        for model in models {
            let node = format!("model/{}/{}", model.name, model.number);
            let title = format!("{} v{}", model.name, model.number);
            let path = format!("models/{}", model.name);
            self.add(&node, LineageKind::Model, &title, "registered", &path);
            self.join(&format!("run/{}", model.run), &node);
            if model.champion == Some(model.number) {
                let endpoint = format!("endpoint/{}", model.name);
                let address = format!("/v2/models/{}/infer", model.name);
                self.add(
                    &endpoint,
                    LineageKind::Endpoint,
                    &address,
                    store::models::CHAMPION,
                    &format!("{path}?tab=api"),
                );
                self.join(&node, &endpoint);
            }
        }
    }

    fn pipeline(&mut self, run: &PipelineRunOf, kind: LineageKind) -> String {
        let node = format!("pipeline/{}", run.id);
        let detail = format!("document v{}, {}", run.version, run.state);
        self.add(&node, kind, &format!("{} #{}", run.name, run.number), &detail, &format!("pipeline-runs/{}", run.id));
        node
    }

    fn version(&mut self, node: &str, kind: LineageKind, version: &VersionOf) {
        let detail = match version.deleted_at {
            Some(_) => "rows deleted".to_owned(),
            None => counted(version.rows.unsigned_abs(), "row", "rows"),
        };
        let path = format!("data/{}?version={}", version.dataset, version.id);
        self.add(node, kind, &format!("{} v{}", version.name, version.number), &detail, &path);
    }

    fn has(&self, id: &str) -> bool {
        self.lineage.nodes.iter().any(|node| node.id == id)
    }

    fn add(&mut self, id: &str, kind: LineageKind, title: &str, detail: &str, path: &str) {
        if !self.has(id) {
            self.lineage.nodes.push(LineageNode {
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
        if !self.lineage.edges.contains(&edge) {
            self.lineage.edges.push(edge);
        }
    }
}
