//! Training runs with their jobs and logs. A run and its job are made together and read together.

mod entries;
pub mod marks;
pub mod table;
mod table_query;
pub mod values;
pub mod views;

use crate::{
    Store, StoreError, Tx,
    entity::{dataset, dataset_version, job, model, model_version, run},
    from_json, jobs, now, parse,
    query::{all, count, direction, holds, one, order, order_nulls_last, pick, pick_all, signed, unsigned},
    queue::{self, Queue, job_view},
    to_json,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QuerySelect,
    sea_query::{Expr, JoinType, Query, SelectStatement},
};
use trainyard_types::{
    DatasetId, DatasetVersionId, JobId, Page, PageQuery, ProjectId, RunId, Timestamp,
    evaluation::RunResult,
    job::JobState,
    run::{Family, RegisteredAs, RunSummary, RunView, Task, TrainSettings},
};

/// A run that is asked for.
#[derive(Clone, Debug)]
pub struct NewRun<'a> {
    pub id: RunId,
    pub job: JobId,
    pub project: ProjectId,
    pub dataset: DatasetId,
    pub dataset_version: DatasetVersionId,
    pub name: String,
    pub settings: &'a TrainSettings,
    pub code_version: &'a str,
    /// The model that it becomes a version of when it succeeds.
    pub register_as: Option<String>,
    pub created_at: Timestamp,
    pub created_by: String,
}

/// Inserts a run and queues its job.
///
/// # Errors
/// The database failed.
pub async fn create(tx: &Tx, new: NewRun<'_>) -> Result<(), StoreError> {
    run::ActiveModel {
        id: Set(new.id.to_string()),
        project_id: Set(new.project.to_string()),
        dataset_id: Set(new.dataset.to_string()),
        dataset_version_id: Set(new.dataset_version.to_string()),
        name: Set(new.name),
        target: Set(new.settings.target.clone()),
        family: Set(new.settings.family.as_str().to_owned()),
        settings: Set(to_json(new.settings)?),
        split_id: Set(new.settings.kept_split.as_ref().map(|kept| kept.id.to_string())),
        code_version: Set(new.code_version.to_owned()),
        register_as: Set(new.register_as),
        created_at: Set(new.created_at.0),
        created_by: Set(new.created_by),
        task: Set(new.settings.task.map(|task| task.as_str().to_owned())),
        ..Default::default()
    }
    .insert(&**tx)
    .await?;
    values::keep_settings(tx, new.project, new.id, new.settings).await?;
    jobs::enqueue(tx, new.job, new.project, new.id, new.created_at).await
}

/// Inserts a run that was done elsewhere, by a pipeline's step, with its result.
///
/// # Errors
/// The database failed.
pub async fn create_finished(tx: &Tx, new: NewRun<'_>, result: &RunResult, model_bytes: u64) -> Result<(), StoreError> {
    let (id, at) = (new.id, new.created_at);
    create(tx, new).await?;
    set_result(tx, id, result, model_bytes).await?;
    jobs::done_elsewhere(tx, id, at).await
}

/// Keeps what a run found out.
///
/// # Errors
/// The database failed.
pub async fn set_result(tx: &Tx, id: RunId, result: &RunResult, model_bytes: u64) -> Result<(), StoreError> {
    let score = result.test.first();
    run::ActiveModel {
        id: Set(id.to_string()),
        device: Set(Some(result.device.clone())),
        device_reason: Set(Some(result.device_reason.clone())),
        task: Set(Some(result.task.as_str().to_owned())),
        trained: Set(Some(result.family.as_str().to_owned())),
        score: Set(score.map(|metric| metric.value).filter(|value| value.is_finite())),
        score_json: Set(score.map(to_json).transpose()?),
        verdict: Set(Some(result.verdict.fit.as_str().to_owned())),
        seconds: Set(Some(result.seconds)),
        result: Set(Some(to_json(result)?)),
        model_bytes: Set(Some(signed(model_bytes))),
        ..Default::default()
    }
    .update(&**tx)
    .await?;
    values::keep_outcome(tx, id, Some(result)).await
}

