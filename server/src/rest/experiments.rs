//! The table of runs with columns of the caller's choice, its saved views, and runs side by side.

use crate::web::{
    auth::Caller,
    errors::{Answer, ApiError, Body, ErrorBody, Path, Query},
    list::{self, Format},
    state::AppState,
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use trainyard_service::{Actor, Ctx, runs};
use trainyard_types::{Problem, RunId, SavedViewId, Slug, experiments::*};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Runs of a downloaded table at most.
const LONGEST: u64 = 100_000;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get_run_table))
        .routes(routes!(list_run_columns))
        .routes(routes!(compare_runs))
        .routes(routes!(compare_curves))
        .routes(routes!(act_on_runs))
        .routes(routes!(mark_run))
        .routes(routes!(list_run_views, save_run_view))
        .routes(routes!(change_run_view, delete_run_view))
}

/// Which names.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
struct Words {
    /// Words that the name holds.
    q: String,
}

/// Which runs side by side.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
struct CompareQuery {
    /// Ids of 2 to 20 runs, separated by commas.
    runs: String,
    /// The run that the others are measured against. Left out: the caller's baseline where it is among them, or the first.
    base: Option<RunId>,
    /// Only metrics whose name holds these words.
    q: String,
}

/// Which curve of which runs.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
struct CurvesQuery {
    /// Ids of 2 to 20 runs, separated by commas.
    runs: String,
    /// A curve as a comparison names it: `valid.log_loss`.
    key: String,
}

/// A page of the table: runs by filter and order, with the values of the columns chosen. As CSV: the columns alone, of all
/// runs that fit, pins or not.
#[utoipa::path(get, path = "/api/v1/projects/{project}/runs/table", tag = "runs",
    params(("project" = Slug, Path), RunQuery, Format),
    responses((status = 200, body = RunTable), (status = 422, body = ErrorBody)))]
async fn get_run_table(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
    Query(query): Query<RunQuery>,
    Query(Format { format }): Query<Format>,
) -> Result<Response, ApiError> {
    match format.as_str() {
        "" | "json" => Ok(Json(runs::table(&ctx, &actor, &project, &query).await?).into_response()),
        "csv" => csv(&ctx, &actor, &project, query).await,
        other => Err(Problem::field("format", format!("'{other}' is no format. Use json or csv.")).into()),
    }
}

async fn csv(ctx: &Ctx, actor: &Actor, project: &Slug, query: RunQuery) -> Result<Response, ApiError> {
    let per_page = 500;
    let mut heads = Vec::new();
    let mut rows = Vec::new();
    for page in 1..=LONGEST / per_page {
        let step = RunQuery { page, per_page, pins: false, ..query.clone() };
        let table = runs::table(ctx, actor, project, &step).await?;
        let last = page * per_page >= table.page.total;
        heads = table.columns.iter().map(|column| column.field.to_string()).collect();
        rows.extend(table.page.items.iter().map(|row| cells(row, &table.columns)));
        if last {
            break;
        }
    }
    Ok(list::file("runs", "text/csv; charset=utf-8", list::table(&heads, &rows)))
}

fn cells(row: &RunRow, columns: &[RunColumn]) -> Vec<Value> {
    columns.iter().zip(&row.values).map(|(column, value)| cell(row, &column.field, value.as_ref())).collect()
}

fn cell(row: &RunRow, field: &Field, value: Option<&RunValue>) -> Value {
    let run = &row.run;
    let Field::Attribute(attribute) = field else {
        return match value {
            Some(RunValue { text: Some(text), .. }) => text.as_str().into(),
            Some(RunValue { number, .. }) => (*number).into(),
            None => Value::Null,
        };
    };
    match attribute {
        Attribute::Id => run.id.to_string().into(),
        Attribute::Name => run.name.as_str().into(),
        Attribute::State => run.job.state.as_str().into(),
        Attribute::Dataset => run.dataset_name.as_str().into(),
        Attribute::Version => run.dataset_version.into(),
        Attribute::Target => run.target.as_str().into(),
        Attribute::Task => run.task.map(|task| task.as_str()).into(),
        Attribute::Family => run.family.as_str().into(),
        Attribute::Model => run.trained.unwrap_or(run.family).as_str().into(),
        Attribute::Score => run.score.as_ref().map(|score| score.value).into(),
        Attribute::Verdict => run.verdict.as_deref().into(),
        Attribute::Device => value.and_then(|value| value.text.as_deref()).into(),
        Attribute::Seconds => run.seconds.into(),
        Attribute::CreatedBy => run.created_by.as_str().into(),
        Attribute::Created => run.created_at.to_iso().into(),
        Attribute::Curve => {
            let values: Vec<String> = row.curve.iter().flat_map(|curve| &curve.values).map(f64::to_string).collect();
            values.join(" ").into()
        }
        Attribute::Tags => {
            let tags: Vec<String> = row.tags.iter().map(RunTag::to_string).collect();
            tags.join("; ").into()
        }
    }
}

