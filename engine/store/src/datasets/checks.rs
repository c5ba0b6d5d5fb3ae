//! Suites of checks, what they found, and which version is current.

use super::same_dataset;
use crate::{
    StoreError, Tx,
    entity::{check_run, check_suite, dataset, dataset_version},
    from_json, parse,
    query::{all, pick},
    to_json,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, IntoActiveModel, QueryFilter,
    sea_query::{Expr, Func, JoinType, OnConflict, Order, Query, SelectStatement},
};
use trainyard_types::{
    CheckRunId, DatasetId, DatasetVersionId, ProjectId, Timestamp,
    checks::{CheckRunSummary, CheckRunView, CheckStanding, Suite, SuiteResult, Waiver},
};

/// A data set's suite as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptSuite {
    pub suite: Suite,
    pub contract: bool,
    pub saved_at: Timestamp,
    pub saved_by: String,
}

/// A run of checks as it comes from running them.
#[derive(Clone, Debug)]
pub struct NewCheckRun<'a> {
    pub id: CheckRunId,
    pub version: DatasetVersionId,
    pub at: Timestamp,
    pub by: &'a str,
    pub seconds: f64,
    pub contract: bool,
    pub result: &'a SuiteResult,
}

pub(super) fn standing(text: Option<&str>) -> Result<Option<CheckStanding>, StoreError> {
    text.map(|text| parse("dataset_versions.checks", text)).transpose()
}

/// The suite of a data set.
///
/// # Errors
/// The database failed.
pub async fn suite(db: &impl ConnectionTrait, dataset: DatasetId) -> Result<Option<KeptSuite>, StoreError> {
    let model = check_suite::Entity::find_by_id(dataset.to_string()).one(db).await?;
    model
        .map(|model| {
            Ok(KeptSuite {
                suite: from_json("check_suites.suite", &model.suite)?,
                contract: model.contract,
                saved_at: Timestamp(model.saved_at),
                saved_by: model.saved_by,
            })
        })
        .transpose()
}