/// What a worker needs of a run that it claimed.
#[derive(Clone, Debug)]
pub struct Work {
    pub project: ProjectId,
    pub dataset_version: DatasetVersionId,
    /// Name of the rows' Parquet file in the artifact store.
    pub dataset_hash: String,
    pub settings: TrainSettings,
    pub register_as: Option<String>,
    pub name: String,
    pub created_by: String,
}

/// The run's work order.
///
/// # Errors
/// The database failed.
pub async fn work(db: &impl ConnectionTrait, id: RunId) -> Result<Option<Work>, StoreError> {
    let Some(model) = run::Entity::find_by_id(id.to_string()).one(db).await? else { return Ok(None) };
    let version = dataset_version::Entity::find_by_id(model.dataset_version_id.clone())
        .one(db)
        .await?
        .ok_or_else(|| StoreError::Corrupt(format!("the data set version of run {id} is gone")))?;
    Ok(Some(Work {
        project: parse("runs.project_id", &model.project_id)?,
        dataset_version: parse("runs.dataset_version_id", &model.dataset_version_id)?,
        dataset_hash: version.hash,
        settings: from_json("runs.settings", &model.settings)?,
        register_as: model.register_as,
        name: model.name,
        created_by: model.created_by,
    }))
}

/// Whether the project has the run, and its job's state.
///
/// # Errors
/// The database failed.
pub async fn state(db: &impl ConnectionTrait, project: ProjectId, id: RunId) -> Result<Option<JobState>, StoreError> {
    let model = job::Entity::find()
        .filter(job::Column::RunId.eq(id.to_string()))
        .filter(job::Column::ProjectId.eq(project.to_string()))
        .one(db)
        .await?;
    model.map(|model| parse("jobs.state", &model.state)).transpose()
}

/// Runs of a project, newest first, or by `name`, `created`, `score`, `seconds`, `target`, `family`, `dataset`. `q` looks
/// in name, target and data set; `state` is a job's state. Archived runs are left out.
///
/// # Errors
/// The database failed.
pub async fn list(store: &Store, project: ProjectId, query: &PageQuery) -> Result<Page<RunSummary>, StoreError> {
    let mut select = summaries(project);
    select.and_where(run::Column::ArchivedAt.is_null());
    if !query.state.is_empty() {
        select.and_where(job::Column::State.eq(query.state.as_str()));
    }
    let names = holds(&query.q, &[run::Column::Name, run::Column::Target]);
    if let (Some(names), Some(datasets)) = (names, holds(&query.q, &[dataset::Column::Name])) {
        select.cond_where(names.add(datasets));
    }
    let total = count(store.db(), &select).await?;
    let (name, down) = direction(&query.sort);
    match name {
        "name" => order(&mut select, run::Column::Name, down),
        "score" => order_nulls_last(&mut select, run::Column::Score, down),
        "seconds" => order_nulls_last(&mut select, run::Column::Seconds, down),
        "target" => order(&mut select, run::Column::Target, down),
        "family" => order(&mut select, run::Column::Family, down),
        "dataset" => order(&mut select, dataset::Column::Name, down),
        _ => {}
    }
    newest(&mut select, name != "created" || down);
    select.limit(query.limit()).offset(query.offset());
    Ok(Page::new(read(store.db(), &select).await?, total, query))
}

/// Runs of a project whose jobs are in one of these states: `limit` of them, newest or longest waiting first. Archived runs
/// are left out.
///
/// # Errors
/// The database failed.
pub async fn in_states(
    db: &impl ConnectionTrait,
    project: ProjectId,
    states: &[JobState],
    limit: u64,
) -> Result<Vec<RunSummary>, StoreError> {
    let mut select = summaries(project);
    select
        .and_where(job::Column::State.is_in(states.iter().map(|state| state.as_str())))
        .and_where(run::Column::ArchivedAt.is_null())
        .limit(limit);
    if states.iter().all(|state| state.is_final()) {
        order_nulls_last(&mut select, job::Column::EndedAt, true);
    } else {
        // `running` sorts after `queued`.
        order(&mut select, job::Column::State, true);
        order(&mut select, job::Column::QueuedAt, false);
    }
    order(&mut select, run::Column::Id, true);
    read(db, &select).await
}

