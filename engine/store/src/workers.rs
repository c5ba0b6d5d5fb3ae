//! Processes that claim jobs.

use crate::{
    Store, StoreError,
    entity::{job, worker},
    from_json, parse,
    query::{all, pick_all, unsigned},
    to_json,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Func, OnConflict, Order, Query},
};
use trainyard_types::{
    Timestamp, WorkerId,
    job::{Calibration, JobState, WorkerView},
};

/// Who asks for jobs.
#[derive(Clone, Debug)]
pub struct NewWorker {
    /// The id that it had before a restart, if it kept one.
    pub id: WorkerId,
    pub host: String,
    /// The device that its jobs run on, in words.
    pub device: String,
    /// Jobs that it runs at the same time.
    pub slots: u32,
}

/// Makes a worker known, or known again under its old id.
///
/// # Errors
/// The database failed.
pub async fn register(store: &Store, new: &NewWorker, now: Timestamp) -> Result<(), StoreError> {
    use worker::Column;
    let tx = store.begin().await?;
    let model = worker::ActiveModel {
        id: Set(new.id.to_string()),
        host: Set(new.host.clone()),
        device: Set(new.device.clone()),
        slots: Set(i32::try_from(new.slots).unwrap_or(i32::MAX)),
        started_at: Set(now.0),
        last_seen: Set(now.0),
        // What was measured before stays.
        calibration: NotSet,
        calibrated_by: NotSet,
    };
    let again = OnConflict::column(Column::Id)
        .update_columns([Column::Host, Column::Device, Column::Slots, Column::StartedAt, Column::LastSeen])
        .to_owned();
    worker::Entity::insert(model).on_conflict(again).exec_without_returning(&*tx).await?;
    tx.commit().await
}

/// Notes that a worker is alive.
///
/// # Errors
/// The database failed.
pub async fn seen(store: &Store, id: WorkerId, now: Timestamp) -> Result<(), StoreError> {
    let tx = store.begin().await?;
    worker::Entity::update_many()
        .col_expr(worker::Column::LastSeen, Expr::value(now.0))
        .filter(worker::Column::Id.eq(id.to_string()))
        .exec(&*tx)
        .await?;
    tx.commit().await
}

/// Notes how fast a worker trains, as this version of the program measured it.
///
/// # Errors
/// The database failed.
pub async fn calibrated(store: &Store, id: WorkerId, measured: &Calibration, version: &str) -> Result<(), StoreError> {
    let tx = store.begin().await?;
    worker::Entity::update_many()
        .col_expr(worker::Column::Calibration, Expr::value(to_json(measured)?))
        .col_expr(worker::Column::CalibratedBy, Expr::value(version))
        .filter(worker::Column::Id.eq(id.to_string()))
        .exec(&*tx)
        .await?;
    tx.commit().await
}

/// Whether that version has measured how fast the worker trains.
///
/// # Errors
/// The database failed.
pub async fn is_calibrated(db: &impl ConnectionTrait, id: WorkerId, version: &str) -> Result<bool, StoreError> {
    let found = worker::Entity::find_by_id(id.to_string()).one(db).await?;
    Ok(found.is_some_and(|worker| worker.calibrated_by.as_deref() == Some(version)))
}

/// How fast those workers train that were seen since an instant, as far as that is known; 500 at most.
///
/// # Errors
/// The database failed.
pub async fn calibrations(db: &impl ConnectionTrait, since: Timestamp) -> Result<Vec<Calibration>, StoreError> {
    let workers = worker::Entity::find()
        .filter(worker::Column::LastSeen.gte(since.0))
        .order_by_desc(worker::Column::LastSeen)
        .limit(500)
        .all(db)
        .await?;
    workers
        .into_iter()
        .filter_map(|worker| worker.calibration)
        .map(|text| from_json("workers.calibration", &text))
        .collect()
}

#[derive(FromQueryResult)]
struct Row {
    running: i64,
    #[sea_orm(nested)]
    worker: worker::Model,
}

/// Workers seen since an instant with how many jobs each runs, the last seen first, 500 at most.
///
/// # Errors
/// The database failed.
pub async fn list(db: &impl ConnectionTrait, since: Timestamp) -> Result<Vec<WorkerView>, StoreError> {
    let mut running = Query::select();
    running
        .expr(Func::count(Expr::cust("*")))
        .from(job::Entity)
        .and_where(Expr::col((job::Entity, job::Column::WorkerId)).equals((worker::Entity, worker::Column::Id)))
        .and_where(job::Column::State.eq(JobState::Running.as_str()));
    let mut select = Query::select();
    select
        .from(worker::Entity)
        .and_where(worker::Column::LastSeen.gte(since.0))
        .order_by((worker::Entity, worker::Column::LastSeen), Order::Desc)
        .limit(500);
    pick_all(&mut select, worker::Entity, "");
    select.expr_as(Expr::from(running), "running");
    let rows: Vec<Row> = all(db, &select).await?;
    rows.into_iter()
        .map(|Row { running, worker }| {
            Ok(WorkerView {
                id: parse("workers.id", &worker.id)?,
                host: worker.host,
                device: worker.device,
                started_at: Timestamp(worker.started_at),
                last_seen: Timestamp(worker.last_seen),
                running: u32::try_from(unsigned(running)).unwrap_or(u32::MAX),
                slots: u32::try_from(worker.slots).unwrap_or(1),
            })
        })
        .collect()
}
