//! How long lists take when they are long. Not run by default: filling the tables takes a while.

use crate::{
    databases::{Pair, on_postgres, on_sqlite},
    support::*,
};
use sea_orm::ConnectionTrait;
use std::time::{Duration, Instant};
use trainyard_store::{
    Store, jobs, metrics, now, queue,
    runs::{
        self,
        table::{self, Wanted},
    },
};
use trainyard_types::{
    JobId, PageQuery, RunId, Timestamp,
    experiments::{Field, Filter},
    run::{MetricPoint, TrainSettings},
};

const RUNS: i64 = 10_000;
/// What a list may take, with room for a slow machine and an unoptimised build; the budget of the whole page is 200 ms.
const LIMIT: Duration = Duration::from_millis(500);

async fn timed<T>(what: &str, work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let value = work.await;
    println!("{what}: {:.1} ms", start.elapsed().as_secs_f64() * 1000.0);
    assert!(start.elapsed() < LIMIT, "{what} took {:?}", start.elapsed());
    value
}

async fn fill(store: &Store, ground: &Ground) {
    let settings = TrainSettings::for_target("age");
    let tx = store.begin().await.unwrap();
    for n in 0..RUNS {
        let new = runs::NewRun {
            id: RunId(trainyard_store::fresh_id()),
            job: JobId(trainyard_store::fresh_id()),
            project: ground.project,
            dataset: ground.dataset,
            dataset_version: ground.version,
            name: format!("Run {n:05}"),
            settings: &settings,
            code_version: "0.1.0",
            register_as: None,
            created_at: Timestamp(1_700_000_000_000 + n),
            created_by: "ada".to_owned(),
        };
        runs::create(&tx, new).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn ten_thousand_runs(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    fill(&store, &ground).await;
    let list = async |query: PageQuery| runs::list(&store, ground.project, &query).await.unwrap();
    let page = |sort: &str, q: &str, state: &str, page: u64| PageQuery {
        sort: sort.into(),
        q: q.into(),
        state: state.into(),
        page,
        ..PageQuery::default()
    };
    assert_eq!(timed("10,000 waiting", list(page("", "", "", 1))).await.total, 10_000);
    timed("queue", queue::read(store.db(), now())).await.unwrap();
    let ended = "UPDATE jobs SET state = 'succeeded', started_at = queued_at, ended_at = queued_at + 1000";
    store.db().execute_unprepared(ended).await.unwrap();
    timed("first page", list(page("", "", "", 1))).await;
    timed("last page", list(page("", "", "", 200))).await;
    timed("by score", list(page("-score", "", "", 1))).await;
    timed("by name", list(page("name", "", "", 1))).await;
    timed("by state", list(page("", "", "succeeded", 1))).await;
    assert_eq!(timed("search", list(page("", "run 0999", "", 1))).await.total, 10);
    timed("counts", jobs::counts(store.db(), Some(ground.project))).await.unwrap();

    run(&store, &ground, "Measured").await;
    let lease = crate::runs::claim(&store).await;
    let points = (0..1000)
        .flat_map(|key| (1..=20).map(move |step| (key, step)))
        .map(|(key, step)| MetricPoint { key: format!("metric {key:04}"), part: "train".into(), step, value: 0.5 })
        .collect();
    let start = Instant::now();
    assert!(jobs::record(&store, &lease, &jobs::Batch { points, ..Default::default() }).await.unwrap());
    println!("20,000 points written: {:.0} ms", start.elapsed().as_secs_f64() * 1000.0);
    let start = Instant::now();
    assert_eq!(metrics::curves(store.db(), lease.run).await.unwrap().len(), 1000);
    println!("1,000 curves read: {:.0} ms", start.elapsed().as_secs_f64() * 1000.0);
}

/// Keys of metrics that the runs have, and how many of them each run has. `TRAINYARD_METRICS_PER_RUN=1000` gives ten million
/// values.
const KEYS: usize = 1_000;
const KEYS_OF_A_RUN: usize = 100;

/// Values for each run, written as one statement for a hundred runs: as the program writes them, only with less waiting.
async fn fill_values(store: &Store, ground: &Ground) {
    let each = std::env::var("TRAINYARD_METRICS_PER_RUN").ok().and_then(|n| n.parse().ok()).unwrap_or(KEYS_OF_A_RUN);
    let all = Wanted { limit: u64::try_from(RUNS).unwrap(), ..every() };
    let (ids, _) = table::find(store, ground.project, &all).await.unwrap();
    let db = store.db();
    let project = ground.project;
    let keys: Vec<String> = (0..KEYS).map(|key| format!("('{project}','metric','metric {key:04}')")).collect();
    db.execute_unprepared(&format!("INSERT INTO run_keys (project_id, kind, key) VALUES {}", keys.join(",")))
        .await
        .unwrap();
    for (chunk, ids) in ids.chunks(100).enumerate() {
        let tx = store.begin().await.unwrap();
        for (at, id) in ids.iter().enumerate() {
            let n = chunk * 100 + at;
            let rows: Vec<String> = (0..each)
                .map(|m| (n * 7 + m * (KEYS / each)) % KEYS)
                .map(|key| {
                    format!("('{id}','metric','metric {key:04}',{})", ((n * 31 + key * 17) % 9973) as f64 / 9973.0)
                })
                .collect();
            let insert = format!("INSERT INTO run_values (run_id, kind, key, number) VALUES {}", rows.join(","));
            tx.execute_unprepared(&insert).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
    println!("{} values of {KEYS} metrics, {each} a run", ids.len() * each);
}

fn every() -> Wanted<'static> {
    static ALL: Filter = Filter { clauses: Vec::new() };
    Wanted { filter: &ALL, words: "", state: None, order: None, archived: false, without: &[], limit: 50, offset: 0 }
}

async fn the_table_with_a_thousand_metrics(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    fill(&store, &ground).await;
    store.db().execute_unprepared("UPDATE jobs SET state = 'succeeded', ended_at = queued_at").await.unwrap();
    fill_values(&store, &ground).await;
    let names: Vec<String> = (0..20).map(|n| format!("metrics.`metric {:04}`", n * 37)).collect();
    let fields = Field::list(&format!("name,score,curve,params.family,{}", names.join(","))).unwrap();
    let page = async |filter: &str, sort: Option<&str>, words: &str, offset: u64| {
        let filter: Filter = filter.parse().unwrap();
        let order: Option<Field> = sort.map(|sort| sort.parse().unwrap());
        let order = order.as_ref().map(|field| (field, true));
        let wanted = Wanted { filter: &filter, order, words, offset, ..every() };
        let (ids, total) = table::find(&store, ground.project, &wanted).await.unwrap();
        (table::rows(store.db(), ground.project, &ids, &fields).await.unwrap().len(), total)
    };
    timed("first page, 24 columns", page("", None, "", 0)).await;
    timed("by a metric", page("", Some("metrics.`metric 0037`"), "", 0)).await;
    timed("by a metric, last page", page("", Some("metrics.`metric 0037`"), "", 9_950)).await;
    let two = "metrics.`metric 0037` > 0.5 and metrics.`metric 0074` < 0.5 and params.family = 'auto'";
    timed("by a metric, three conditions", page(two, Some("metrics.`metric 0111`"), "", 0)).await;
    timed("text pattern and search", page("params.family ilike '%AUT%'", None, "run 09", 0)).await;
    timed("columns to choose from", table::known(store.db(), ground.project, "metric 09", 200)).await.unwrap();
    let (ids, _) = table::find(&store, ground.project, &Wanted { limit: 20, ..every() }).await.unwrap();
    timed("20 runs side by side", table::metrics_of(store.db(), &ids)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: fills tables with a million values of 10,000 runs"]
async fn the_table_with_a_thousand_metrics_on_sqlite() {
    on_sqlite(the_table_with_a_thousand_metrics).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: fills tables with a million values of 10,000 runs"]
async fn the_table_with_a_thousand_metrics_on_postgres() {
    on_postgres("the_table_with_a_thousand_metrics", the_table_with_a_thousand_metrics).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: fills tables with 10,000 runs"]
async fn ten_thousand_runs_on_sqlite() {
    on_sqlite(ten_thousand_runs).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: fills tables with 10,000 runs"]
async fn ten_thousand_runs_on_postgres() {
    on_postgres("ten_thousand_runs", ten_thousand_runs).await;
}
