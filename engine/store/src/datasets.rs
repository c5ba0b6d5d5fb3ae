//! Data sets and their versions.

pub mod checks;
pub mod details;
pub mod retention;
pub mod splits;

use crate::{
    Store, StoreError, Tx,
    entity::{dataset, dataset_version, run},
    from_json, parse,
    query::{all, count, direction, holds, one, order, pick, signed, unsigned},
    to_json,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder,
    sea_query::{Expr, Func, JoinType, Query, SelectStatement},
};
use trainyard_types::{
    DatasetId, DatasetVersionId, Page, PageQuery, ProjectId, Timestamp,
    catalog::{DatasetDetails, Deletion},
    checks::CheckStanding,
    dataset::{BadRowReport, DatasetView, Profile, ReadOptions, VersionSummary, VersionView},
};

/// A data set without versions yet: [`add_version`] follows in the same transaction.
#[derive(Clone, Debug)]
pub struct NewDataset {
    pub id: DatasetId,
    pub project: ProjectId,
    pub name: String,
    pub description: String,
    pub created_at: Timestamp,
    pub created_by: String,
}

/// A version as it comes from reading a file.
#[derive(Clone, Debug)]
pub struct NewVersion<'a> {
    pub id: DatasetVersionId,
    pub dataset: DatasetId,
    pub rows: u64,
    /// Size of the stored Parquet file.
    pub bytes: u64,
    /// blake3 of the stored Parquet file: its name in the artifact store.
    pub hash: &'a str,
    pub source_name: &'a str,
    pub profile: &'a Profile,
    pub bad_rows: &'a BadRowReport,
    pub read_options: &'a ReadOptions,
    pub created_at: Timestamp,
    pub created_by: &'a str,
    /// Why it is made; may be empty.
    pub why: &'a str,
    /// The version that it was made of; left out: the newest.
    pub parent: Option<i32>,
    /// It broke the contract: the version before stays current.
    pub quarantined: bool,
}

/// What a run needs to know of a version.
#[derive(Clone, Debug)]
pub struct VersionSource {
    pub dataset: DatasetId,
    pub dataset_name: String,
    pub number: i32,
    pub hash: String,
    pub rows: u64,
    pub bytes: u64,
    pub profile: Profile,
    pub details: DatasetDetails,
    /// Set once its rows were deleted.
    pub deleted: Option<Deletion>,
    pub checks: Option<CheckStanding>,
    pub quarantined: bool,
}

/// Inserts a data set.
///
/// # Errors
/// [`StoreError::Duplicate`] where the project has one of that name.
pub async fn create(tx: &Tx, new: NewDataset) -> Result<(), StoreError> {
    dataset::ActiveModel {
        id: Set(new.id.to_string()),
        project_id: Set(new.project.to_string()),
        name: Set(new.name),
        description: Set(new.description),
        latest: Set(0),
        created_at: Set(new.created_at.0),
        owner: Set(new.created_by.clone()),
        created_by: Set(new.created_by),
        details: Set("{}".to_owned()),
        retention_days: Set(None),
        current: Set(0),
    }
    .insert(&**tx)
    .await?;
    Ok(())
}

/// Inserts the next version of a data set and gives its number.
///
/// # Errors
/// [`StoreError::Duplicate`] where a version has the same content.
pub async fn add_version(tx: &Tx, new: NewVersion<'_>) -> Result<i32, StoreError> {
    // The UPDATE locks the data set: versions are numbered one after the other.
    let dataset = dataset::Entity::update_many()
        .col_expr(dataset::Column::Latest, Expr::col(dataset::Column::Latest).add(1))
        .filter(dataset::Column::Id.eq(new.dataset.to_string()))
        .exec_with_returning(&**tx)
        .await?
        .pop()
        .ok_or_else(|| StoreError::Corrupt(format!("data set {} is gone", new.dataset)))?;
    dataset_version::ActiveModel {
        id: Set(new.id.to_string()),
        dataset_id: Set(new.dataset.to_string()),
        number: Set(dataset.latest),
        rows: Set(signed(new.rows)),
        columns: Set(i32::try_from(new.profile.columns.len()).unwrap_or(i32::MAX)),
        bytes: Set(signed(new.bytes)),
        hash: Set(new.hash.to_owned()),
        source_name: Set(new.source_name.to_owned()),
        warnings: Set(i32::try_from(new.profile.warnings.len()).unwrap_or(i32::MAX)),
        profile: Set(to_json(new.profile)?),
        bad_rows: Set(to_json(new.bad_rows)?),
        read_options: Set(to_json(new.read_options)?),
        created_at: Set(new.created_at.0),
        created_by: Set(new.created_by.to_owned()),
        parent: Set(new.parent.or((dataset.latest > 1).then_some(dataset.latest - 1))),
        why: Set(new.why.to_owned()),
        deleted_at: Set(None),
        deleted_by: Set(None),
        deleted_why: Set(None),
        quarantined: Set(new.quarantined),
        checks: Set(None),
    }
    .insert(&**tx)
    .await?;
    if !new.quarantined {
        checks::make_current(tx, new.dataset).await?;
    }
    Ok(dataset.latest)
}