/// One run of the project, whole.
///
/// # Errors
/// The database failed.
pub async fn view(db: &impl ConnectionTrait, project: ProjectId, id: RunId) -> Result<Option<RunView>, StoreError> {
    let mut select = summaries(project);
    select.and_where(run::Column::Id.eq(id.to_string()));
    let rest = {
        use run::Column::*;
        [Settings, CodeVersion, DatasetVersionId, Device, DeviceReason, Result, Problem]
    };
    pick(&mut select, run::Entity, "", &rest);
    select.expr_as(Expr::col((dataset_version::Entity, dataset_version::Column::Hash)), "dataset_hash");
    let Some(whole) = one::<WholeRow>(db, &select).await? else { return Ok(None) };
    let queue = queue_for(db, std::slice::from_ref(&whole.summary)).await?;
    let mut registered = Query::select();
    registered
        .expr_as(Expr::col((model::Entity, model::Column::Name)), "model")
        .expr_as(Expr::col((model_version::Entity, model_version::Column::Number)), "version")
        .from(model_version::Entity)
        .join(
            JoinType::InnerJoin,
            model::Entity,
            Expr::col((model::Entity, model::Column::Id))
                .equals((model_version::Entity, model_version::Column::ModelId)),
        )
        .and_where(model_version::Column::RunId.eq(id.to_string()));
    let registered = db
        .query_all(&registered)
        .await?
        .iter()
        .map(|row| Ok(RegisteredAs { model: row.try_get("", "model")?, version: row.try_get("", "version")? }))
        .collect::<Result<Vec<_>, StoreError>>()?;
    Ok(Some(RunView {
        settings: from_json("runs.settings", &whole.settings)?,
        dataset_version_id: parse("runs.dataset_version_id", &whole.dataset_version_id)?,
        dataset_hash: whole.dataset_hash,
        code_version: whole.code_version,
        device: whole.device,
        device_reason: whole.device_reason,
        result: whole.result.as_deref().map(|text| from_json("runs.result", text)).transpose()?,
        problem: whole.problem.as_deref().map(|text| from_json("runs.problem", text)).transpose()?,
        registered,
        summary: whole.summary.view(&queue)?,
    }))
}

/// The part of a run that changes while it trains: its job, its device.
///
/// # Errors
/// The database failed.
pub async fn pulse(
    db: &impl ConnectionTrait,
    project: ProjectId,
    id: RunId,
) -> Result<Option<(trainyard_types::job::JobView, Option<String>, Option<String>)>, StoreError> {
    let Some(job) = job::Entity::find()
        .filter(job::Column::RunId.eq(id.to_string()))
        .filter(job::Column::ProjectId.eq(project.to_string()))
        .one(db)
        .await?
    else {
        return Ok(None);
    };
    let (device, reason): (Option<String>, Option<String>) = run::Entity::find_by_id(id.to_string())
        .select_only()
        .columns([run::Column::Device, run::Column::DeviceReason])
        .into_tuple()
        .one(db)
        .await?
        .unwrap_or_default();
    let waits = job.state == JobState::Queued.as_str();
    let queue = if waits { queue::read(db, now()).await? } else { Queue::default() };
    Ok(Some((job_view(job, &queue)?, device, reason)))
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub name: String,
    pub state: JobState,
    pub result: Option<RunResult>,
    /// Size of the model file.
    pub model_bytes: u64,
}

/// How a run of the project ended, or that it has not.
///
/// # Errors
/// The database failed.
pub async fn outcome(db: &impl ConnectionTrait, project: ProjectId, id: RunId) -> Result<Option<Outcome>, StoreError> {
    let Some(state) = state(db, project, id).await? else { return Ok(None) };
    let Some(model) = run::Entity::find_by_id(id.to_string()).one(db).await? else { return Ok(None) };
    Ok(Some(Outcome {
        name: model.name,
        state,
        result: model.result.as_deref().map(|text| from_json("runs.result", text)).transpose()?,
        model_bytes: unsigned(model.model_bytes.unwrap_or(0)),
    }))
}

