use crate::support::*;
use serde_json::json;
use trainyard_service::{Actor, datasets, home, models, oip, runs, workers};
use trainyard_types::{
    Code, PageQuery, Problem, Role, Slug,
    experiments::{BulkAction, BulkRuns, MarkRun, RunQuery},
    model::{MoveAlias, RegisterModel},
    run::{NewRun, RunCursor},
};

fn code<T>(outcome: Result<T, Problem>) -> Code {
    outcome.map(|_| ()).unwrap_err().code
}

/// Everything there is in `world`, asked for by `actor` through the project `by`: the codes of the refusals.
async fn refusals(world: &World, actor: &Actor, by: &Slug) -> Vec<(&'static str, Code)> {
    let owner = world.person(Role::Approver).await;
    let ctx = &world.ctx;
    let version = world.people(&owner).await;
    let upload = world.upload(&owner, "more.csv", &people(20)).await.unwrap().id;
    let done = world.run(&owner, &version).await.summary.id;
    world.work().await;
    let waiting = world.run(&owner, &version).await.summary.id;
    let name = Slug::parse("buyers").unwrap();
    let register = |run, name: &Slug| RegisterModel { run, name: name.clone(), description: String::new() };
    models::register(ctx, &owner, &world.project, register(done, &name)).await.unwrap();
    let id = version.summary.id;
    let (all, from) = (PageQuery::default(), RunCursor::default());
    let new = NewRun { name: None, dataset_version: id, settings: settings() };
    let rows = serde_json::from_value(json!({"rows": [{"age": 1, "income": 2, "city": "Oslo"}]})).unwrap();
    let request = serde_json::from_value(json!({"inputs": []})).unwrap();
    let to = MoveAlias { version: 1, reason: None };
    let other_name = Slug::parse("mine").unwrap();
    let options = datasets::upload_view(ctx, &owner, &world.project, upload).await.unwrap().options;
    vec![
        ("list data", code(datasets::list(ctx, actor, &world.project, &all).await)),
        ("data set", code(datasets::view(ctx, actor, by, version.dataset).await)),
        ("versions", code(datasets::versions(ctx, actor, by, version.dataset).await)),
        ("version", code(datasets::version(ctx, actor, by, id).await)),
        ("rows", code(datasets::rows(ctx, actor, by, id, 0, 10).await)),
        ("upload", code(datasets::upload_view(ctx, actor, by, upload).await)),
        ("reinspect", code(datasets::reinspect(ctx, actor, by, upload, options).await)),
        ("commit", code(datasets::commit(ctx, actor, by, upload, commit("Mine")).await.map_err(|f| f.problem))),
        ("discard", code(datasets::discard_upload(ctx, actor, by, upload).await)),
        ("plan", code(runs::plan(ctx, actor, by, id, settings()).await)),
        ("create", code(runs::create(ctx, actor, by, new).await)),
        ("list runs", code(runs::list(ctx, actor, &world.project, &all).await)),
        ("run table", code(runs::table(ctx, actor, &world.project, &RunQuery::default()).await)),
        ("run columns", code(runs::columns(ctx, actor, &world.project, "").await)),
        ("run views", code(runs::list_views(ctx, actor, &world.project).await)),
        ("compare", code(runs::compare(ctx, actor, by, &[done, waiting], None, "").await)),
        ("curves", code(runs::curves(ctx, actor, by, &[done, waiting], "train.loss").await)),
        ("archive", code(runs::act(ctx, actor, by, BulkRuns { runs: vec![done], action: BulkAction::Archive }).await)),
        ("pin", code(runs::mark(ctx, actor, by, done, MarkRun { pinned: Some(true), baseline: None }).await)),
        ("run", code(runs::view(ctx, actor, by, done).await)),
        ("metrics", code(runs::metrics(ctx, actor, by, done).await)),
        ("log", code(runs::log(ctx, actor, by, done, 0, 10, "").await)),
        ("updates", code(runs::updates(ctx, actor, by, done, from).await)),
        ("cancel", code(runs::cancel(ctx, actor, by, waiting).await)),
        ("retry", code(runs::retry(ctx, actor, by, done).await)),
        ("activity", code(runs::activity(ctx, actor, &world.project).await)),
        ("home", code(home::view(ctx, actor, &world.project).await)),
        ("register", code(models::register(ctx, actor, by, register(done, &other_name)).await)),
        ("list models", code(models::list(ctx, actor, &world.project, &all).await)),
        ("model", code(models::view(ctx, actor, &name).await)),
        ("model versions", code(models::versions(ctx, actor, &name).await)),
        ("predict", code(models::predict(ctx, actor, &name, None, rows).await)),
        ("metadata", code(oip::metadata(ctx, actor, &name, None).await)),
        ("ready", code(oip::ready(ctx, actor, &name, None).await)),
        ("infer", code(oip::infer(ctx, actor, &name, None, request).await)),
        ("champion", code(models::move_champion(ctx, actor, &name, to).await)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn another_workspace_sees_nothing_even_through_its_own_project() {
    let world = world().await;
    let (stranger, there) = world.stranger().await;
    for (what, code) in refusals(&world, &stranger, &there).await {
        assert_eq!(code, Code::NotFound, "{what}");
    }
    // The waiting run was not touched by the refused cancel.
    let runs = runs::list(&world.ctx, &Actor::system(), &world.project, &PageQuery::default()).await.unwrap();
    assert_eq!(runs.items[0].job.queue_position, Some(1));
    assert!(!runs.items[0].job.cancel_requested);
    // A taken model name is refused without saying whose it is.
    let version = {
        let upload =
            datasets::receive_upload(&world.ctx, &stranger, &there, "p.csv", chunks(&people(400))).await.unwrap();
        datasets::commit(&world.ctx, &stranger, &there, upload.id, commit("People")).await.unwrap()
    };
    runs::cancel(&world.ctx, &Actor::system(), &world.project, runs.items[0].id).await.unwrap();
    let new = NewRun { name: None, dataset_version: version.summary.id, settings: settings() };
    let run = runs::create(&world.ctx, &stranger, &there, new).await.unwrap().summary.id;
    assert_eq!(world.work().await, run);
    let taken = RegisterModel { run, name: Slug::parse("buyers").unwrap(), description: String::new() };
    assert_eq!(code(models::register(&world.ctx, &stranger, &there, taken).await), Code::Conflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_workspace_sees_nothing_through_the_project_itself() {
    let world = world().await;
    let (stranger, _) = world.stranger().await;
    for (what, code) in refusals(&world, &stranger, &world.project.clone()).await {
        assert_eq!(code, Code::NotFound, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_does_what_its_row_of_the_matrix_says() {
    let world = world().await;
    let ctx = &world.ctx;
    let member = world.person(Role::Member).await;
    let version = world.people(&member).await;
    let run = world.run(&member, &version).await.summary.id;
    world.work().await;
    let name = Slug::parse("buyers").unwrap();
    let register = RegisterModel { run, name: name.clone(), description: String::new() };
    models::register(ctx, &member, &world.project, register).await.unwrap();
    let predict = async |actor: &Actor| {
        let rows = serde_json::from_value(json!({"rows": [{"age": 30, "income": 1200, "city": "Oslo"}]})).unwrap();
        models::predict(ctx, actor, &name, None, rows).await
    };
    let rows = async |actor: &Actor| datasets::rows(ctx, actor, &world.project, version.summary.id, 0, 1).await;
    let (viewer, auditor) = (world.person(Role::Viewer).await, world.person(Role::Auditor).await);
    for reader in [&viewer, &auditor] {
        datasets::version(ctx, reader, &world.project, version.summary.id).await.unwrap();
        runs::view(ctx, reader, &world.project, run).await.unwrap();
        models::view(ctx, reader, &name).await.unwrap();
        home::view(ctx, reader, &world.project).await.unwrap();
        assert_eq!(code(world.upload(reader, "x.csv", "a\n1\n").await), Code::Forbidden);
        let new = NewRun { name: None, dataset_version: version.summary.id, settings: settings() };
        assert_eq!(code(runs::create(ctx, reader, &world.project, new).await), Code::Forbidden);
        assert_eq!(code(runs::cancel(ctx, reader, &world.project, run).await), Code::Forbidden);
        assert_eq!(code(runs::retry(ctx, reader, &world.project, run).await), Code::Forbidden);
        assert_eq!(code(workers::list(ctx, reader).await), Code::Forbidden);
    }
    assert_eq!(code(rows(&viewer).await), Code::Forbidden);
    rows(&auditor).await.unwrap();
    predict(&viewer).await.unwrap();
    assert_eq!(code(predict(&auditor).await), Code::Forbidden);
    predict(&member).await.unwrap();
    let admin = world.person(Role::Admin).await;
    assert_eq!(workers::list(ctx, &admin).await.unwrap().len(), 1);

    // Whoever has a generated password changes it before anything else.
    let fresh = Actor { must_change_password: true, ..member };
    assert_eq!(code(datasets::list(ctx, &fresh, &world.project, &PageQuery::default()).await), Code::Forbidden);
    assert_eq!(code(predict(&fresh).await), Code::Forbidden);
}