/// The id of the project's data set of that name.
///
/// # Errors
/// The database failed.
pub async fn by_name(
    db: &impl ConnectionTrait,
    project: ProjectId,
    name: &str,
) -> Result<Option<DatasetId>, StoreError> {
    dataset::Entity::find()
        .filter(dataset::Column::ProjectId.eq(project.to_string()))
        .filter(dataset::Column::Name.eq(name))
        .one(db)
        .await?
        .map(|model| parse("datasets.id", &model.id))
        .transpose()
}

/// The version of a data set with this number, or its current one.
///
/// # Errors
/// The database failed.
pub async fn numbered(
    db: &impl ConnectionTrait,
    dataset: DatasetId,
    number: Option<i32>,
) -> Result<Option<DatasetVersionId>, StoreError> {
    let number = match number {
        Some(number) => number,
        None => match dataset::Entity::find_by_id(dataset.to_string()).one(db).await? {
            Some(model) => model.current,
            None => return Ok(None),
        },
    };
    dataset_version::Entity::find()
        .filter(dataset_version::Column::DatasetId.eq(dataset.to_string()))
        .filter(dataset_version::Column::Number.eq(number))
        .one(db)
        .await?
        .map(|model| parse("dataset_versions.id", &model.id))
        .transpose()
}

/// The version of a data set that has this content.
///
/// # Errors
/// The database failed.
pub async fn with_content(
    db: &impl ConnectionTrait,
    dataset: DatasetId,
    hash: &str,
) -> Result<Option<VersionSummary>, StoreError> {
    let mut select = summaries();
    select
        .and_where(dataset_version::Column::DatasetId.eq(dataset.to_string()))
        .and_where(dataset_version::Column::Hash.eq(hash));
    one::<SummaryRow>(db, &select).await?.map(SummaryRow::view).transpose()
}

/// Data sets of a project with their newest versions. Newest first, or by `name`, `created`, `rows`, `bytes`.
///
/// # Errors
/// The database failed.
pub async fn list(store: &Store, project: ProjectId, query: &PageQuery) -> Result<Page<DatasetView>, StoreError> {
    let mut select = datasets(project);
    if let Some(condition) = holds(&query.q, &[dataset::Column::Name, dataset::Column::Description]) {
        select.cond_where(condition);
    }
    let total = count(store.db(), &select).await?;
    let (name, down) = direction(&query.sort);
    match name {
        "name" => order(&mut select, dataset::Column::Name, down),
        "rows" => order(&mut select, dataset_version::Column::Rows, down),
        "bytes" => order(&mut select, dataset_version::Column::Bytes, down),
        "created" => order(&mut select, dataset::Column::CreatedAt, down),
        _ => order(&mut select, dataset_version::Column::CreatedAt, true),
    }
    order(&mut select, dataset::Column::Id, down);
    select.limit(query.limit()).offset(query.offset());
    let rows: Vec<DatasetRow> = all(store.db(), &select).await?;
    let items = rows.into_iter().map(DatasetRow::view).collect::<Result<_, _>>()?;
    Ok(Page::new(items, total, query))
}

/// One data set of the project.
///
/// # Errors
/// The database failed.
pub async fn view(
    db: &impl ConnectionTrait,
    project: ProjectId,
    id: DatasetId,
) -> Result<Option<DatasetView>, StoreError> {
    let mut select = datasets(project);
    select.and_where(dataset::Column::Id.eq(id.to_string()));
    one::<DatasetRow>(db, &select).await?.map(DatasetRow::view).transpose()
}

