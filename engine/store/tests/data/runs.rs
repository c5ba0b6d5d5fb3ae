use crate::{databases::Pair, support::*};
use trainyard_store::{
    Store,
    jobs::{self, Batch, Lease},
    logs, metrics, now, runs,
};
use trainyard_types::{
    PageQuery, Timestamp, WorkerId,
    job::{JobState, LogLevel, Progress},
    run::{Family, MetricPoint, Task},
};

pub fn later(seconds: i64) -> Timestamp {
    Timestamp(now().0 + seconds * 1000)
}

pub async fn claim(store: &Store) -> Lease {
    claim_as(store, WorkerId(trainyard_store::fresh_id())).await.unwrap()
}

pub async fn claim_as(store: &Store, worker: WorkerId) -> Option<Lease> {
    jobs::claim(store, worker, now(), later(30)).await.unwrap()
}

pub async fn finish(store: &Store, lease: &Lease, score: f64) {
    let tx = store.begin().await.unwrap();
    assert!(jobs::end(&tx, lease, JobState::Succeeded, None, now()).await.unwrap());
    runs::set_result(&tx, lease.run, &result(score), 77).await.unwrap();
    tx.commit().await.unwrap();
}

pub fn point(key: &str, step: u64, value: f64) -> MetricPoint {
    MetricPoint { key: key.into(), part: "train".into(), step, value }
}

pub async fn a_run_and_its_result_come_back_whole(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    let other = project(&store, "beta").await;
    let id = run(&store, &ground, "One").await;
    let db = store.db();
    let view = runs::view(db, ground.project, id).await.unwrap().unwrap();
    assert_eq!(
        (view.summary.name.as_str(), view.summary.family, view.summary.job.state),
        ("One", Family::Trees, JobState::Queued)
    );
    assert_eq!(view.summary.job.queue_position, Some(1));
    assert_eq!((view.summary.dataset_version, view.dataset_hash.as_str()), (1, "a".repeat(64).as_str()));
    assert_eq!((view.settings.target.as_str(), view.result.is_none()), ("age", true));
    assert!(runs::view(db, other, id).await.unwrap().is_none());
    assert!(runs::state(db, other, id).await.unwrap().is_none());
    assert!(runs::pulse(db, other, id).await.unwrap().is_none());
    assert!(runs::outcome(db, other, id).await.unwrap().is_none());

    let work = runs::work(db, id).await.unwrap().unwrap();
    assert_eq!((work.project, work.dataset_version), (ground.project, ground.version));
    let lease = claim(&store).await;
    let batch = Batch { device: Some(("CPU".into(), "No GPU was found.".into())), ..Batch::default() };
    assert!(jobs::record(&store, &lease, &batch).await.unwrap());
    let (job, device, reason) = runs::pulse(db, ground.project, id).await.unwrap().unwrap();
    assert_eq!((job.state, job.attempt, job.worker), (JobState::Running, 1, Some(lease.worker)));
    assert_eq!((device.as_deref(), reason.as_deref()), (Some("CPU"), Some("No GPU was found.")));

    finish(&store, &lease, 0.5).await;
    let view = runs::view(db, ground.project, id).await.unwrap().unwrap();
    assert_eq!(view.result, Some(result(0.5)));
    let summary = view.summary;
    assert_eq!(
        (summary.task, summary.trained, summary.verdict.as_deref()),
        (Some(Task::Regression), Some(Family::Trees), Some("good"))
    );
    assert_eq!(summary.score.map(|s| (s.name, s.value)), Some(("rmse".to_owned(), 0.5)));
    assert_eq!((summary.job.state, summary.seconds), (JobState::Succeeded, Some(1.5)));
    assert!(summary.job.ended_at.is_some() && summary.job.progress.is_none());
    let outcome = runs::outcome(db, ground.project, id).await.unwrap().unwrap();
    assert_eq!((outcome.state, outcome.model_bytes), (JobState::Succeeded, 77));
}

pub async fn runs_page_filter_and_sort(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    let base = now().0 - 1_000_000;
    for n in 0..25 {
        run_at(&store, &ground, &format!("Run {n:02}"), Timestamp(base + n)).await;
    }
    for score in [0.7, 0.3, 0.5] {
        let lease = claim(&store).await;
        finish(&store, &lease, score).await;
    }
    let page = async |query: PageQuery| runs::list(&store, ground.project, &query).await.unwrap();
    let newest = page(PageQuery { per_page: 10, page: 3, ..PageQuery::default() }).await;
    assert_eq!((newest.total, newest.items.len()), (25, 5));
    assert_eq!(newest.items.last().map(|r| r.name.as_str()), Some("Run 00"));
    let names = |page: trainyard_types::Page<trainyard_types::run::RunSummary>| -> Vec<String> {
        page.items.into_iter().map(|r| r.name).collect()
    };
    let by_score = page(PageQuery { sort: "score".into(), per_page: 4, ..PageQuery::default() }).await;
    assert_eq!(names(by_score), ["Run 01", "Run 02", "Run 00", "Run 24"], "runs without a score come last");
    let down = page(PageQuery { sort: "-score".into(), per_page: 1, ..PageQuery::default() }).await;
    assert_eq!(names(down), ["Run 00"]);
    let done = page(PageQuery { state: "succeeded".into(), ..PageQuery::default() }).await;
    assert_eq!(done.total, 3);
    assert_eq!(page(PageQuery { q: "run 1".into(), ..PageQuery::default() }).await.total, 10);
    assert_eq!(page(PageQuery { q: "people OF".into(), ..PageQuery::default() }).await.total, 25, "by data set");
    let waiting = page(PageQuery { sort: "created".into(), state: "queued".into(), ..PageQuery::default() }).await;
    assert_eq!(waiting.items.first().map(|r| r.job.queue_position), Some(Some(1)));
    let last = runs::in_states(store.db(), ground.project, &[JobState::Succeeded], 2).await.unwrap();
    assert_eq!(last.len(), 2);
    let counts = jobs::counts(store.db(), Some(ground.project)).await.unwrap();
    assert!(counts.contains(&(JobState::Succeeded, 3)) && counts.contains(&(JobState::Queued, 22)), "{counts:?}");
}

