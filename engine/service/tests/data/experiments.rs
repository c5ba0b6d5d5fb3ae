use crate::support::*;
use trainyard_service::{Actor, audit, runs};
use trainyard_types::{
    Code, PageQuery, Problem, ResourceName, Role, RunId,
    experiments::{BulkAction, BulkRuns, MarkRun, NewSavedView, RunQuery, ViewSettings},
    job::JobState,
};

/// Two runs that are done and one that waits.
async fn three(world: &World, owner: &Actor) -> [RunId; 3] {
    let version = world.people(owner).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(world.run(owner, &version).await.summary.id);
        world.work().await;
    }
    [ids[0], ids[1], world.run(owner, &version).await.summary.id]
}

async fn actions(world: &World) -> Vec<String> {
    let all = PageQuery { per_page: 500, ..PageQuery::default() };
    let events = audit::list(&world.ctx, &Actor::system(), &all).await.unwrap();
    events.items.into_iter().map(|event| event.action).collect()
}

fn marked(pinned: Option<bool>, baseline: Option<bool>) -> MarkRun {
    MarkRun { pinned, baseline }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_shows_pins_on_top_and_the_baseline_wherever_it_is() {
    let world = world().await;
    let (ctx, project) = (&world.ctx, &world.project);
    let (ada, viewer) = (world.person(Role::Member).await, world.person(Role::Viewer).await);
    let [a, b, waiting] = three(&world, &ada).await;
    runs::mark(ctx, &viewer, project, a, marked(Some(true), None)).await.unwrap();
    runs::mark(ctx, &viewer, project, b, marked(None, Some(true))).await.unwrap();
    let query = RunQuery {
        columns: "name,metrics.roc_auc,params.family".into(),
        filter: "state = 'queued'".into(),
        pins: true,
        ..RunQuery::default()
    };
    let table = runs::table(ctx, &viewer, project, &query).await.unwrap();
    let ids = |rows: &[trainyard_types::experiments::RunRow]| rows.iter().map(|row| row.run.id).collect::<Vec<_>>();
    assert_eq!((ids(&table.pinned), ids(&table.page.items), table.page.total), (vec![a], vec![waiting], 1));
    let baseline = table.baseline.unwrap();
    assert!(baseline.run.id == b && baseline.baseline && !baseline.pinned);
    assert_eq!(table.columns[1].higher_is_better, Some(true));
    let value = table.pinned[0].values[1].clone().unwrap();
    assert_eq!((value.number, value.low, value.high), (Some(0.9), Some(0.8), Some(0.95)));
    // Another person has pinned nothing, and without pins all runs stand in the list.
    let all = RunQuery { pins: true, ..RunQuery::default() };
    let table = runs::table(ctx, &ada, project, &all).await.unwrap();
    assert!(table.pinned.is_empty() && table.baseline.is_none() && table.page.total == 3);
    let plain = RunQuery { sort: "-metrics.roc_auc".into(), ..RunQuery::default() };
    let table = runs::table(ctx, &viewer, project, &plain).await.unwrap();
    assert_eq!((table.page.total, ids(&table.page.items)), (3, vec![b, a, waiting]));

    for (query, field) in [
        (RunQuery { filter: "roc_auc > 1".into(), ..RunQuery::default() }, "filter"),
        (RunQuery { columns: "x".into(), ..RunQuery::default() }, "columns"),
        (RunQuery { sort: "x".into(), ..RunQuery::default() }, "sort"),
        (RunQuery { state: "x".into(), ..RunQuery::default() }, "state"),
    ] {
        let refused = runs::table(ctx, &ada, project, &query).await.unwrap_err();
        assert_eq!((refused.code, refused.fields[0].field.as_str()), (Code::Invalid, field));
    }
    let none = runs::mark(ctx, &viewer, project, RunId(trainyard_store::fresh_id()), marked(Some(true), None)).await;
    assert_eq!(none.unwrap_err().code, Code::NotFound);
    let system = runs::mark(ctx, &Actor::system(), project, a, marked(Some(true), None)).await;
    assert_eq!(system.unwrap_err().code, Code::Forbidden, "Trainyard has no pins");
    // Asking twice changes nothing and tells nothing.
    runs::mark(ctx, &viewer, project, a, marked(Some(true), None)).await.unwrap();
    assert_eq!(actions(&world).await.iter().filter(|action| *action == "run.mark").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_runs_are_acted_on_at_once_and_each_has_its_event() {
    let world = world().await;
    let (ctx, project) = (&world.ctx, &world.project);
    let (ada, viewer) = (world.person(Role::Member).await, world.person(Role::Viewer).await);
    let [a, b, waiting] = three(&world, &ada).await;
    let act = async |runs: &[RunId], action: BulkAction| {
        runs::act(ctx, &ada, project, BulkRuns { runs: runs.to_vec(), action }).await
    };
    let tag = BulkAction::Tag { key: "stage".into(), value: "final".into() };
    let refused = runs::act(ctx, &viewer, project, BulkRuns { runs: vec![a], action: tag.clone() }).await;
    assert_eq!(refused.unwrap_err().code, Code::Forbidden);
    assert_eq!(act(&[], tag.clone()).await.unwrap_err().fields[0].field, "runs");
    for key in ["", " a", "a\n", &"x".repeat(300)] {
        let bad = BulkAction::Tag { key: key.into(), value: String::new() };
        assert_eq!(act(&[a], bad).await.unwrap_err().fields[0].field, "key");
    }
    // One that is not there: nothing is done for the others either.
    let gone = RunId(trainyard_store::fresh_id());
    assert_eq!(act(&[a, gone], tag.clone()).await.unwrap_err().code, Code::NotFound);
    let tagged = async |filter: &str| {
        let query = RunQuery { filter: filter.into(), ..RunQuery::default() };
        runs::table(ctx, &ada, project, &query).await.unwrap().page.total
    };
    assert_eq!(tagged("tags.stage = 'final'").await, 0);
    assert_eq!(act(&[a, b, a], tag).await.unwrap().done, 2);
    assert_eq!(tagged("tags.stage = 'final'").await, 2);
    let untag = act(&[a, waiting], BulkAction::Untag { key: "stage".into() }).await.unwrap();
    assert_eq!((untag.done, untag.skipped.len(), untag.skipped[0].run), (1, 1, waiting));

    let archived = act(&[a, waiting], BulkAction::Archive).await.unwrap();
    assert_eq!((archived.done, archived.skipped[0].run), (1, waiting));
    assert!(archived.skipped[0].reason.contains("has not ended"), "{}", archived.skipped[0].reason);
    assert_eq!(tagged("").await, 2);
    assert_eq!(runs::list(ctx, &ada, project, &PageQuery::default()).await.unwrap().total, 2);
    runs::view(ctx, &ada, project, a).await.unwrap();
    let away = RunQuery { archived: true, ..RunQuery::default() };
    assert_eq!(runs::table(ctx, &ada, project, &away).await.unwrap().page.items[0].run.id, a);
    assert_eq!(act(&[a, b], BulkAction::Restore).await.unwrap().done, 1);

    let stopped = act(&[a, waiting], BulkAction::Cancel).await.unwrap();
    assert_eq!((stopped.done, stopped.skipped[0].run), (1, a));
    let state = runs::view(ctx, &ada, project, waiting).await.unwrap().summary.job.state;
    assert_eq!(state, JobState::Cancelled);
    let actions = actions(&world).await;
    for (action, times) in [("run.tag", 2), ("run.untag", 1), ("run.archive", 1), ("run.restore", 1), ("run.cancel", 1)]
    {
        assert_eq!(actions.iter().filter(|known| *known == action).count(), times, "{action}");
    }
    assert!(audit::verify(ctx, &Actor::system()).await.unwrap().intact);
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_shared_by_those_who_may_write_and_changed_by_their_owner() {
    let world = world().await;
    let (ctx, project) = (&world.ctx, &world.project);
    let ada = world.person(Role::Member).await;
    let (viewer, boss) = (world.person(Role::Viewer).await, world.person(Role::Admin).await);
    let view = |name: &str, shared: bool, filter: &str| NewSavedView {
        name: ResourceName::parse(name).unwrap(),
        shared,
        settings: ViewSettings { filter: filter.into(), ..ViewSettings::default() },
    };
    let shared = runs::save_view(ctx, &ada, project, view("Best", true, "metrics.r2 > 0.5")).await.unwrap();
    assert!(shared.mine && shared.created_by == ada.name);
    let code = |result: Result<(), Problem>| result.unwrap_err().code;
    assert_eq!(code(runs::save_view(ctx, &viewer, project, view("All", true, "")).await.map(drop)), Code::Forbidden);
    let own = runs::save_view(ctx, &viewer, project, view("All", false, "")).await.unwrap();
    let taken = runs::save_view(ctx, &viewer, project, view("All", false, "")).await.unwrap_err();
    assert_eq!(taken.fields[0].field, "name");
    let broken = runs::save_view(ctx, &ada, project, view("Bad", false, "x y z")).await.unwrap_err();
    assert_eq!(broken.fields[0].field, "filter");
    let seen = async |actor: &Actor| -> Vec<String> {
        runs::list_views(ctx, actor, project).await.unwrap().into_iter().map(|view| view.name).collect()
    };
    assert_eq!(seen(&viewer).await, ["All", "Best"]);
    assert_eq!(seen(&ada).await, ["Best"]);
    // What is not shared is not there for others; what is belongs to its owner.
    assert_eq!(code(runs::delete_view(ctx, &ada, project, own.id).await), Code::NotFound);
    let change = runs::change_view(ctx, &viewer, project, shared.id, view("Mine", false, "")).await;
    assert_eq!(code(change.map(drop)), Code::Forbidden);
    let changed = runs::change_view(ctx, &ada, project, shared.id, view("Best of all", true, "")).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.settings.filter.as_str()), ("Best of all", ""));
    runs::delete_view(ctx, &boss, project, shared.id).await.unwrap();
    assert!(seen(&ada).await.is_empty());
    let actions = actions(&world).await;
    for (action, times) in [("run_view.create", 2), ("run_view.change", 1), ("run_view.delete", 1)] {
        assert_eq!(actions.iter().filter(|known| *known == action).count(), times, "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_side_by_side_show_what_differs() {
    let world = world().await;
    let (ctx, project) = (&world.ctx, &world.project);
    let ada = world.person(Role::Member).await;
    let [a, b, waiting] = three(&world, &ada).await;
    let compared = runs::compare(ctx, &ada, project, &[b, a, waiting, a], None, "").await.unwrap();
    assert_eq!(compared.runs.iter().map(|run| run.id).collect::<Vec<_>>(), [b, a, waiting], "each once, in order");
    assert_eq!(compared.base, 0);
    let auc = compared.metrics.iter().find(|metric| metric.key == "roc_auc").unwrap();
    assert!(auc.differs && auc.best.is_empty() && auc.values[2].is_none(), "equal values: none is best");
    assert_eq!(compared.metrics[0].key, "roc_auc", "what has a direction comes first");
    let seed = compared.params.iter().find(|param| param.key == "seed").unwrap();
    assert!(!seed.differs && seed.values[0].as_deref() == Some("0"));
    let narrowed = runs::compare(ctx, &ada, project, &[a, b], Some(b), "ROC").await.unwrap();
    assert_eq!((narrowed.base, narrowed.metrics.len(), narrowed.metrics_total), (1, 1, 1));
    runs::mark(ctx, &ada, project, b, marked(None, Some(true))).await.unwrap();
    assert_eq!(runs::compare(ctx, &ada, project, &[a, b], None, "").await.unwrap().base, 1);

    let too_few = runs::compare(ctx, &ada, project, &[a, a], None, "").await.unwrap_err();
    assert_eq!(too_few.fields[0].field, "runs");
    let other = runs::compare(ctx, &ada, project, &[a, b], Some(waiting), "").await.unwrap_err();
    assert_eq!(other.fields[0].field, "base");
    let gone = RunId(trainyard_store::fresh_id());
    let missing = runs::compare(ctx, &ada, project, &[a, gone], None, "").await.unwrap_err();
    assert_eq!(missing.code, Code::NotFound);
    let no_part = runs::curves(ctx, &ada, project, &[a, b], "loss").await.unwrap_err();
    assert_eq!(no_part.fields[0].field, "key");
    assert!(runs::curves(ctx, &ada, project, &[a, b], "valid.loss").await.unwrap().is_empty());
}
