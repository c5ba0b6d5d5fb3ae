//! Reviews of labels: what was asked, what was found, what people decided.

mod lease;

pub use lease::{LabelLease, LabelWork, claim, end, finish, heartbeat, reap, record, request_cancel, work};

use crate::{
    Store, StoreError, Tx,
    entity::{dataset, dataset_version, label_finding, label_review},
    from_json, parse,
    query::{all, count, one, pick, pick_all, unsigned},
    to_json,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, FromQueryResult, PaginatorTrait, QueryFilter,
    QueryOrder, QueryResult, QuerySelect, Select,
    sea_query::{Expr, Func, JoinType, Order, Query, SelectStatement},
};
use std::collections::HashMap;
use trainyard_types::{
    DatasetId, DatasetVersionId, LabelReviewId, Page, PageQuery, ProjectId, Timestamp,
    job::JobState,
    labels::{
        LabelDecision, LabelDecisions, LabelFilter, LabelFinding, LabelReviewView, LabelSettings, LabelsApplied,
        UNDECIDED,
    },
};

/// A review that is asked for.
#[derive(Clone, Debug)]
pub struct NewLabelReview<'a> {
    pub id: LabelReviewId,
    pub project: ProjectId,
    pub version: DatasetVersionId,
    pub settings: &'a LabelSettings,
    pub created_at: Timestamp,
    pub created_by: &'a str,
}

/// Puts a review at the queue's end.
///
/// # Errors
/// The database failed.
pub async fn enqueue(tx: &Tx, new: NewLabelReview<'_>) -> Result<(), StoreError> {
    label_review::ActiveModel {
        id: Set(new.id.to_string()),
        project_id: Set(new.project.to_string()),
        dataset_version_id: Set(new.version.to_string()),
        settings: Set(to_json(new.settings)?),
        state: Set(JobState::Queued.as_str().to_owned()),
        cancel_requested: Set(false),
        attempt: Set(0),
        deaths: Set(0),
        worker_id: Set(None),
        lease_until: Set(None),
        progress: Set(None),
        problem: Set(None),
        summary: Set(None),
        decision_seq: Set(0),
        applied_version_id: Set(None),
        applied_at: Set(None),
        applied_by: Set(None),
        created_at: Set(new.created_at.0),
        created_by: Set(new.created_by.to_owned()),
        started_at: Set(None),
        ended_at: Set(None),
    }
    .insert(&**tx)
    .await?;
    Ok(())
}

/// Reviews of a data set of the project, newest first; of one version only where it is given.
///
/// # Errors
/// The database failed.
pub async fn list(
    db: &impl ConnectionTrait,
    project: ProjectId,
    dataset: DatasetId,
    version: Option<DatasetVersionId>,
    limit: u64,
) -> Result<Vec<LabelReviewView>, StoreError> {
    let mut select = views(project);
    select.and_where(dataset_version::Column::DatasetId.eq(dataset.to_string())).limit(limit);
    if let Some(version) = version {
        select.and_where(label_review::Column::DatasetVersionId.eq(version.to_string()));
    }
    select.order_by((label_review::Entity, label_review::Column::Id), Order::Desc);
    shown(db, all::<Row>(db, &select).await?).await
}

/// One review of the project.
///
/// # Errors
/// The database failed.
pub async fn view(
    db: &impl ConnectionTrait,
    project: ProjectId,
    id: LabelReviewId,
) -> Result<Option<LabelReviewView>, StoreError> {
    let mut select = views(project);
    select.and_where(Expr::col((label_review::Entity, label_review::Column::Id)).eq(id.to_string()));
    let row = one::<Row>(db, &select).await?;
    Ok(shown(db, row.into_iter().collect()).await?.pop())
}

/// How many reviews that have not ended need the version.
///
/// # Errors
/// The database failed.
pub async fn unfinished(db: &impl ConnectionTrait, version: DatasetVersionId) -> Result<u64, StoreError> {
    let open = JobState::ALL.into_iter().filter(|state| !state.is_final()).map(JobState::as_str);
    let mut select = Query::select();
    select
        .from(label_review::Entity)
        .and_where(label_review::Column::DatasetVersionId.eq(version.to_string()))
        .and_where(label_review::Column::State.is_in(open));
    count(db, &select).await
}

