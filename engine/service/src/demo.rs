//! The demo project: synthetic loan applications, trained and served, so that every page has something to show.

use crate::{
    Actor, Ctx,
    authorise::{self, DEFAULT_WORKSPACE},
    blocking::blocking,
    datasets, projects, runs,
};
use tokio::sync::Mutex;
use trainyard_data::demo::write_loan_applications;
use trainyard_store::{self as store, audit, fresh_id, now, parse};
use trainyard_types::{
    Action, DatasetVersionId, PageQuery, Problem, ResourceName, Slug, WorkspaceId,
    account::ProjectView,
    dataset::{BadRows, VersionView},
    run::{NewRun, TrainSettings},
};

/// The demo's address.
pub const PROJECT: &str = "demo";
/// The model that the demo's run becomes.
pub const MODEL: &str = "loan-default";
const DATASET: &str = "Loan applications";
const TARGET: &str = "defaulted";
const ROWS: usize = 20_000;
const SEED: u64 = 7;

/// Makes the demo project with its data set, and queues a run whose model becomes the champion of `loan-default`. What is
/// there already is left as it is, so that a second call, or one after a crash, only adds what is missing.
///
/// # Errors
/// `Forbidden` for those who may not change anything in the default workspace.
pub async fn load(ctx: &Ctx, actor: &Actor) -> Result<ProjectView, Problem> {
    authorise::settled(actor)?;
    // Two clicks are one demo. (Two servers at the same moment could still queue two runs, which does no harm.)
    static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
    let _turn = ONE_AT_A_TIME.lock().await;
    let slug = fixed::<Slug>(Slug::parse(PROJECT))?;
    ensure_project(ctx, actor, &slug).await?;
    let scope = authorise::project(ctx, actor, &slug, Action::Write).await?;
    let version = ensure_dataset(ctx, actor, &slug).await?;
    let any = PageQuery { per_page: 1, ..PageQuery::default() };
    if store::runs::list(ctx.store(), scope.project, &any).await?.total == 0 {
        let run = NewRun {
            name: Some(fixed(ResourceName::parse("Will the loan be paid back?"))?),
            dataset_version: version,
            settings: settings(),
        };
        runs::queue(ctx, actor, &scope, run, Some(MODEL.to_owned())).await?;
    }
    projects::view(ctx, actor, &slug).await
}

/// The demo's run: automatic, on a short budget, so that a first visitor sees the end of it. The application's date is left
/// out: it says nothing about the applicant.
fn settings() -> TrainSettings {
    let drop = vec!["application_date".to_owned()];
    TrainSettings { budget_seconds: Some(30.0), drop, ..TrainSettings::for_target(TARGET) }
}

async fn ensure_project(ctx: &Ctx, actor: &Actor, slug: &Slug) -> Result<(), Problem> {
    let db = ctx.store().db();
    if store::projects::by_slug(db, slug.as_str()).await?.is_some() {
        return Ok(());
    }
    let workspace = store::memberships::workspace_by_slug(db, DEFAULT_WORKSPACE)
        .await?
        .ok_or_else(|| store::error::internal(&"there is no default workspace"))?;
    let id: WorkspaceId = parse("workspaces.id", &workspace.id)?;
    authorise::workspace(ctx, actor, id, Action::Write).await?;
    let model = store::projects::Project {
        id: fresh_id().to_string(),
        workspace_id: workspace.id,
        slug: slug.to_string(),
        name: "Demo".to_owned(),
        description: "Synthetic loan applications from Trainyard's own generator. Nobody real is in them.".to_owned(),
        created_at: now().0,
        created_by: actor.name.clone(),
    };
    let tx = ctx.store().begin().await?;
    match store::projects::insert(&*tx, model).await {
        Ok(model) => {
            let event = actor
                .event("project.create", format!("project/{}", model.id), "Made the demo project.")
                .in_project(slug.as_str())
                .after(&(&model.id, &model.slug, &model.name));
            audit::append(&tx, event).await?;
            Ok(tx.commit().await?)
        }
        // Somebody else loads it at the same moment.
        Err(error) if error.is_duplicate() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn ensure_dataset(ctx: &Ctx, actor: &Actor, slug: &Slug) -> Result<DatasetVersionId, Problem> {
    if let Some(version) = newest(ctx, actor, slug).await? {
        return Ok(version);
    }
    let folder = ctx.data_dir().join("uploads");
    // A folder of its own, so that the file can have a name for people: it becomes the version's source.
    let folder = folder.join(fresh_id().to_string());
    tokio::fs::create_dir_all(&folder).await.map_err(|error| store::error::internal(&error))?;
    let csv = folder.join("loan_applications.csv");
    let written = {
        let csv = csv.clone();
        blocking(move || write_loan_applications(&csv, ROWS, SEED, false)).await?
    };
    let imported = match written {
        Ok(()) => {
            let name = Some(fixed(ResourceName::parse(DATASET))?);
            datasets::import_file(ctx, actor, slug, &csv, name, None, BadRows::Refuse)
                .await
                .map(|VersionView { summary, .. }| summary.id)
                .map_err(|failure| failure.problem)
        }
        Err(error) => Err(store::error::internal(&error)),
    };
    let _ = tokio::fs::remove_dir_all(&folder).await;
    match imported {
        Ok(version) => Ok(version),
        // Two visitors loaded it at the same moment: the other's is as good.
        Err(problem) => newest(ctx, actor, slug).await?.ok_or(problem),
    }
}

/// The newest version of the demo's data set, if it is there.
async fn newest(ctx: &Ctx, actor: &Actor, slug: &Slug) -> Result<Option<DatasetVersionId>, Problem> {
    let query = PageQuery { q: DATASET.to_owned(), ..PageQuery::default() };
    let page = datasets::list(ctx, actor, slug, &query).await?;
    Ok(page.items.into_iter().find(|dataset| dataset.name == DATASET).map(|dataset| dataset.latest.id))
}

/// A name that is written in this file and known to be sound.
fn fixed<T>(name: Result<T, String>) -> Result<T, Problem> {
    name.map_err(|error| store::error::internal(&error))
}
