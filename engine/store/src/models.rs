//! Registered models: names, versions, aliases, counters.

use crate::{
    Store, StoreError, Tx,
    entity::{dataset, dataset_version, model, model_alias, model_version, run},
    from_json, parse, predictions,
    query::{all, count, direction, holds, one, order, pick, signed, unsigned},
    runs::task_from,
    to_json,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter,
    sea_query::{Expr, JoinType, OnConflict, Query, SelectStatement},
};
use std::collections::HashMap;
use trainyard_types::{
    ModelId, ModelVersionId, Page, PageQuery, ProjectId, RunId, Timestamp,
    evaluation::RunResult,
    model::{ModelVersionView, ModelView},
};

/// The alias that prediction addresses answer with.
pub const CHAMPION: &str = "champion";

/// A version to be registered.
#[derive(Clone, Debug)]
pub struct NewVersion<'a> {
    pub id: ModelVersionId,
    pub model: ModelId,
    pub run: RunId,
    pub result: &'a RunResult,
    /// Size of the model file.
    pub bytes: u64,
    pub created_at: Timestamp,
    pub created_by: &'a str,
}

/// A model's name and where it belongs.
#[derive(Clone, Debug)]
pub struct Known {
    pub id: ModelId,
    pub project: ProjectId,
    pub name: String,
    pub latest: i32,
}

/// Which file answers for a version.
#[derive(Clone, Debug)]
pub struct Served {
    pub id: ModelVersionId,
    pub number: i32,
    /// Name in the artifact store.
    pub hash: String,
}

/// The model of that name in the whole instance.
///
/// # Errors
/// The database failed.
pub async fn by_name(db: &impl ConnectionTrait, name: &str) -> Result<Option<Known>, StoreError> {
    let model = model::Entity::find().filter(model::Column::Name.eq(name)).one(db).await?;
    model
        .map(|model| {
            Ok(Known {
                id: parse("models.id", &model.id)?,
                project: parse("models.project_id", &model.project_id)?,
                name: model.name,
                latest: model.latest,
            })
        })
        .transpose()
}

/// Inserts a model without versions: [`add_version`] follows in the same transaction.
///
/// # Errors
/// [`StoreError::Duplicate`] where the name is taken.
pub async fn create(
    tx: &Tx,
    id: ModelId,
    project: ProjectId,
    name: &str,
    description: &str,
    created_at: Timestamp,
    created_by: &str,
) -> Result<(), StoreError> {
    model::ActiveModel {
        id: Set(id.to_string()),
        project_id: Set(project.to_string()),
        name: Set(name.to_owned()),
        description: Set(description.to_owned()),
        latest: Set(0),
        created_at: Set(created_at.0),
        created_by: Set(created_by.to_owned()),
    }
    .insert(&**tx)
    .await?;
    Ok(())
}

/// Inserts the next version of a model and gives its number. The first one becomes champion.
///
/// # Errors
/// [`StoreError::Duplicate`] where the run is a version of the model already.
pub async fn add_version(tx: &Tx, new: NewVersion<'_>) -> Result<i32, StoreError> {
    // The UPDATE locks the model: versions are numbered one after the other.
    let model = model::Entity::update_many()
        .col_expr(model::Column::Latest, Expr::col(model::Column::Latest).add(1))
        .filter(model::Column::Id.eq(new.model.to_string()))
        .exec_with_returning(&**tx)
        .await?
        .pop()
        .ok_or_else(|| StoreError::Corrupt(format!("model {} is gone", new.model)))?;
    model_version::ActiveModel {
        id: Set(new.id.to_string()),
        model_id: Set(new.model.to_string()),
        number: Set(model.latest),
        run_id: Set(new.run.to_string()),
        family: Set(new.result.family.as_str().to_owned()),
        task: Set(new.result.task.as_str().to_owned()),
        signature: Set(to_json(&new.result.signature)?),
        test: Set(to_json(&new.result.test)?),
        verdict: Set(to_json(&new.result.verdict)?),
        hash: Set(new.result.model_hash.clone()),
        bytes: Set(signed(new.bytes)),
        created_at: Set(new.created_at.0),
        created_by: Set(new.created_by.to_owned()),
    }
    .insert(&**tx)
    .await?;
    if model.latest == 1 {
        move_alias(tx, new.model, CHAMPION, 1, new.created_at, new.created_by).await?;
    }
    Ok(model.latest)
}

/// Points an alias to a version.
///
/// # Errors
/// The database failed.
pub async fn move_alias(
    tx: &Tx,
    model: ModelId,
    alias: &str,
    number: i32,
    at: Timestamp,
    by: &str,
) -> Result<(), StoreError> {
    use model_alias::Column;
    let pointer = model_alias::ActiveModel {
        model_id: Set(model.to_string()),
        alias: Set(alias.to_owned()),
        number: Set(number),
        moved_at: Set(at.0),
        moved_by: Set(by.to_owned()),
    };
    let over = OnConflict::columns([Column::ModelId, Column::Alias])
        .update_columns([Column::Number, Column::MovedAt, Column::MovedBy])
        .to_owned();
    model_alias::Entity::insert(pointer).on_conflict(over).exec_without_returning(&**tx).await?;
    Ok(())
}