fn newest(select: &mut SelectStatement, down: bool) {
    order(select, run::Column::CreatedAt, down);
    order(select, run::Column::Id, down);
}

fn summaries(project: ProjectId) -> SelectStatement {
    let mut select = Query::select();
    select
        .from(run::Entity)
        .join(
            JoinType::InnerJoin,
            job::Entity,
            Expr::col((job::Entity, job::Column::RunId)).equals((run::Entity, run::Column::Id)),
        )
        .join(
            JoinType::InnerJoin,
            dataset::Entity,
            Expr::col((dataset::Entity, dataset::Column::Id)).equals((run::Entity, run::Column::DatasetId)),
        )
        .join(
            JoinType::InnerJoin,
            dataset_version::Entity,
            Expr::col((dataset_version::Entity, dataset_version::Column::Id))
                .equals((run::Entity, run::Column::DatasetVersionId)),
        )
        .and_where(run::Column::ProjectId.eq(project.to_string()));
    let columns = {
        use run::Column::*;
        [Id, Name, DatasetId, Target, Family, Task, Trained, ScoreJson, Verdict, CreatedAt, CreatedBy, Seconds]
    };
    pick(&mut select, run::Entity, "", &columns);
    pick_all(&mut select, job::Entity, "job_");
    select
        .expr_as(Expr::col((dataset::Entity, dataset::Column::Name)), "dataset_name")
        .expr_as(Expr::col((dataset_version::Entity, dataset_version::Column::Number)), "dataset_version");
    select
}

async fn read(db: &impl ConnectionTrait, select: &SelectStatement) -> Result<Vec<RunSummary>, StoreError> {
    let rows: Vec<SummaryRow> = all(db, select).await?;
    let queue = queue_for(db, &rows).await?;
    rows.into_iter().map(|row| row.view(&queue)).collect()
}

/// The queue, if any of the rows waits in it.
async fn queue_for(db: &impl ConnectionTrait, rows: &[SummaryRow]) -> Result<Queue, StoreError> {
    if rows.iter().any(|row| row.job.state == JobState::Queued.as_str()) {
        queue::read(db, now()).await
    } else {
        Ok(Queue::default())
    }
}

#[derive(FromQueryResult)]
struct SummaryRow {
    id: String,
    name: String,
    dataset_id: String,
    dataset_name: String,
    dataset_version: i32,
    target: String,
    family: String,
    task: Option<String>,
    trained: Option<String>,
    score_json: Option<String>,
    verdict: Option<String>,
    created_at: i64,
    created_by: String,
    seconds: Option<f64>,
    #[sea_orm(nested(prefix = "job_"))]
    job: job::Model,
}

impl SummaryRow {
    fn view(self, queue: &Queue) -> Result<RunSummary, StoreError> {
        Ok(RunSummary {
            id: parse("runs.id", &self.id)?,
            name: self.name,
            dataset: parse("runs.dataset_id", &self.dataset_id)?,
            dataset_name: self.dataset_name,
            dataset_version: self.dataset_version,
            target: self.target,
            task: self.task.as_deref().map(task_from).transpose()?,
            family: parse::<Family>("runs.family", &self.family)?,
            trained: self.trained.as_deref().map(|text| parse("runs.trained", text)).transpose()?,
            job: job_view(self.job, queue)?,
            score: self.score_json.as_deref().map(|text| from_json("runs.score_json", text)).transpose()?,
            verdict: self.verdict,
            created_at: Timestamp(self.created_at),
            created_by: self.created_by,
            seconds: self.seconds,
        })
    }
}

#[derive(FromQueryResult)]
struct WholeRow {
    #[sea_orm(nested)]
    summary: SummaryRow,
    settings: String,
    code_version: String,
    dataset_version_id: String,
    dataset_hash: String,
    device: Option<String>,
    device_reason: Option<String>,
    result: Option<String>,
    problem: Option<String>,
}

/// A task from its column.
pub(crate) fn task_from(text: &str) -> Result<Task, StoreError> {
    [Task::Binary, Task::Multiclass, Task::Regression]
        .into_iter()
        .find(|task| task.as_str() == text)
        .ok_or_else(|| StoreError::Corrupt(format!("'{text}' is no task")))
}
