use crate::{
    databases::Pair,
    runs::{claim, finish, point},
    support::*,
};
use sea_orm::ConnectionTrait;
use trainyard_store::{
    Store, accounts, fresh_id,
    jobs::{self, Batch},
    now, runs,
    runs::table::{Wanted, find, known, metrics_of, params_of, rows},
};
use trainyard_types::{
    ResourceName, RunId, SavedViewId, UserId,
    evaluation::{PartMetrics, RunResult},
    experiments::{Attribute, Field, Filter, MOST_PINNED, NewSavedView, RunTag, Sparkline, ViewSettings},
    job::JobState,
    run::MetricPoint,
};

async fn person(store: &Store, name: &str) -> UserId {
    let id = UserId(fresh_id());
    let person = accounts::User {
        id: id.to_string(),
        name: name.to_owned(),
        name_key: accounts::name_key(name),
        display_name: name.to_owned(),
        password_hash: String::new(),
        instance_admin: false,
        must_change_password: false,
        disabled: false,
        session_epoch: 0,
        created_at: now().0,
        last_sign_in: None,
    };
    accounts::insert(store.db(), person).await.unwrap();
    id
}

fn measured(rmse: f64, r2: f64) -> RunResult {
    let mut metrics = PartMetrics::default();
    metrics.test.insert("r2".into(), r2);
    metrics.valid.insert("rmse".into(), rmse + 0.01);
    let parameters = [("trees", "12"), ("library", "perpetual")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    RunResult { metrics, parameters: parameters.into_iter().collect(), ..result(rmse) }
}

/// Asks for a run, plays its job and ends it.
async fn trained(store: &Store, ground: &Ground, name: &str, rmse: f64, r2: f64) -> RunId {
    let mut result = measured(rmse, r2);
    result.metrics.train.insert("odd".into(), f64::NAN);
    trained_to(store, ground, name, &result).await
}

async fn trained_to(store: &Store, ground: &Ground, name: &str, result: &RunResult) -> RunId {
    let id = run(store, ground, name).await;
    let lease = claim(store).await;
    assert_eq!(lease.run, id);
    let points: Vec<MetricPoint> = [0.9, 0.4, 0.5]
        .into_iter()
        .zip(1..)
        .map(|(value, step)| MetricPoint { part: "valid".into(), ..point("trees/rmse", step, value) })
        .collect();
    assert!(jobs::record(store, &lease, &Batch { points, ..Batch::default() }).await.unwrap());
    let tx = store.begin().await.unwrap();
    assert!(jobs::end(&tx, &lease, JobState::Succeeded, None, now()).await.unwrap());
    runs::set_result(&tx, id, result, 1).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn tag(store: &Store, ground: &Ground, run: RunId, key: &str, value: &str) {
    let tx = store.begin().await.unwrap();
    let tag = RunTag { key: key.into(), value: value.into() };
    runs::values::tag(&tx, ground.project, run, &tag).await.unwrap();
    tx.commit().await.unwrap();
}

async fn names(store: &Store, ground: &Ground, filter: &str, sort: &str) -> Vec<String> {
    let filter: Filter = filter.parse().unwrap_or_else(|error| panic!("{filter}: {error}"));
    let order: Option<(Field, bool)> = (!sort.is_empty()).then(|| match sort.strip_prefix('-') {
        Some(name) => (name.parse().unwrap(), true),
        None => (sort.parse().unwrap(), false),
    });
    let wanted = Wanted {
        filter: &filter,
        words: "",
        state: None,
        order: order.as_ref().map(|(field, down)| (field, *down)),
        archived: false,
        without: &[],
        limit: 50,
        offset: 0,
    };
    let (ids, total) = find(store, ground.project, &wanted).await.unwrap();
    assert_eq!(ids.len() as u64, total);
    let rows = rows(store.db(), ground.project, &ids, &[]).await.unwrap();
    rows.into_iter().map(|row| row.run.name).collect()
}

pub async fn runs_are_filtered_and_sorted_by_any_value(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    let other = crate::support::ground(&store, "beta").await;
    trained(&store, &other, "Elsewhere", 0.1, 0.99).await;
    let a = trained(&store, &ground, "Alpha_1", 0.5, 0.7).await;
    trained(&store, &ground, "beta 50%", 0.3, 0.9).await;
    run(&store, &ground, "gamma").await;
    tag(&store, &ground, a, "stage", "Final").await;
    tag(&store, &ground, a, "stage", "it's final").await;
    tag(&store, &ground, a, "reviewed", "").await;

    let hits = async |filter: &str| names(&store, &ground, filter, "name").await;
    for (filter, expected) in [
        ("", vec!["Alpha_1", "beta 50%", "gamma"]),
        ("metrics.rmse < 0.4", vec!["beta 50%"]),
        ("metrics.rmse <= 0.5 and metrics.r2 > 0.65", vec!["Alpha_1", "beta 50%"]),
        ("metrics.rmse != 0.3", vec!["Alpha_1"]),
        ("metrics.valid.trees/rmse:min = 0.4 and metrics.valid.trees/rmse = 0.5", vec!["Alpha_1", "beta 50%"]),
        ("metrics.valid.trees/rmse:best > 0.4", vec![]),
        ("metrics.valid.trees/rmse:max >= 0.9", vec!["Alpha_1", "beta 50%"]),
        ("metrics.rmse is null", vec!["gamma"]),
        ("metrics.train.odd is not null", vec!["Alpha_1", "beta 50%"]),
        ("metrics.train.odd > -1", vec![]),
        ("params.family = 'trees'", vec!["Alpha_1", "beta 50%", "gamma"]),
        ("params.trees = 12", vec!["Alpha_1", "beta 50%"]),
        ("params.trees > 11.5 and params.library like 'perp%'", vec!["Alpha_1", "beta 50%"]),
        ("params.split.seed = 0", vec!["Alpha_1", "beta 50%", "gamma"]),
        ("params.trees is null", vec!["gamma"]),
        ("tags.stage = 'it''s final'", vec!["Alpha_1"]),
        ("tags.stage ilike '%FINAL'", vec!["Alpha_1"]),
        ("tags.stage like '%FINAL'", vec![]),
        ("tags.reviewed is not null", vec!["Alpha_1"]),
        ("tags.stage != 'x'", vec!["Alpha_1"]),
        ("name like 'Alpha%'", vec!["Alpha_1"]),
        ("name like 'alpha%'", vec![]),
        ("name ilike 'ALPHA%'", vec!["Alpha_1"]),
        ("name like 'beta%'", vec!["beta 50%"]),
        ("name like '_eta 50_'", vec!["beta 50%"]),
        ("name like '\\'", vec![]),
        ("name ilike 'a\\%'", vec![]),
        ("name like '[ab]*'", vec![]),
        ("name in ('gamma', 'Alpha_1')", vec!["Alpha_1", "gamma"]),
        ("name not in ('gamma', 'Alpha_1')", vec!["beta 50%"]),
        ("name = '''; drop table runs; --'", vec![]),
        ("state = 'queued'", vec!["gamma"]),
        ("status != 'queued'", vec!["Alpha_1", "beta 50%"]),
        ("dataset ilike 'people of alpha' and version = 1", vec!["Alpha_1", "beta 50%", "gamma"]),
        ("score < 0.4 and model = 'trees' and task = 'regression'", vec!["beta 50%"]),
        ("created > '2020-01-01' and seconds = 1.5 and created_by = 'ada'", vec!["Alpha_1", "beta 50%"]),
        ("verdict is null and device is null and target = 'age'", vec!["gamma"]),
    ] {
        assert_eq!(hits(filter).await, expected, "{filter}");
    }
    assert_eq!(hits(&format!("id = '{a}'")).await, ["Alpha_1"]);

    for (sort, expected) in [
        ("metrics.rmse", ["beta 50%", "Alpha_1", "gamma"]),
        ("-metrics.rmse", ["Alpha_1", "beta 50%", "gamma"]),
        ("-metrics.r2", ["beta 50%", "Alpha_1", "gamma"]),
        ("tags.stage", ["Alpha_1", "gamma", "beta 50%"]),
        ("-params.trees", ["beta 50%", "Alpha_1", "gamma"]),
        ("score", ["beta 50%", "Alpha_1", "gamma"]),
        ("created", ["Alpha_1", "beta 50%", "gamma"]),
        ("-created", ["gamma", "beta 50%", "Alpha_1"]),
        ("", ["gamma", "beta 50%", "Alpha_1"]),
        ("metrics.nothing", ["gamma", "beta 50%", "Alpha_1"]),
    ] {
        assert_eq!(names(&store, &ground, "", sort).await, expected, "{sort}");
    }
}

pub async fn rows_have_the_values_asked_for_and_no_others(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    let other = project(&store, "beta").await;
    let done = trained(&store, &ground, "Done", 0.5, 0.7).await;
    let waiting = run(&store, &ground, "Waiting").await;
    tag(&store, &ground, done, "stage", "final").await;
    let fields =
        Field::list("name,metrics.rmse,metrics.valid.trees/rmse:min,params.trees,tags.stage,curve,device").unwrap();
    let shown = rows(store.db(), ground.project, &[waiting, done], &fields).await.unwrap();
    assert_eq!(shown.iter().map(|row| row.run.id).collect::<Vec<_>>(), [waiting, done], "in the order asked for");
    let [waits, ended] = shown.as_slice() else { panic!("two rows") };
    assert!(waits.values.iter().all(Option::is_none) && waits.tags.is_empty() && waits.curve.is_none());
    let value = |at: usize| ended.values[at].clone().unwrap_or_default();
    assert!(ended.values[0].is_none(), "what stands in the summary is not said twice");
    assert_eq!((value(1).number, value(1).low, value(1).high), (Some(0.5), Some(0.4), Some(0.6)));
    assert_eq!((value(2).number, value(2).low), (Some(0.4), None));
    assert_eq!((value(3).text.as_deref(), value(3).number), (Some("12"), Some(12.0)));
    assert_eq!(value(4).text.as_deref(), Some("final"));
    assert_eq!(value(6).text.as_deref(), Some("CPU"));
    assert_eq!(ended.tags, [RunTag { key: "stage".into(), value: "final".into() }]);
    let curve = ended.curve.clone().unwrap();
    assert_eq!((curve.key.as_str(), curve.values.as_slice()), ("trees/rmse", &[0.9, 0.4, 0.5][..]));
    assert!(rows(store.db(), other, &[done], &fields).await.unwrap().is_empty(), "not through another project");

    let (fields, total) = known(store.db(), ground.project, "RMSE", 50).await.unwrap();
    let names: Vec<String> = fields.iter().map(Field::to_string).collect();
    assert_eq!((names.len() as u64, total), (3, 3), "{names:?}");
    assert!(names.contains(&"metrics.valid.trees/rmse".to_owned()));
    let (few, total) = known(store.db(), ground.project, "", 2).await.unwrap();
    assert!(few.len() == 2 && total > 10);
    assert_eq!(known(store.db(), other, "", 50).await.unwrap().1, 0);

    let metrics = metrics_of(store.db(), &[done, waiting]).await.unwrap();
    let curves: Vec<&str> = metrics.iter().filter(|value| value.curve).map(|value| value.key.as_str()).collect();
    assert_eq!(curves, ["valid.trees/rmse"]);
    let params = params_of(store.db(), &[done, waiting]).await.unwrap();
    assert_eq!(params.iter().filter(|value| value.key == "target").count(), 2);

    // A run that is worked on shows its curve so far; one that fails keeps it.
    let lease = claim(&store).await;
    let points =
        (1..=60).map(|step| MetricPoint { part: "valid".into(), ..point("trees/loss", step, 1.0 / step as f64) });
    assert!(jobs::record(&store, &lease, &Batch { points: points.collect(), ..Batch::default() }).await.unwrap());
    let curve = [Field::Attribute(Attribute::Curve)];
    let live = rows(store.db(), ground.project, &[waiting], &curve).await.unwrap();
    assert_eq!(
        live[0].curve.as_ref().map(|c| (c.key.as_str(), c.values.len())),
        Some(("trees/loss", Sparkline::POINTS))
    );
    let so_far = runs::table::curves_so_far(store.db(), waiting).await.unwrap();
    assert_eq!(so_far, ["valid.trees/loss"]);
    let tx = store.begin().await.unwrap();
    assert!(jobs::end(&tx, &lease, JobState::Failed, Some("x"), now()).await.unwrap());
    tx.commit().await.unwrap();
    let failed = rows(store.db(), ground.project, &[waiting], &curve).await.unwrap();
    assert_eq!(failed[0].curve.as_ref().map(|curve| curve.values.len()), Some(Sparkline::POINTS));
    assert_eq!(names_of(&store, &ground, "metrics.valid.trees/loss:min < 0.02").await, ["Waiting"]);
}

async fn names_of(store: &Store, ground: &Ground, filter: &str) -> Vec<String> {
    names(store, ground, filter, "").await
}

pub async fn runs_from_before_get_their_values_at_the_next_start(Pair { here: store, there }: Pair) {
    let ground = ground(&store, "alpha").await;
    let done = trained_to(&store, &ground, "Done", &measured(0.5, 0.7)).await;
    // A number that is none makes a result that can't be read back.
    let odd = trained(&store, &ground, "Odd", 0.5, 0.7).await;
    run(&store, &ground, "Waiting").await;
    let broken = run(&store, &ground, "Broken").await;
    let fields = Field::list("metrics.rmse,metrics.valid.trees/rmse:min,params.trees,curve").unwrap();
    let before = rows(store.db(), ground.project, &[done], &fields).await.unwrap();
    let db = store.db();
    for statement in ["DELETE FROM run_values", "DELETE FROM run_keys"] {
        db.execute_unprepared(statement).await.unwrap();
    }
    db.execute_unprepared(&format!("UPDATE runs SET settings = '{{}}' WHERE id = '{broken}'")).await.unwrap();
    assert!(names_of(&store, &ground, "params.family = 'trees'").await.is_empty());
    there.migrate().await.unwrap();
    assert_eq!(names_of(&store, &ground, "params.family = 'trees'").await, ["Waiting", "Odd", "Done"]);
    assert_eq!(names_of(&store, &ground, "metrics.valid.trees/rmse:min = 0.4").await, ["Odd", "Done"]);
    assert_eq!(names_of(&store, &ground, &format!("metrics.rmse is null and id = '{odd}'")).await, ["Odd"]);
    assert_eq!(rows(db, ground.project, &[done], &fields).await.unwrap(), before);
    assert!(known(db, ground.project, "rmse", 9).await.unwrap().1 > 0);
    there.migrate().await.unwrap();
}

pub async fn pins_and_baselines_are_each_persons_own(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    let other = crate::support::ground(&store, "beta").await;
    let (ada, bob) = (person(&store, "Ada").await, person(&store, "Bob").await);
    let (a, b) = (run(&store, &ground, "a").await, run(&store, &ground, "b").await);
    let mark = async |user: UserId, run: RunId, pinned: bool, baseline: bool| {
        let tx = store.begin().await.unwrap();
        runs::marks::set(&tx, user, ground.project, run, (pinned, baseline), now()).await.unwrap();
        tx.commit().await.unwrap();
    };
    let read = async |user: UserId, project| {
        let marks = runs::marks::read(store.db(), user, project).await.unwrap();
        (marks.pinned, marks.baseline)
    };
    mark(ada, a, true, true).await;
    mark(ada, b, true, false).await;
    mark(bob, b, false, true).await;
    assert_eq!(read(ada, ground.project).await, (vec![a, b], Some(a)));
    assert_eq!(read(bob, ground.project).await, (vec![], Some(b)));
    mark(ada, b, true, true).await;
    assert_eq!(read(ada, ground.project).await, (vec![a, b], Some(b)), "one baseline at most");
    mark(ada, b, false, false).await;
    assert_eq!(read(ada, ground.project).await, (vec![a], None));
    assert_eq!(read(ada, other.project).await, (vec![], None));
    const { assert!(MOST_PINNED >= 2) };

    let filter = Filter::default();
    let wanted = |archived: bool, without: &'static [RunId]| Wanted {
        filter: &filter,
        words: "",
        state: None,
        order: None,
        archived,
        without,
        limit: 10,
        offset: 0,
    };
    let archive = async |project, at| {
        let tx = store.begin().await.unwrap();
        let done = runs::marks::archive(&tx, project, a, at).await.unwrap();
        tx.commit().await.unwrap();
        done
    };
    assert!(!archive(other.project, Some(now())).await, "not through another project");
    assert!(archive(ground.project, Some(now())).await);
    assert!(!archive(ground.project, Some(now())).await);
    assert_eq!(find(&store, ground.project, &wanted(false, &[])).await.unwrap(), (vec![b], 1));
    assert_eq!(find(&store, ground.project, &wanted(true, &[])).await.unwrap(), (vec![a], 1));
    let row = rows(store.db(), ground.project, &[a], &[]).await.unwrap();
    assert!(row[0].archived);
    assert!(archive(ground.project, None).await);
    let without = Wanted { without: &[a], ..wanted(false, &[]) };
    assert_eq!(find(&store, ground.project, &without).await.unwrap(), (vec![b], 1));
}

pub async fn views_are_kept_by_name_and_shared(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    let other = project(&store, "beta").await;
    let (ada, bob) = (person(&store, "Ada").await, person(&store, "Bob").await);
    let view = |name: &str, shared: bool| NewSavedView {
        name: ResourceName::parse(name).unwrap(),
        shared,
        settings: ViewSettings { filter: "metrics.rmse < 1".into(), ..ViewSettings::default() },
    };
    let insert = async |user: UserId, new: NewSavedView| {
        let id = SavedViewId(fresh_id());
        let tx = store.begin().await.unwrap();
        runs::views::insert(&tx, id, ground.project, user, &new, now()).await?;
        tx.commit().await?;
        Ok::<_, trainyard_store::StoreError>(id)
    };
    let mine = insert(ada, view("Best", false)).await.unwrap();
    insert(ada, view("All", true)).await.unwrap();
    assert!(insert(ada, view("Best", true)).await.unwrap_err().is_duplicate());
    insert(bob, view("Best", false)).await.unwrap();
    let list = async |user, project| {
        let views = runs::views::list(store.db(), project, user).await.unwrap();
        views.into_iter().map(|view| (view.name, view.created_by, view.mine)).collect::<Vec<_>>()
    };
    let row = |name: &str, by: &str, mine: bool| (name.to_owned(), by.to_owned(), mine);
    assert_eq!(list(ada, ground.project).await, [row("All", "Ada", true), row("Best", "Ada", true)]);
    assert_eq!(list(bob, ground.project).await, [row("All", "Ada", false), row("Best", "Bob", true)]);
    assert!(list(ada, other).await.is_empty());
    assert_eq!(runs::views::count(store.db(), ground.project, ada).await.unwrap(), 2);
    let tx = store.begin().await.unwrap();
    assert!(runs::views::update(&tx, mine, &view("Worst", true), now()).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(list(bob, ground.project).await.len(), 3);
    let tx = store.begin().await.unwrap();
    assert!(runs::views::delete(&tx, mine).await.unwrap());
    assert!(!runs::views::delete(&tx, mine).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(list(ada, ground.project).await, [row("All", "Ada", true)]);
}

/// The queue's tests end a run as this one's do.
pub async fn a_run_without_curves_ends_as_well(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    run(&store, &ground, "One").await;
    let lease = claim(&store).await;
    finish(&store, &lease, 0.5).await;
    assert_eq!(names_of(&store, &ground, "metrics.rmse = 0.5 and metrics.epochs = 40").await, ["One"]);
}