/// Forgets the rows that reviews of a version found, and what was decided about them; counts stay.
///
/// # Errors
/// The database failed.
pub async fn forget_rows(tx: &Tx, version: DatasetVersionId) -> Result<(), StoreError> {
    let mut reviews = Query::select();
    reviews
        .column(label_review::Column::Id)
        .from(label_review::Entity)
        .and_where(Expr::col(label_review::Column::DatasetVersionId).eq(version.to_string()));
    label_finding::Entity::delete_many()
        .filter(Expr::col(label_finding::Column::ReviewId).in_subquery(reviews))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Findings of a review, the most suspicious first, or by `row` or `score`. `state` of the query is a decision, or
/// [`UNDECIDED`]. Their values are left empty.
///
/// # Errors
/// The database failed.
pub async fn findings(
    store: &Store,
    id: LabelReviewId,
    query: &PageQuery,
    filter: &LabelFilter,
) -> Result<Page<LabelFinding>, StoreError> {
    use label_finding::Column;
    let mut select = of_review(id);
    select = match query.state.as_str() {
        "" => select,
        UNDECIDED => select.filter(Column::Decision.is_null()),
        decision => select.filter(Column::Decision.eq(decision)),
    };
    for (column, wanted) in [(Column::Given, &filter.given), (Column::Suggested, &filter.suggested)] {
        if !wanted.is_empty() {
            select = select.filter(column.eq(wanted.as_str()));
        }
    }
    let total = select.clone().count(store.db()).await?;
    let (name, down) = crate::query::direction(&query.sort);
    let order = if down { Order::Desc } else { Order::Asc };
    let select = match name {
        "row" => select.order_by(Column::Row, order),
        "score" => select.order_by(Column::Score, order).order_by_asc(Column::Rank),
        "rank" => select.order_by(Column::Rank, order),
        _ => select.order_by_asc(Column::Rank),
    };
    let models = select.offset(query.offset()).limit(query.limit()).all(store.db()).await?;
    let items = models.into_iter().map(finding).collect::<Result<_, _>>()?;
    Ok(Page::new(items, total, query))
}

/// Findings of a review with these ranks.
///
/// # Errors
/// The database failed.
pub async fn ranked(
    db: &impl ConnectionTrait,
    id: LabelReviewId,
    ranks: &[u32],
) -> Result<Vec<LabelFinding>, StoreError> {
    let ranks = ranks.iter().map(|rank| i32::try_from(*rank).unwrap_or(i32::MAX));
    let models = of_review(id)
        .filter(label_finding::Column::Rank.is_in(ranks))
        .order_by_asc(label_finding::Column::Rank)
        .all(db)
        .await?;
    models.into_iter().map(finding).collect()
}

/// What a corrected version differs by, in the rows' order, and the number of the decision that came last.
///
/// # Errors
/// The database failed.
pub async fn changes(db: &impl ConnectionTrait, id: LabelReviewId) -> Result<(Vec<LabelFinding>, i32), StoreError> {
    // The number first: what is decided in between is found by it.
    let seq = label_review::Entity::find_by_id(id.to_string()).one(db).await?.map_or(0, |model| model.decision_seq);
    let changing = LabelDecision::ALL.into_iter().filter(|decision| *decision != LabelDecision::Right);
    let models = of_review(id)
        .filter(label_finding::Column::Decision.is_in(changing.map(LabelDecision::as_str)))
        .order_by_asc(label_finding::Column::Row)
        .all(db)
        .await?;
    Ok((models.into_iter().map(finding).collect::<Result<_, _>>()?, seq))
}

/// Keeps a decision about findings, or takes it back, within the caller's transaction. `None` where the review was applied
/// or has not gone well, otherwise how many findings it is about.
///
/// # Errors
/// The database failed.
pub async fn decide(
    tx: &Tx,
    id: LabelReviewId,
    ranks: &[u32],
    decision: Option<(LabelDecision, Option<&str>)>,
    at: Timestamp,
    by: &str,
) -> Result<Option<u64>, StoreError> {
    // The UPDATE locks the review: it is not applied meanwhile.
    let open = label_review::Entity::update_many()
        .col_expr(label_review::Column::DecisionSeq, Expr::col(label_review::Column::DecisionSeq).add(1))
        .filter(label_review::Column::Id.eq(id.to_string()))
        .filter(label_review::Column::State.eq(JobState::Succeeded.as_str()))
        .filter(label_review::Column::AppliedVersionId.is_null())
        .exec(&**tx)
        .await?;
    if open.rows_affected == 0 {
        return Ok(None);
    }
    let word = decision.map(|(decision, _)| decision.as_str().to_owned());
    let label = decision.and_then(|(_, label)| label).map(str::to_owned);
    let ranks = ranks.iter().map(|rank| i32::try_from(*rank).unwrap_or(i32::MAX));
    let outcome = label_finding::Entity::update_many()
        .col_expr(label_finding::Column::DecidedAt, Expr::value(word.is_some().then_some(at.0)))
        .col_expr(label_finding::Column::DecidedBy, Expr::value(word.is_some().then(|| by.to_owned())))
        .col_expr(label_finding::Column::Decision, Expr::value(word))
        .col_expr(label_finding::Column::Label, Expr::value(label))
        .filter(label_finding::Column::ReviewId.eq(id.to_string()))
        .filter(label_finding::Column::Rank.is_in(ranks))
        .exec(&**tx)
        .await?;
    Ok(Some(outcome.rows_affected))
}

/// Notes the version that the decisions became, within the transaction that makes it. `false` where they became one before,
/// or somebody has decided anything since decision number `seq`.
///
/// # Errors
/// The database failed.
pub async fn applied(
    tx: &Tx,
    id: LabelReviewId,
    seq: i32,
    version: DatasetVersionId,
    at: Timestamp,
    by: &str,
) -> Result<bool, StoreError> {
    let outcome = label_review::Entity::update_many()
        .col_expr(label_review::Column::AppliedVersionId, Expr::value(version.to_string()))
        .col_expr(label_review::Column::AppliedAt, Expr::value(at.0))
        .col_expr(label_review::Column::AppliedBy, Expr::value(by))
        .filter(label_review::Column::Id.eq(id.to_string()))
        .filter(label_review::Column::AppliedVersionId.is_null())
        .filter(label_review::Column::DecisionSeq.eq(seq))
        .exec(&**tx)
        .await?;
    Ok(outcome.rows_affected > 0)
}

fn of_review(id: LabelReviewId) -> Select<label_finding::Entity> {
    label_finding::Entity::find().filter(label_finding::Column::ReviewId.eq(id.to_string()))
}

fn finding(model: label_finding::Model) -> Result<LabelFinding, StoreError> {
    Ok(LabelFinding {
        rank: u32::try_from(model.rank).unwrap_or(0),
        row: unsigned(model.row),
        given: model.given,
        suggested: model.suggested,
        given_probability: model.given_probability,
        suggested_probability: model.suggested_probability,
        score: model.score,
        decision: model.decision.as_deref().map(|text| parse("label_findings.decision", text)).transpose()?,
        label: model.label,
        decided_at: model.decided_at.map(Timestamp),
        decided_by: model.decided_by,
        values: Default::default(),
    })
}

fn views(project: ProjectId) -> SelectStatement {
    let version = Expr::col((dataset_version::Entity, dataset_version::Column::Id))
        .equals((label_review::Entity, label_review::Column::DatasetVersionId));
    let same_dataset = Expr::col((dataset_version::Entity, dataset_version::Column::DatasetId))
        .equals((dataset::Entity, dataset::Column::Id));
    let mut applied = Query::select();
    applied
        .expr(Expr::col(("applied", dataset_version::Column::Number)))
        .from_as(dataset_version::Entity, "applied")
        .and_where(
            Expr::col(("applied", dataset_version::Column::Id))
                .equals((label_review::Entity, label_review::Column::AppliedVersionId)),
        );
    let mut select = Query::select();
    select
        .from(label_review::Entity)
        .join(JoinType::InnerJoin, dataset_version::Entity, version)
        .join(JoinType::InnerJoin, dataset::Entity, same_dataset)
        .and_where(Expr::col((label_review::Entity, label_review::Column::ProjectId)).eq(project.to_string()));
    pick_all(&mut select, label_review::Entity, "");
    pick(
        &mut select,
        dataset_version::Entity,
        "",
        &[dataset_version::Column::Number, dataset_version::Column::DatasetId],
    );
    pick(&mut select, dataset::Entity, "dataset_", &[dataset::Column::Name]);
    select.expr_as(Expr::from(applied), "applied_number");
    select
}

struct Row {
    review: label_review::Model,
    number: i32,
    dataset_id: String,
    dataset_name: String,
    applied_number: Option<i32>,
}

impl FromQueryResult for Row {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        Ok(Self {
            review: label_review::Model::from_query_result(row, prefix)?,
            number: row.try_get(prefix, "number")?,
            dataset_id: row.try_get(prefix, "dataset_id")?,
            dataset_name: row.try_get(prefix, "dataset_name")?,
            applied_number: row.try_get(prefix, "applied_number")?,
        })
    }
}

