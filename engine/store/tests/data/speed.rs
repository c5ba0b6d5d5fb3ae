//! How long lists take when they are long. Not run by default: filling the tables takes a while.

use crate::{
    databases::{Pair, on_postgres, on_sqlite},
    support::*,
};
use sea_orm::ConnectionTrait;
use std::time::{Duration, Instant};
use trainyard_store::{Store, jobs, metrics, now, queue, runs};
use trainyard_types::{
    JobId, PageQuery, RunId, Timestamp,
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
