//! Server functions of the model pages.

use crate::{AppError, wire::Json};
use leptos::prelude::*;
use trainyard_types::{
    Page, PageQuery,
    catalog::Lineage,
    model::{ModelVersionView, ModelView, MoveAlias, PredictRows, PredictionsView, RegisterModel},
};

#[server(prefix = "/api/fn", endpoint = "list_models", input = Json, output = Json)]
pub async fn list_models(project: String, query: PageQuery) -> Result<Page<ModelView>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::models::list(&ctx, &actor, &project, &query).await)
}

#[server(prefix = "/api/fn", endpoint = "get_model", input = Json, output = Json)]
pub async fn get_model(name: String) -> Result<ModelView, AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::models::view(&ctx, &actor, &super::model_name(&name)?).await)
}

/// All versions of a model, newest first.
#[server(prefix = "/api/fn", endpoint = "model_versions", input = Json, output = Json)]
pub async fn model_versions(name: String) -> Result<Vec<ModelVersionView>, AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::models::versions(&ctx, &actor, &super::model_name(&name)?).await)
}

#[server(prefix = "/api/fn", endpoint = "register", input = Json, output = Json)]
pub async fn register(project: String, model: RegisterModel) -> Result<ModelVersionView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::models::register(&ctx, &actor, &project, model).await)
}

#[server(prefix = "/api/fn", endpoint = "move_champion", input = Json, output = Json)]
pub async fn move_champion(name: String, to: MoveAlias) -> Result<(), AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::models::move_champion(&ctx, &actor, &super::model_name(&name)?, to).await)?;
    Ok(())
}

/// Predicts rows with a version, or with the champion.
#[server(prefix = "/api/fn", endpoint = "predict", input = Json, output = Json)]
pub async fn predict(name: String, version: Option<i32>, rows: PredictRows) -> Result<PredictionsView, AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::models::predict(&ctx, &actor, &super::model_name(&name)?, version, rows).await)
}

/// Which data, pipeline and run made the model's versions.
#[server(prefix = "/api/fn", endpoint = "model_lineage", input = Json, output = Json)]
pub async fn model_lineage(name: String) -> Result<Lineage, AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::lineage::of_model(&ctx, &actor, &super::model_name(&name)?).await)
}