pub async fn metrics_are_overwritten_by_step_and_read_as_news(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    let id = run(&store, &ground, "One").await;
    let lease = claim(&store).await;
    let record = async |points: Vec<MetricPoint>| {
        assert!(jobs::record(&store, &lease, &Batch { points, ..Batch::default() }).await.unwrap());
    };
    record((1..=2500).map(|step| point("loss", step, 1.0 / step as f64)).collect()).await;
    let (news, last) = metrics::since(store.db(), id, 0, 2000).await.unwrap();
    assert_eq!((news.len(), last), (2000, 2000));
    let (news, last) = metrics::since(store.db(), id, last, 2000).await.unwrap();
    assert_eq!((news.len(), last), (500, 2500));

    // A run that goes on from its checkpoint says steps again, with infinities and repetitions besides.
    record(vec![point("loss", 2500, 9.0), point("loss", 2501, f64::NAN), point("acc", 1, 0.1), point("acc", 1, 0.2)])
        .await;
    let (news, last) = metrics::since(store.db(), id, last, 2000).await.unwrap();
    assert_eq!((news, last), (vec![point("loss", 2500, 9.0), point("acc", 1, 0.2)], 2502));
    assert!(metrics::since(store.db(), id, last, 10).await.unwrap().0.is_empty());

    let curves = metrics::curves(store.db(), id).await.unwrap();
    assert_eq!(curves.iter().map(|c| c.key.as_str()).collect::<Vec<_>>(), ["acc", "loss"]);
    let loss = &curves[1];
    assert!(loss.steps.len() <= metrics::MAX_POINTS);
    assert_eq!((loss.steps.first(), loss.steps.last(), loss.values.last()), (Some(&1), Some(&2500), Some(&9.0)));

    // More than one page of rows, and keys that databases sort each in its own way.
    for key in ["LOSS", "a-b", "ab", "A_b", "ä"] {
        record((1..=6000).map(|step| point(key, step, 1.0)).collect()).await;
    }
    let curves = metrics::curves(store.db(), id).await.unwrap();
    let ends: Vec<_> = curves.iter().map(|c| (c.key.as_str(), *c.steps.last().unwrap())).collect();
    let expected =
        [("A_b", 6000), ("LOSS", 6000), ("a-b", 6000), ("ab", 6000), ("acc", 1), ("loss", 2500), ("ä", 6000)];
    assert_eq!(ends, expected);
}

pub async fn logs_are_tailed_and_searched(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    let id = run(&store, &ground, "One").await;
    let lease = claim(&store).await;
    let log = |lines: &[(LogLevel, &str)]| Batch {
        log: lines.iter().map(|(level, line)| (now(), *level, (*line).to_owned())).collect(),
        progress: Some(Progress {
            stage: "Training".into(),
            fraction: 0.5,
            eta_seconds: Some(3.0),
            rows_per_second: None,
        }),
        ..Batch::default()
    };
    let many: Vec<String> = (1..=30).map(|n| format!("Epoch {n} of 30")).collect();
    let many: Vec<(LogLevel, &str)> = many.iter().map(|line| (LogLevel::Info, line.as_str())).collect();
    assert!(jobs::record(&store, &lease, &log(&many)).await.unwrap());
    let odd = [(LogLevel::Warning, "100% of a\0b_c"), (LogLevel::Error, "x")];
    assert!(jobs::record(&store, &lease, &log(&odd)).await.unwrap());
    let huge = format!("{}ü", "y".repeat(8191));
    assert!(jobs::record(&store, &lease, &log(&[(LogLevel::Info, &huge)])).await.unwrap());

    let seqs = async |after: i64, limit: u64, q: &str| -> Vec<i64> {
        logs::read(store.db(), id, after, limit, q).await.unwrap().iter().map(|line| line.seq).collect()
    };
    assert_eq!(seqs(0, 3, "").await, [1, 2, 3]);
    assert_eq!(seqs(30, 100, "").await, [31, 32, 33]);
    assert_eq!(seqs(-1, 2, "").await, [32, 33], "the tail, oldest first");
    assert_eq!(seqs(0, 100, "EPOCH 2").await, [2, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
    assert_eq!(seqs(0, 100, "b_c").await, [31]);
    let lines = logs::read(store.db(), id, 30, 10, "").await.unwrap();
    assert_eq!((lines[0].level, lines[0].line.as_str()), (LogLevel::Warning, "100% of a\u{fffd}b_c"));
    assert_eq!(lines[2].line.chars().count(), 8192, "cut at a letter, with an ellipsis");
    let (job, ..) = runs::pulse(store.db(), ground.project, id).await.unwrap().unwrap();
    assert_eq!(job.progress.and_then(|p| p.eta_seconds), Some(3.0));
}
