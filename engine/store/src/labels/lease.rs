//! Reviews as workers hold them: by a lease, whose attempt number fences off writers that lost it.

use crate::{
    Store, StoreError, Tx,
    entity::{label_finding, label_review},
    from_json,
    jobs::{Cancel, MAX_ATTEMPTS},
    parse,
    query::signed,
    to_json,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, UpdateMany,
    sea_query::{Expr, Func, LockBehavior, LockType, Order, Query},
};
use trainyard_types::{
    Code, DatasetVersionId, LabelReviewId, Problem, ProjectId, Timestamp, WorkerId,
    job::{JobState, Progress},
    labels::{LabelResult, LabelSettings},
};

/// Rows of one INSERT: well below SQLite's 32,766 parameters.
const INSERT_ROWS: usize = 1_000;

/// A worker's hold on a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LabelLease {
    pub review: LabelReviewId,
    pub worker: WorkerId,
    /// The fencing token: grows with each claim.
    pub attempt: i32,
}

/// A review as workers see it.
#[derive(Clone, Debug)]
pub struct LabelWork {
    pub project: ProjectId,
    pub version: DatasetVersionId,
    pub settings: LabelSettings,
}

/// Takes the review that has waited longest, in one statement, so that no two workers ever take the same one. The lease
/// ends at `until` unless a heartbeat extends it.
///
/// # Errors
/// The database failed.
pub async fn claim(
    store: &Store,
    worker: WorkerId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<LabelLease>, StoreError> {
    // An idle worker asks often: a look without the write lock costs others nothing.
    let queued = label_review::Column::State.eq(JobState::Queued.as_str());
    let waiting: Option<String> = label_review::Entity::find()
        .select_only()
        .column(label_review::Column::Id)
        .filter(queued.clone())
        .limit(1)
        .into_tuple()
        .one(store.db())
        .await?;
    if waiting.is_none() {
        return Ok(None);
    }
    let mut next = Query::select();
    // Ids sort by time.
    next.column(label_review::Column::Id)
        .from(label_review::Entity)
        .and_where(Expr::col(label_review::Column::State).eq(JobState::Queued.as_str()))
        .order_by(label_review::Column::Id, Order::Asc)
        .limit(1);
    if store.is_postgres() {
        next.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let tx = store.begin().await?;
    let claimed = label_review::Entity::update_many()
        .col_expr(label_review::Column::State, Expr::value(JobState::Running.as_str()))
        .col_expr(label_review::Column::Attempt, Expr::col(label_review::Column::Attempt).add(1))
        .col_expr(label_review::Column::WorkerId, Expr::value(worker.to_string()))
        .col_expr(label_review::Column::LeaseUntil, Expr::value(until.0))
        .col_expr(
            label_review::Column::StartedAt,
            Expr::expr(Func::coalesce([Expr::col(label_review::Column::StartedAt), Expr::value(now.0)])),
        )
        .filter(Expr::col(label_review::Column::Id).in_subquery(next))
        .exec_with_returning(&*tx)
        .await?
        .pop();
    tx.commit().await?;
    claimed
        .map(|model| Ok(LabelLease { review: parse("label_reviews.id", &model.id)?, worker, attempt: model.attempt }))
        .transpose()
}

/// What a worker needs of a review.
///
/// # Errors
/// The database failed.
pub async fn work(db: &impl ConnectionTrait, id: LabelReviewId) -> Result<Option<LabelWork>, StoreError> {
    let model = label_review::Entity::find_by_id(id.to_string()).one(db).await?;
    model
        .map(|model| {
            Ok(LabelWork {
                project: parse("label_reviews.project_id", &model.project_id)?,
                version: parse("label_reviews.dataset_version_id", &model.dataset_version_id)?,
                settings: from_json("label_reviews.settings", &model.settings)?,
            })
        })
        .transpose()
}

/// The review only while the lease is good.
fn held(lease: &LabelLease) -> Condition {
    Condition::all()
        .add(label_review::Column::Id.eq(lease.review.to_string()))
        .add(label_review::Column::Attempt.eq(lease.attempt))
        .add(label_review::Column::State.eq(JobState::Running.as_str()))
        .add(label_review::Column::WorkerId.eq(lease.worker.to_string()))
}

/// Extends the lease to `until` and says whether the review is to stop; `None` where the lease is lost.
///
/// # Errors
/// The database failed.
pub async fn heartbeat(store: &Store, lease: &LabelLease, until: Timestamp) -> Result<Option<bool>, StoreError> {
    let tx = store.begin().await?;
    let updated = label_review::Entity::update_many()
        .col_expr(label_review::Column::LeaseUntil, Expr::value(until.0))
        .filter(held(lease))
        .exec_with_returning(&*tx)
        .await?
        .pop();
    tx.commit().await?;
    Ok(updated.map(|model| model.cancel_requested))
}

/// Notes how far a review is; `false`, and nothing written, where the lease is lost.
///
/// # Errors
/// The database failed.
pub async fn record(store: &Store, lease: &LabelLease, progress: &Progress) -> Result<bool, StoreError> {
    let tx = store.begin().await?;
    let outcome = label_review::Entity::update_many()
        .col_expr(label_review::Column::Progress, Expr::value(to_json(progress)?))
        .filter(held(lease))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(outcome.rows_affected > 0)
}

fn ended(state: JobState, problem: Option<String>, now: Timestamp) -> UpdateMany<label_review::Entity> {
    label_review::Entity::update_many()
        .col_expr(label_review::Column::State, Expr::value(state.as_str()))
        .col_expr(label_review::Column::Problem, Expr::value(problem))
        .col_expr(label_review::Column::EndedAt, Expr::value(state.is_final().then_some(now.0)))
        .col_expr(label_review::Column::LeaseUntil, Expr::value(None::<i64>))
        .col_expr(label_review::Column::WorkerId, Expr::value(None::<String>))
        .col_expr(label_review::Column::Progress, Expr::value(None::<String>))
}

/// Ends a review that failed or was cancelled, or puts it back into the queue, within the caller's transaction; `false`
/// where the lease is lost.
///
/// # Errors
/// The database failed.
pub async fn end(
    tx: &Tx,
    lease: &LabelLease,
    state: JobState,
    problem: Option<&Problem>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let outcome = ended(state, problem.map(to_json).transpose()?, now).filter(held(lease)).exec(&**tx).await?;
    Ok(outcome.rows_affected > 0)
}

/// Ends a review that went well, with what it found, within the caller's transaction; `false`, and nothing written, where
/// the lease is lost.
///
/// # Errors
/// The database failed.
pub async fn finish(tx: &Tx, lease: &LabelLease, result: &LabelResult, now: Timestamp) -> Result<bool, StoreError> {
    let outcome = ended(JobState::Succeeded, None, now)
        .col_expr(label_review::Column::Summary, Expr::value(to_json(&result.summary)?))
        .filter(held(lease))
        .exec(&**tx)
        .await?;
    if outcome.rows_affected == 0 {
        return Ok(false);
    }
    let mut rank = 0;
    for chunk in result.findings.chunks(INSERT_ROWS) {
        let models: Vec<_> = chunk
            .iter()
            .map(|found| {
                rank += 1;
                label_finding::ActiveModel {
                    review_id: Set(lease.review.to_string()),
                    rank: Set(rank),
                    row: Set(signed(found.row)),
                    given: Set(found.given.clone()),
                    suggested: Set(found.suggested.clone()),
                    given_probability: Set(found.given_probability),
                    suggested_probability: Set(found.suggested_probability),
                    score: Set(found.score),
                    decision: Set(None),
                    label: Set(None),
                    decided_at: Set(None),
                    decided_by: Set(None),
                }
            })
            .collect();
        label_finding::Entity::insert_many(models).exec_without_returning(&**tx).await?;
    }
    Ok(true)
}

/// Asks a review to stop, within the caller's transaction: at once where it waits.
///
/// # Errors
/// The database failed.
pub async fn request_cancel(tx: &Tx, id: LabelReviewId, now: Timestamp) -> Result<Cancel, StoreError> {
    let one = || label_review::Column::Id.eq(id.to_string());
    let cancelled = ended(JobState::Cancelled, None, now)
        .col_expr(label_review::Column::CancelRequested, Expr::value(true))
        .filter(one())
        .filter(label_review::Column::State.eq(JobState::Queued.as_str()))
        .exec(&**tx)
        .await?;
    if cancelled.rows_affected > 0 {
        return Ok(Cancel::Done);
    }
    let asked = label_review::Entity::update_many()
        .col_expr(label_review::Column::CancelRequested, Expr::value(true))
        .filter(one())
        .filter(label_review::Column::State.eq(JobState::Running.as_str()))
        .exec(&**tx)
        .await?;
    Ok(if asked.rows_affected > 0 { Cancel::Requested } else { Cancel::TooLate })
}

/// Deals with reviews whose lease ended before `now`, or that `worker` held when it died: queued again, cancelled where
/// that was asked for, failed where workers died of them too often. Answers how many.
///
/// # Errors
/// The database failed; what was done before stands.
pub async fn reap(store: &Store, worker: Option<WorkerId>, now: Timestamp) -> Result<u64, StoreError> {
    let which = Condition::all().add(label_review::Column::State.eq(JobState::Running.as_str()));
    let which = match worker {
        Some(worker) => which.add(label_review::Column::WorkerId.eq(worker.to_string())),
        None => which.add(label_review::Column::LeaseUntil.lt(now.0)),
    };
    let mut done = 0;
    let silent = label_review::Entity::find().filter(which.clone()).order_by_asc(label_review::Column::Id).limit(200);
    for model in silent.all(store.db()).await? {
        let deaths = model.deaths + 1;
        let update = if model.cancel_requested {
            ended(JobState::Cancelled, None, now)
        } else if deaths < MAX_ATTEMPTS {
            ended(JobState::Queued, None, now)
        } else {
            let message = format!(
                "Its worker died {deaths} times. Look at the worker's log and memory, then start the review anew."
            );
            ended(JobState::Failed, Some(to_json(&Problem::new(Code::Unavailable, message))?), now)
        };
        let tx = store.begin().await?;
        // Seen again in the UPDATE: the worker may have answered, or another reaper acted, since the SELECT.
        let outcome = update
            .col_expr(label_review::Column::Deaths, Expr::value(deaths))
            .filter(which.clone())
            .filter(label_review::Column::Id.eq(model.id.as_str()))
            .filter(label_review::Column::Attempt.eq(model.attempt))
            .exec(&*tx)
            .await?;
        tx.commit().await?;
        done += outcome.rows_affected;
    }
    Ok(done)
}