/// The version that an alias points to.
///
/// # Errors
/// The database failed.
pub async fn alias(db: &impl ConnectionTrait, model: ModelId, alias: &str) -> Result<Option<i32>, StoreError> {
    let pointer = model_alias::Entity::find_by_id((model.to_string(), alias.to_owned())).one(db).await?;
    Ok(pointer.map(|pointer| pointer.number))
}

/// The file of a version by its number.
///
/// # Errors
/// The database failed.
pub async fn served(db: &impl ConnectionTrait, model: ModelId, number: i32) -> Result<Option<Served>, StoreError> {
    let mut select = Query::select();
    select
        .from(model_version::Entity)
        .and_where(model_version::Column::ModelId.eq(model.to_string()))
        .and_where(model_version::Column::Number.eq(number));
    pick(&mut select, model_version::Entity, "", &[model_version::Column::Id, model_version::Column::Hash]);
    let row = db.query_one(&select).await?;
    row.map(|row| {
        let id: String = row.try_get("", "id")?;
        Ok(Served { id: parse("model_versions.id", &id)?, number, hash: row.try_get("", "hash")? })
    })
    .transpose()
}

/// The model's version that was registered from a run.
///
/// # Errors
/// The database failed.
pub async fn from_run(db: &impl ConnectionTrait, model: ModelId, run: RunId) -> Result<Option<i32>, StoreError> {
    let version = model_version::Entity::find()
        .filter(model_version::Column::ModelId.eq(model.to_string()))
        .filter(model_version::Column::RunId.eq(run.to_string()))
        .one(db)
        .await?;
    Ok(version.map(|version| version.number))
}

/// Models of a project, the last changed first, or by `name`, `created`.
///
/// # Errors
/// The database failed.
pub async fn list(store: &Store, project: ProjectId, query: &PageQuery) -> Result<Page<ModelView>, StoreError> {
    let mut select = models();
    select.and_where(model::Column::ProjectId.eq(project.to_string()));
    if let Some(condition) = holds(&query.q, &[model::Column::Name, model::Column::Description]) {
        select.cond_where(condition);
    }
    let total = count(store.db(), &select).await?;
    let (name, down) = direction(&query.sort);
    match name {
        "name" => order(&mut select, model::Column::Name, down),
        "created" => order(&mut select, model::Column::CreatedAt, down),
        _ => order(&mut select, model_version::Column::CreatedAt, true),
    }
    order(&mut select, model::Column::Id, down);
    select.limit(query.limit()).offset(query.offset());
    let rows: Vec<ModelRow> = all(store.db(), &select).await?;
    let counts = predictions::by_model(store.db(), rows.iter().map(|row| row.model.id.clone()).collect()).await?;
    let items = rows.into_iter().map(|row| row.view(&counts)).collect::<Result<_, _>>()?;
    Ok(Page::new(items, total, query))
}

/// One model.
///
/// # Errors
/// The database failed.
pub async fn view(db: &impl ConnectionTrait, id: ModelId) -> Result<Option<ModelView>, StoreError> {
    let mut select = models();
    select.and_where(model::Column::Id.eq(id.to_string()));
    let Some(row) = one::<ModelRow>(db, &select).await? else { return Ok(None) };
    let counts = predictions::by_model(db, vec![id.to_string()]).await?;
    row.view(&counts).map(Some)
}

/// The newest versions of a model, newest first, 1,000 at most.
///
/// # Errors
/// The database failed.
pub async fn versions(db: &impl ConnectionTrait, id: ModelId) -> Result<Vec<ModelVersionView>, StoreError> {
    let mut select = whole_versions();
    select.and_where(model::Column::Id.eq(id.to_string())).limit(1000);
    order(&mut select, model_version::Column::Number, true);
    let rows: Vec<VersionRow> = all(db, &select).await?;
    rows.into_iter().map(VersionRow::view).collect()
}

/// One version of a model.
///
/// # Errors
/// The database failed.
pub async fn version(
    db: &impl ConnectionTrait,
    id: ModelId,
    number: i32,
) -> Result<Option<ModelVersionView>, StoreError> {
    let mut select = whole_versions();
    select.and_where(model::Column::Id.eq(id.to_string())).and_where(model_version::Column::Number.eq(number));
    one::<VersionRow>(db, &select).await?.map(VersionRow::view).transpose()
}