/// The newest versions of a data set, newest first, 1,000 at most.
///
/// # Errors
/// The database failed.
pub async fn versions(db: &impl ConnectionTrait, dataset: DatasetId) -> Result<Vec<VersionSummary>, StoreError> {
    let mut select = summaries();
    select.and_where(dataset_version::Column::DatasetId.eq(dataset.to_string())).limit(1000);
    order(&mut select, dataset_version::Column::Number, true);
    let rows: Vec<SummaryRow> = all(db, &select).await?;
    rows.into_iter().map(SummaryRow::view).collect()
}

/// One version of a data set of the project, with its profile.
///
/// # Errors
/// The database failed.
pub async fn version(
    db: &impl ConnectionTrait,
    project: ProjectId,
    id: DatasetVersionId,
) -> Result<Option<VersionView>, StoreError> {
    let Some((dataset, model)) = version_model(db, project, id).await? else { return Ok(None) };
    Ok(Some(VersionView {
        details: details::of(&dataset)?,
        summary: VersionSummary {
            parent: model.parent,
            deleted: deletion(model.deleted_at, model.deleted_by, model.deleted_why),
            checks: checks::standing(model.checks.as_deref())?,
            quarantined: model.quarantined,
            why: model.why,
            id,
            number: model.number,
            rows: unsigned(model.rows),
            columns: u32::try_from(model.columns).unwrap_or(0),
            bytes: unsigned(model.bytes),
            hash: model.hash,
            source_name: model.source_name,
            created_at: Timestamp(model.created_at),
            created_by: model.created_by,
            warnings: u32::try_from(model.warnings).unwrap_or(0),
        },
        dataset: parse("datasets.id", &dataset.id)?,
        dataset_name: dataset.name,
        profile: from_json("dataset_versions.profile", &model.profile)?,
        bad_rows: from_json("dataset_versions.bad_rows", &model.bad_rows)?,
        read_options: from_json("dataset_versions.read_options", &model.read_options)?,
    }))
}

/// What a run needs of one version of a data set of the project.
///
/// # Errors
/// The database failed.
pub async fn source(
    db: &impl ConnectionTrait,
    project: ProjectId,
    id: DatasetVersionId,
) -> Result<Option<VersionSource>, StoreError> {
    let Some((dataset, model)) = version_model(db, project, id).await? else { return Ok(None) };
    Ok(Some(VersionSource {
        dataset: parse("datasets.id", &dataset.id)?,
        dataset_name: dataset.name.clone(),
        number: model.number,
        hash: model.hash,
        rows: unsigned(model.rows),
        bytes: unsigned(model.bytes),
        profile: from_json("dataset_versions.profile", &model.profile)?,
        details: details::of(&dataset)?,
        deleted: deletion(model.deleted_at, model.deleted_by, model.deleted_why),
        checks: checks::standing(model.checks.as_deref())?,
        quarantined: model.quarantined,
    }))
}

/// One version of a data set of the project, without its profile.
///
/// # Errors
/// The database failed.
pub async fn summary(
    db: &impl ConnectionTrait,
    project: ProjectId,
    id: DatasetVersionId,
) -> Result<Option<VersionSummary>, StoreError> {
    let mut select = summaries();
    select
        .join(JoinType::InnerJoin, dataset::Entity, same_dataset())
        .and_where(dataset_version::Column::Id.eq(id.to_string()))
        .and_where(dataset::Column::ProjectId.eq(project.to_string()));
    one::<SummaryRow>(db, &select).await?.map(SummaryRow::view).transpose()
}

/// How many data sets the project has.
///
/// # Errors
/// The database failed.
pub async fn total(db: &impl ConnectionTrait, project: ProjectId) -> Result<u64, StoreError> {
    let mut select = Query::select();
    select.from(dataset::Entity).and_where(dataset::Column::ProjectId.eq(project.to_string()));
    count(db, &select).await
}

async fn version_model(
    db: &impl ConnectionTrait,
    project: ProjectId,
    id: DatasetVersionId,
) -> Result<Option<(dataset::Model, dataset_version::Model)>, StoreError> {
    let Some(version) = dataset_version::Entity::find_by_id(id.to_string()).one(db).await? else {
        return Ok(None);
    };
    let dataset = dataset::Entity::find_by_id(version.dataset_id.clone())
        .filter(dataset::Column::ProjectId.eq(project.to_string()))
        .order_by_asc(dataset::Column::Id)
        .one(db)
        .await?;
    Ok(dataset.map(|dataset| (dataset, version)))
}