/// Puts a suite in place of a data set's.
///
/// # Errors
/// The database failed.
pub async fn save_suite(tx: &Tx, dataset: DatasetId, kept: &KeptSuite) -> Result<(), StoreError> {
    let model = check_suite::Model {
        dataset_id: dataset.to_string(),
        suite: to_json(&kept.suite)?,
        contract: kept.contract,
        saved_at: kept.saved_at.0,
        saved_by: kept.saved_by.clone(),
    };
    let conflict = OnConflict::column(check_suite::Column::DatasetId)
        .update_columns([
            check_suite::Column::Suite,
            check_suite::Column::Contract,
            check_suite::Column::SavedAt,
            check_suite::Column::SavedBy,
        ])
        .to_owned();
    check_suite::Entity::insert(model.into_active_model()).on_conflict(conflict).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Keeps what a suite found, and notes it on the version.
///
/// # Errors
/// The database failed.
pub async fn add_run(tx: &Tx, new: NewCheckRun<'_>) -> Result<(), StoreError> {
    let standing = CheckStanding::of(new.result.outcome);
    check_run::ActiveModel {
        id: Set(new.id.to_string()),
        dataset_version_id: Set(new.version.to_string()),
        at: Set(new.at.0),
        by: Set(new.by.to_owned()),
        seconds: Set(new.seconds),
        contract: Set(new.contract),
        standing: Set(standing.as_str().to_owned()),
        passed: Set(i32::try_from(new.result.passed).unwrap_or(i32::MAX)),
        failed: Set(i32::try_from(new.result.failed).unwrap_or(i32::MAX)),
        result: Set(to_json(new.result)?),
        waived_at: Set(None),
        waived_by: Set(None),
        waived_why: Set(None),
    }
    .insert(&**tx)
    .await?;
    note(tx, new.version, standing).await
}

/// Lets a critical failure pass. `false` where the run is not critical, or was waived before.
///
/// # Errors
/// The database failed.
pub async fn waive(tx: &Tx, run: CheckRunId, version: DatasetVersionId, waiver: &Waiver) -> Result<bool, StoreError> {
    let outcome = check_run::Entity::update_many()
        .col_expr(check_run::Column::Standing, Expr::value(CheckStanding::Waived.as_str()))
        .col_expr(check_run::Column::WaivedAt, Expr::value(waiver.at.0))
        .col_expr(check_run::Column::WaivedBy, Expr::value(waiver.by.as_str()))
        .col_expr(check_run::Column::WaivedWhy, Expr::value(waiver.reason.as_str()))
        .filter(check_run::Column::Id.eq(run.to_string()))
        .filter(check_run::Column::Standing.eq(CheckStanding::Critical.as_str()))
        .exec(&**tx)
        .await?;
    if outcome.rows_affected > 0 {
        note(tx, version, CheckStanding::Waived).await?;
    }
    Ok(outcome.rows_affected > 0)
}

async fn note(tx: &Tx, version: DatasetVersionId, standing: CheckStanding) -> Result<(), StoreError> {
    dataset_version::Entity::update_many()
        .col_expr(dataset_version::Column::Checks, Expr::value(standing.as_str()))
        .filter(dataset_version::Column::Id.eq(version.to_string()))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Lets a quarantined version become current where it is the newest. `false` where it was not quarantined.
///
/// # Errors
/// The database failed.
pub async fn release(tx: &Tx, dataset: DatasetId, version: DatasetVersionId) -> Result<bool, StoreError> {
    let outcome = dataset_version::Entity::update_many()
        .col_expr(dataset_version::Column::Quarantined, Expr::value(false))
        .filter(dataset_version::Column::Id.eq(version.to_string()))
        .filter(dataset_version::Column::Quarantined.eq(true))
        .exec(&**tx)
        .await?;
    make_current(tx, dataset).await?;
    Ok(outcome.rows_affected > 0)
}

/// Makes the newest version that is not quarantined the current one.
pub(super) async fn make_current(tx: &Tx, dataset: DatasetId) -> Result<(), StoreError> {
    let mut newest = Query::select();
    newest
        .expr(Func::max(Expr::col(dataset_version::Column::Number)))
        .from(dataset_version::Entity)
        .and_where(dataset_version::Column::DatasetId.eq(dataset.to_string()))
        .and_where(dataset_version::Column::Quarantined.eq(false));
    dataset::Entity::update_many()
        .col_expr(dataset::Column::Current, Expr::from(newest))
        .filter(dataset::Column::Id.eq(dataset.to_string()))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Forgets the rows that checks of a version showed; counts stay.
///
/// # Errors
/// The database failed.
pub async fn forget_rows(tx: &Tx, version: DatasetVersionId) -> Result<(), StoreError> {
    let runs = check_run::Entity::find()
        .filter(check_run::Column::DatasetVersionId.eq(version.to_string()))
        .all(&**tx)
        .await?;
    for run in runs {
        let mut result: SuiteResult = from_json("check_runs.result", &run.result)?;
        for check in &mut result.results {
            check.failing.clear();
            check.observed.value = serde_json::Value::Null;
            check.observed.words.clear();
        }
        check_run::Entity::update_many()
            .col_expr(check_run::Column::Result, Expr::value(to_json(&result)?))
            .filter(check_run::Column::Id.eq(run.id))
            .exec(&**tx)
            .await?;
    }
    Ok(())
}

/// Runs of checks on a data set of the project, newest first; of one version only where it is given.
///
/// # Errors
/// The database failed.
pub async fn runs(
    db: &impl ConnectionTrait,
    project: ProjectId,
    dataset: DatasetId,
    version: Option<DatasetVersionId>,
    limit: u64,
) -> Result<Vec<CheckRunSummary>, StoreError> {
    let mut select = summaries(project);
    select.and_where(dataset_version::Column::DatasetId.eq(dataset.to_string())).limit(limit);
    if let Some(version) = version {
        select.and_where(check_run::Column::DatasetVersionId.eq(version.to_string()));
    }
    // Ids sort by time.
    select.order_by((check_run::Entity, check_run::Column::Id), Order::Desc);
    let rows: Vec<SummaryRow> = all(db, &select).await?;
    rows.into_iter().map(SummaryRow::view).collect()
}

/// One run of checks in the project, with its data set.
///
/// # Errors
/// The database failed.
pub async fn run(
    db: &impl ConnectionTrait,
    project: ProjectId,
    id: CheckRunId,
) -> Result<Option<(DatasetId, CheckRunView)>, StoreError> {
    let mut select = summaries(project);
    select.and_where(Expr::col((check_run::Entity, check_run::Column::Id)).eq(id.to_string()));
    let Some(row) = all::<SummaryRow>(db, &select).await?.pop() else { return Ok(None) };
    let Some(model) = check_run::Entity::find_by_id(id.to_string()).one(db).await? else { return Ok(None) };
    let dataset = parse("dataset_versions.dataset_id", &row.dataset_id)?;
    let result = from_json("check_runs.result", &model.result)?;
    Ok(Some((dataset, CheckRunView { summary: row.view()?, result })))
}

fn summaries(project: ProjectId) -> SelectStatement {
    let mut select = Query::select();
    let version = Expr::col((dataset_version::Entity, dataset_version::Column::Id))
        .equals((check_run::Entity, check_run::Column::DatasetVersionId));
    select
        .from(check_run::Entity)
        .join(JoinType::InnerJoin, dataset_version::Entity, version)
        .join(JoinType::InnerJoin, dataset::Entity, same_dataset())
        .and_where(dataset::Column::ProjectId.eq(project.to_string()));
    let columns = {
        use check_run::Column::*;
        [Id, DatasetVersionId, At, By, Seconds, Contract, Standing, Passed, Failed, WaivedAt, WaivedBy, WaivedWhy]
    };
    pick(&mut select, check_run::Entity, "", &columns);
    pick(
        &mut select,
        dataset_version::Entity,
        "",
        &[dataset_version::Column::Number, dataset_version::Column::DatasetId],
    );
    select
}

#[derive(FromQueryResult)]
struct SummaryRow {
    id: String,
    dataset_version_id: String,
    dataset_id: String,
    number: i32,
    at: i64,
    by: String,
    seconds: f64,
    contract: bool,
    standing: String,
    passed: i32,
    failed: i32,
    waived_at: Option<i64>,
    waived_by: Option<String>,
    waived_why: Option<String>,
}

impl SummaryRow {
    fn view(self) -> Result<CheckRunSummary, StoreError> {
        Ok(CheckRunSummary {
            id: parse("check_runs.id", &self.id)?,
            version: parse("check_runs.dataset_version_id", &self.dataset_version_id)?,
            number: self.number,
            at: Timestamp(self.at),
            by: self.by,
            seconds: self.seconds,
            contract: self.contract,
            standing: parse("check_runs.standing", &self.standing)?,
            passed: u32::try_from(self.passed).unwrap_or(0),
            failed: u32::try_from(self.failed).unwrap_or(0),
            waiver: self.waived_at.map(|at| Waiver {
                at: Timestamp(at),
                by: self.waived_by.unwrap_or_default(),
                reason: self.waived_why.unwrap_or_default(),
            }),
        })
    }
}