/// How many models the project has, and how many of them have no champion.
///
/// # Errors
/// The database failed.
pub async fn totals(db: &impl ConnectionTrait, project: ProjectId) -> Result<(u64, u64), StoreError> {
    let mut select = Query::select();
    select.from(model::Entity).and_where(model::Column::ProjectId.eq(project.to_string()));
    let all = count(db, &select).await?;
    join_champion(&mut select);
    select.and_where(Expr::col((model_alias::Entity, model_alias::Column::Number)).is_null());
    Ok((all, count(db, &select).await?))
}

fn join_champion(select: &mut SelectStatement) {
    let champion = Expr::col((model_alias::Entity, model_alias::Column::ModelId))
        .equals((model::Entity, model::Column::Id))
        .and(model_alias::Column::Alias.eq(CHAMPION));
    select.join(JoinType::LeftJoin, model_alias::Entity, champion);
}

/// Versions with their model's name and champion, run and data set.
fn whole_versions() -> SelectStatement {
    let mut select = Query::select();
    select
        .from(model_version::Entity)
        .join(
            JoinType::InnerJoin,
            model::Entity,
            Expr::col((model::Entity, model::Column::Id))
                .equals((model_version::Entity, model_version::Column::ModelId)),
        )
        .join(
            JoinType::InnerJoin,
            run::Entity,
            Expr::col((run::Entity, run::Column::Id)).equals((model_version::Entity, model_version::Column::RunId)),
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
        );
    join_champion(&mut select);
    let columns = {
        use model_version::Column::*;
        [Id, Number, RunId, Family, Task, Signature, Test, Verdict, Hash, Bytes, CreatedAt, CreatedBy]
    };
    pick(&mut select, model_version::Entity, "", &columns);
    pick(&mut select, model::Entity, "model_", &[model::Column::Name]);
    pick(&mut select, run::Entity, "run_", &[run::Column::Name]);
    pick(&mut select, dataset::Entity, "dataset_", &[dataset::Column::Name]);
    select
        .expr_as(Expr::col((dataset_version::Entity, dataset_version::Column::Number)), "dataset_version")
        .expr_as(Expr::col((model_alias::Entity, model_alias::Column::Number)), "champion");
    select
}

/// Models, each with its newest version.
fn models() -> SelectStatement {
    let mut select = whole_versions();
    select.and_where(
        Expr::col((model_version::Entity, model_version::Column::Number))
            .equals((model::Entity, model::Column::Latest)),
    );
    let columns = {
        use model::Column::*;
        [Id, Name, Description, Latest, CreatedAt, CreatedBy, ProjectId]
    };
    pick(&mut select, model::Entity, "m_", &columns);
    pick(&mut select, model_alias::Entity, "champion_", &[model_alias::Column::MovedAt, model_alias::Column::MovedBy]);
    select
}

#[derive(FromQueryResult)]
struct VersionRow {
    id: String,
    model_name: String,
    number: i32,
    run_id: String,
    run_name: String,
    dataset_name: String,
    dataset_version: i32,
    family: String,
    task: String,
    signature: String,
    test: String,
    verdict: String,
    hash: String,
    bytes: i64,
    created_at: i64,
    created_by: String,
    champion: Option<i32>,
}

impl VersionRow {
    fn view(self) -> Result<ModelVersionView, StoreError> {
        Ok(ModelVersionView {
            id: parse("model_versions.id", &self.id)?,
            model: self.model_name,
            number: self.number,
            run: parse("model_versions.run_id", &self.run_id)?,
            run_name: self.run_name,
            dataset_name: self.dataset_name,
            dataset_version: self.dataset_version,
            family: parse("model_versions.family", &self.family)?,
            task: task_from(&self.task)?,
            signature: from_json("model_versions.signature", &self.signature)?,
            test: from_json("model_versions.test", &self.test)?,
            verdict: from_json("model_versions.verdict", &self.verdict)?,
            hash: self.hash,
            bytes: unsigned(self.bytes),
            created_at: Timestamp(self.created_at),
            created_by: self.created_by,
            aliases: if self.champion == Some(self.number) { vec![CHAMPION.to_owned()] } else { Vec::new() },
        })
    }
}

#[derive(FromQueryResult)]
struct ModelRow {
    #[sea_orm(nested(prefix = "m_"))]
    model: model::Model,
    #[sea_orm(nested)]
    latest: VersionRow,
    champion: Option<i32>,
    champion_moved_at: Option<i64>,
    champion_moved_by: Option<String>,
}

impl ModelRow {
    fn view(self, counts: &HashMap<String, u64>) -> Result<ModelView, StoreError> {
        let model = self.model;
        Ok(ModelView {
            predictions: counts.get(&model.id).copied().unwrap_or(0),
            id: parse("models.id", &model.id)?,
            name: model.name,
            description: model.description,
            created_at: Timestamp(model.created_at),
            created_by: model.created_by,
            champion: self.champion,
            champion_since: self.champion_moved_at.map(Timestamp),
            champion_by: self.champion_moved_by,
            versions: unsigned(i64::from(model.latest)),
            latest: self.latest.view()?,
        })
    }
}