fn same_dataset() -> Expr {
    Expr::col((dataset_version::Entity, dataset_version::Column::DatasetId))
        .equals((dataset::Entity, dataset::Column::Id))
}

/// How a deletion stands in its three columns.
fn deletion(at: Option<i64>, by: Option<String>, why: Option<String>) -> Option<Deletion> {
    at.map(|at| Deletion { at: Timestamp(at), by: by.unwrap_or_default(), reason: why.unwrap_or_default() })
}

const SUMMARY: [dataset_version::Column; 17] = {
    use dataset_version::Column::*;
    [
        Id,
        Number,
        Rows,
        Columns,
        Bytes,
        Hash,
        SourceName,
        CreatedAt,
        CreatedBy,
        Warnings,
        Parent,
        Why,
        DeletedAt,
        DeletedBy,
        DeletedWhy,
        Quarantined,
        Checks,
    ]
};

fn summaries() -> SelectStatement {
    let mut select = Query::select();
    select.from(dataset_version::Entity);
    pick(&mut select, dataset_version::Entity, "", &SUMMARY);
    select
}

fn datasets(project: ProjectId) -> SelectStatement {
    let mut runs = Query::select();
    runs.expr(Func::count(Expr::cust("*")))
        .from(run::Entity)
        .and_where(Expr::col((run::Entity, run::Column::DatasetId)).equals((dataset::Entity, dataset::Column::Id)));
    let newest = same_dataset().and(
        Expr::col((dataset_version::Entity, dataset_version::Column::Number))
            .equals((dataset::Entity, dataset::Column::Current)),
    );
    let mut select = Query::select();
    select
        .from(dataset::Entity)
        .join(JoinType::InnerJoin, dataset_version::Entity, newest)
        .and_where(dataset::Column::ProjectId.eq(project.to_string()));
    pick(&mut select, dataset_version::Entity, "", &SUMMARY);
    let columns = {
        use dataset::Column::*;
        [Id, Name, Description, Owner, CreatedAt, CreatedBy]
    };
    pick(&mut select, dataset::Entity, "dataset_", &columns);
    select.expr_as(Expr::from(runs), "runs");
    select
}

#[derive(FromQueryResult)]
struct SummaryRow {
    id: String,
    number: i32,
    rows: i64,
    columns: i32,
    bytes: i64,
    hash: String,
    source_name: String,
    created_at: i64,
    created_by: String,
    warnings: i32,
    parent: Option<i32>,
    why: String,
    deleted_at: Option<i64>,
    deleted_by: Option<String>,
    deleted_why: Option<String>,
    quarantined: bool,
    checks: Option<String>,
}

impl SummaryRow {
    fn view(self) -> Result<VersionSummary, StoreError> {
        Ok(VersionSummary {
            id: parse("dataset_versions.id", &self.id)?,
            number: self.number,
            rows: unsigned(self.rows),
            columns: u32::try_from(self.columns).unwrap_or(0),
            bytes: unsigned(self.bytes),
            hash: self.hash,
            source_name: self.source_name,
            created_at: Timestamp(self.created_at),
            created_by: self.created_by,
            warnings: u32::try_from(self.warnings).unwrap_or(0),
            parent: self.parent,
            why: self.why,
            deleted: deletion(self.deleted_at, self.deleted_by, self.deleted_why),
            checks: checks::standing(self.checks.as_deref())?,
            quarantined: self.quarantined,
        })
    }
}

#[derive(FromQueryResult)]
struct DatasetRow {
    dataset_id: String,
    dataset_name: String,
    dataset_description: String,
    dataset_owner: String,
    dataset_created_at: i64,
    dataset_created_by: String,
    runs: i64,
    #[sea_orm(nested)]
    latest: SummaryRow,
}

impl DatasetRow {
    fn view(self) -> Result<DatasetView, StoreError> {
        Ok(DatasetView {
            id: parse("datasets.id", &self.dataset_id)?,
            name: self.dataset_name,
            description: self.dataset_description,
            owner: self.dataset_owner,
            created_at: Timestamp(self.dataset_created_at),
            created_by: self.dataset_created_by,
            latest: self.latest.view()?,
            runs: unsigned(self.runs),
        })
    }
}