/// Rows with how many of their findings were decided in each way.
async fn shown(db: &impl ConnectionTrait, rows: Vec<Row>) -> Result<Vec<LabelReviewView>, StoreError> {
    let ids: Vec<String> = rows.iter().map(|row| row.review.id.clone()).collect();
    let mut select = Query::select();
    select
        .column(label_finding::Column::ReviewId)
        .column(label_finding::Column::Decision)
        .expr_as(Func::count(Expr::cust("*")), "n")
        .from(label_finding::Entity)
        .and_where(label_finding::Column::ReviewId.is_in(ids))
        .and_where(label_finding::Column::Decision.is_not_null())
        .group_by_col(label_finding::Column::ReviewId)
        .group_by_col(label_finding::Column::Decision);
    let mut decided: HashMap<String, LabelDecisions> = HashMap::new();
    for row in db.query_all(&select).await? {
        let (review, decision): (String, String) = (row.try_get("", "review_id")?, row.try_get("", "decision")?);
        let decision: LabelDecision = parse("label_findings.decision", &decision)?;
        *decided.entry(review).or_default().of(decision) = unsigned(row.try_get("", "n")?);
    }
    rows.into_iter()
        .map(|row| {
            let model = row.review;
            let applied = match (&model.applied_version_id, row.applied_number, model.applied_at) {
                (Some(version), Some(number), Some(at)) => Some(LabelsApplied {
                    version: parse("label_reviews.applied_version_id", version)?,
                    number,
                    at: Timestamp(at),
                    by: model.applied_by.unwrap_or_default(),
                }),
                _ => None,
            };
            Ok(LabelReviewView {
                decided: decided.remove(&model.id).unwrap_or_default(),
                id: parse("label_reviews.id", &model.id)?,
                dataset: parse("dataset_versions.dataset_id", &row.dataset_id)?,
                dataset_name: row.dataset_name,
                version: parse("label_reviews.dataset_version_id", &model.dataset_version_id)?,
                number: row.number,
                settings: from_json("label_reviews.settings", &model.settings)?,
                state: parse("label_reviews.state", &model.state)?,
                cancel_requested: model.cancel_requested,
                progress: model.progress.as_deref().map(|t| from_json("label_reviews.progress", t)).transpose()?,
                problem: model.problem.as_deref().map(|t| from_json("label_reviews.problem", t)).transpose()?,
                summary: model.summary.as_deref().map(|t| from_json("label_reviews.summary", t)).transpose()?,
                applied,
                created_at: Timestamp(model.created_at),
                created_by: model.created_by,
                started_at: model.started_at.map(Timestamp),
                ended_at: model.ended_at.map(Timestamp),
            })
        })
        .collect()
}