/// Metrics, parameters and tags that runs of the project have: what can be a column; 200 at most.
#[utoipa::path(get, path = "/api/v1/projects/{project}/runs/columns", tag = "runs",
    params(("project" = Slug, Path), Words), responses((status = 200, body = KnownColumns)))]
async fn list_run_columns(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
    Query(Words { q }): Query<Words>,
) -> Answer<KnownColumns> {
    Ok(Json(runs::columns(&ctx, &actor, &project, &q).await?))
}

/// Parameters and metrics of a few runs side by side.
#[utoipa::path(get, path = "/api/v1/projects/{project}/runs/compare", tag = "runs",
    params(("project" = Slug, Path), CompareQuery),
    responses((status = 200, body = Comparison), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
async fn compare_runs(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
    Query(CompareQuery { runs: named, base, q }): Query<CompareQuery>,
) -> Answer<Comparison> {
    Ok(Json(runs::compare(&ctx, &actor, &project, &ids(&named)?, base, &q).await?))
}

/// One metric's curve of a few runs.
#[utoipa::path(get, path = "/api/v1/projects/{project}/runs/compare/curves", tag = "runs",
    params(("project" = Slug, Path), CurvesQuery),
    responses((status = 200, body = Vec<ComparedCurve>), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
async fn compare_curves(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
    Query(CurvesQuery { runs: named, key }): Query<CurvesQuery>,
) -> Answer<Vec<ComparedCurve>> {
    Ok(Json(runs::curves(&ctx, &actor, &project, &ids(&named)?, &key).await?))
}

fn ids(text: &str) -> Result<Vec<RunId>, Problem> {
    let none =
        |id: &str| Problem::field("runs", format!("'{}' is no run's id.", id.chars().take(40).collect::<String>()));
    text.split(',').map(str::trim).filter(|id| !id.is_empty()).map(|id| id.parse().map_err(|_| none(id))).collect()
}

/// Cancels, archives, restores or tags runs.
#[utoipa::path(post, path = "/api/v1/projects/{project}/runs/bulk", tag = "runs", params(("project" = Slug, Path)),
    request_body = BulkRuns, responses((status = 200, body = BulkReply), (status = 422, body = ErrorBody)))]
async fn act_on_runs(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
    Body(input): Body<BulkRuns>,
) -> Answer<BulkReply> {
    Ok(Json(runs::act(&ctx, &actor, &project, input).await?))
}

/// Pins a run for the caller, or makes it the caller's baseline.
#[utoipa::path(put, path = "/api/v1/projects/{project}/runs/{run}/mark", tag = "runs",
    params(("project" = Slug, Path), ("run" = RunId, Path)), request_body = MarkRun,
    responses((status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn mark_run(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, RunId)>,
    Body(marks): Body<MarkRun>,
) -> Result<StatusCode, ApiError> {
    runs::mark(&ctx, &actor, &project, run, marks).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The caller's saved views and those that others share.
#[utoipa::path(get, path = "/api/v1/projects/{project}/runs/views", tag = "runs", params(("project" = Slug, Path)),
    responses((status = 200, body = Vec<SavedView>)))]
async fn list_run_views(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
) -> Answer<Vec<SavedView>> {
    Ok(Json(runs::list_views(&ctx, &actor, &project).await?))
}

/// Keeps a view under a name.
#[utoipa::path(post, path = "/api/v1/projects/{project}/runs/views", tag = "runs", params(("project" = Slug, Path)),
    request_body = NewSavedView, responses((status = 201, body = SavedView), (status = 422, body = ErrorBody)))]
async fn save_run_view(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
    Body(new): Body<NewSavedView>,
) -> Result<(StatusCode, Json<SavedView>), ApiError> {
    Ok((StatusCode::CREATED, Json(runs::save_view(&ctx, &actor, &project, new).await?)))
}

/// Puts another name, sharing or settings in a view's place.
#[utoipa::path(put, path = "/api/v1/projects/{project}/runs/views/{view}", tag = "runs",
    params(("project" = Slug, Path), ("view" = SavedViewId, Path)), request_body = NewSavedView,
    responses((status = 200, body = SavedView), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn change_run_view(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, view)): Path<(Slug, SavedViewId)>,
    Body(new): Body<NewSavedView>,
) -> Answer<SavedView> {
    Ok(Json(runs::change_view(&ctx, &actor, &project, view, new).await?))
}

/// Deletes a view.
#[utoipa::path(delete, path = "/api/v1/projects/{project}/runs/views/{view}", tag = "runs",
    params(("project" = Slug, Path), ("view" = SavedViewId, Path)),
    responses((status = 204), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn delete_run_view(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, view)): Path<(Slug, SavedViewId)>,
) -> Result<StatusCode, ApiError> {
    runs::delete_view(&ctx, &actor, &project, view).await?;
    Ok(StatusCode::NO_CONTENT)
}
