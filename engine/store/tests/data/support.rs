//! Things to put in a database.

use std::collections::BTreeMap;
use trainyard_store::{Store, datasets, fresh_id, memberships, now, projects, runs};
use trainyard_types::{
    DatasetId, DatasetVersionId, JobId, ProjectId, RunId, Timestamp,
    dataset::*,
    evaluation::*,
    model::{InputColumn, Signature},
    run::{Family, Task, TrainSettings},
};

/// A project in a workspace of its own.
pub async fn project(store: &Store, slug: &str) -> ProjectId {
    let id = ProjectId(fresh_id());
    let workspace = projects::Workspace {
        id: fresh_id().to_string(),
        slug: format!("w-{slug}"),
        name: slug.to_owned(),
        created_at: now().0,
    };
    let workspace = memberships::insert_workspace(store.db(), workspace).await.unwrap();
    let model = projects::Project {
        id: id.to_string(),
        workspace_id: workspace.id,
        slug: slug.to_owned(),
        name: slug.to_owned(),
        description: String::new(),
        created_at: now().0,
        created_by: "ada".to_owned(),
    };
    projects::insert(store.db(), model).await.unwrap();
    id
}

pub fn profile() -> Profile {
    let column = ColumnProfile {
        name: "age".into(),
        kind: ColumnType::Integer,
        hash: String::new(),
        missing: 1,
        distinct: 9,
        numeric: None,
        top: vec![ValueCount { value: "3".into(), count: 2 }],
    };
    Profile { rows: 10, duplicate_rows: 0, columns: vec![column], warnings: Vec::new() }
}

pub fn options() -> ReadOptions {
    ReadOptions {
        format: FileFormat::Csv,
        delimiter: ',',
        encoding: "utf-8".into(),
        has_header: true,
        missing: vec!["NA".into()],
        columns: vec![ColumnSchema { name: "age".into(), kind: ColumnType::Integer }],
    }
}

pub async fn dataset(store: &Store, project: ProjectId, name: &str) -> DatasetId {
    let id = DatasetId(fresh_id());
    let tx = store.begin().await.unwrap();
    let new = datasets::NewDataset {
        id,
        project,
        name: name.to_owned(),
        description: format!("About {name}"),
        created_at: now(),
        created_by: "ada".to_owned(),
    };
    datasets::create(&tx, new).await.unwrap();
    tx.commit().await.unwrap();
    id
}

pub async fn version(store: &Store, dataset: DatasetId, rows: u64, hash: &str) -> (DatasetVersionId, i32) {
    let id = DatasetVersionId(fresh_id());
    let tx = store.begin().await.unwrap();
    let number =
        datasets::add_version(&tx, new_version(id, dataset, rows, hash, &profile(), &options())).await.unwrap();
    tx.commit().await.unwrap();
    (id, number)
}

pub fn new_version<'a>(
    id: DatasetVersionId,
    dataset: DatasetId,
    rows: u64,
    hash: &'a str,
    profile: &'a Profile,
    read_options: &'a ReadOptions,
) -> datasets::NewVersion<'a> {
    static NONE: BadRowReport = BadRowReport { count: 0, first: Vec::new() };
    datasets::NewVersion {
        id,
        dataset,
        rows,
        bytes: 100 * rows,
        hash,
        source_name: "people.csv",
        profile,
        bad_rows: &NONE,
        read_options,
        created_at: now(),
        created_by: "ada",
        why: "",
        parent: None,
        quarantined: false,
    }
}

/// A project with one data set of one version.
pub struct Ground {
    pub project: ProjectId,
    pub dataset: DatasetId,
    pub version: DatasetVersionId,
}

pub async fn ground(store: &Store, slug: &str) -> Ground {
    let project = project(store, slug).await;
    let dataset = dataset(store, project, &format!("People of {slug}")).await;
    let (version, _) = version(store, dataset, 10, &"a".repeat(64)).await;
    Ground { project, dataset, version }
}

/// Queues a run; later calls wait behind earlier ones.
pub async fn run(store: &Store, ground: &Ground, name: &str) -> RunId {
    run_at(store, ground, name, now()).await
}

pub async fn run_at(store: &Store, ground: &Ground, name: &str, created_at: Timestamp) -> RunId {
    let id = RunId(fresh_id());
    let settings = TrainSettings { family: Family::Trees, ..TrainSettings::for_target("age") };
    let tx = store.begin().await.unwrap();
    let new = runs::NewRun {
        id,
        job: JobId(fresh_id()),
        project: ground.project,
        dataset: ground.dataset,
        dataset_version: ground.version,
        name: name.to_owned(),
        settings: &settings,
        code_version: "0.1.0",
        register_as: None,
        created_at,
        created_by: "ada".to_owned(),
    };
    runs::create(&tx, new).await.unwrap();
    tx.commit().await.unwrap();
    id
}

pub fn result(score: f64) -> RunResult {
    let input = InputColumn {
        name: "age".into(),
        kind: ColumnType::Integer,
        min: Some(1.0),
        max: Some(9.0),
        median: Some(4.0),
        categories: Vec::new(),
        free_text: false,
        had_missing: false,
    };
    RunResult {
        task: Task::Regression,
        family: Family::Trees,
        device: "CPU".into(),
        device_reason: "Trees train on the CPU.".into(),
        rows: PartRows { train: 6, valid: 2, test: 2 },
        seconds: 1.5,
        epochs: 40,
        rows_per_second: 1000.0,
        metrics: PartMetrics::default(),
        test: vec![TestMetric {
            name: "rmse".into(),
            value: score,
            low: score - 0.1,
            high: score + 0.1,
            higher_is_better: false,
        }],
        verdict: Verdict {
            fit: Fit::Good,
            sentence: "Good.".into(),
            rule: "Rule.".into(),
            advice: "Nothing.".into(),
            metric: "rmse".into(),
            train: 1.0,
            valid: 1.0,
            gap: 0.0,
            gap_low: 0.0,
            gap_high: 0.0,
            dummy: 2.0,
            linear: 1.5,
            learning_curve: Vec::new(),
        },
        candidates: Vec::new(),
        importance: Vec::new(),
        charts: Vec::new(),
        signature: Signature {
            inputs: vec![input],
            target: "age".into(),
            task: Task::Regression,
            classes: Vec::new(),
            loss: None,
        },
        parameters: BTreeMap::new(),
        libraries: BTreeMap::new(),
        model_file: "model.safetensors".into(),
        model_hash: "b".repeat(64),
        leakage: None,
        decision: None,
        slices: None,
        ceiling: None,
    }
}
