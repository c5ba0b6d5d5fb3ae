use crate::{
    databases::Pair,
    runs::{claim, claim_as, finish, later, point},
    support::*,
};
use std::collections::{BTreeMap, HashSet};
use trainyard_store::{
    Store, fresh_id,
    jobs::{self, Batch, Cancel, Lease, MAX_ATTEMPTS, Reaped, Wish},
    logs, metrics, now, queue, runs, workers,
};
use trainyard_types::{
    Code, RunId, Timestamp, WorkerId,
    job::{JobState, LogLevel, Progress},
};

async fn state(store: &Store, ground: &Ground, run: RunId) -> JobState {
    runs::state(store.db(), ground.project, run).await.unwrap().unwrap()
}

/// Far enough for every lease to have ended.
fn much_later() -> Timestamp {
    later(3600)
}

pub async fn no_two_workers_get_the_same_job(Pair { here: store, there }: Pair) {
    let ground = ground(&store, "alpha").await;
    for n in 0..40 {
        run(&store, &ground, &format!("Run {n}")).await;
    }
    // Half of them in another process, as it were.
    let workers = (0..8).map(|n| {
        let store = if n % 2 == 0 { store.clone() } else { there.clone() };
        tokio::spawn(async move {
            let worker = WorkerId(fresh_id());
            let mut mine = Vec::new();
            while let Some(lease) = claim_as(&store, worker).await {
                assert_eq!((lease.worker, lease.attempt), (worker, 1));
                mine.push(lease);
                tokio::task::yield_now().await;
            }
            mine
        })
    });
    let mut all = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        all.extend(worker.await.unwrap());
    }
    assert_eq!(all.len(), 40);
    assert_eq!(all.iter().map(|lease| lease.job).collect::<HashSet<_>>().len(), 40);
    let counts: BTreeMap<&str, u64> =
        jobs::counts(store.db(), None).await.unwrap().into_iter().map(|(s, n)| (s.as_str(), n)).collect();
    assert_eq!(counts, BTreeMap::from([("running", 40)]));
}

pub async fn late_writers_are_refused(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    let id = run(&store, &ground, "One").await;
    let old = claim(&store).await;
    assert_eq!(jobs::reap(&store, now()).await.unwrap(), Reaped::default(), "its lease is good");
    assert_eq!(jobs::heartbeat(&store, &old, now(), later(60)).await.unwrap(), Some(Wish::GoOn));
    assert_eq!(jobs::reap(&store, much_later()).await.unwrap(), Reaped { requeued: 1, ..Reaped::default() });
    let new = claim(&store).await;
    assert_eq!((new.job, new.attempt), (old.job, 2));

    let news = Batch {
        points: vec![point("loss", 1, 1.0)],
        log: vec![(now(), LogLevel::Info, "late".into())],
        ..Batch::default()
    };
    for lease in [old, Lease { worker: old.worker, ..new }, Lease { attempt: 1, ..new }] {
        assert_eq!(jobs::heartbeat(&store, &lease, now(), later(60)).await.unwrap(), None);
        assert!(!jobs::record(&store, &lease, &news).await.unwrap());
        assert!(!jobs::hand_back(&store, &lease, "no").await.unwrap());
        let tx = store.begin().await.unwrap();
        assert!(!jobs::end(&tx, &lease, JobState::Failed, Some("no"), now()).await.unwrap());
        tx.commit().await.unwrap();
    }
    assert!(metrics::since(store.db(), id, 0, 10).await.unwrap().0.is_empty());
    assert!(logs::read(store.db(), id, 0, 10, "late").await.unwrap().is_empty());
    assert!(jobs::record(&store, &new, &news).await.unwrap());
    finish(&store, &new, 0.5).await;
    assert!(!jobs::record(&store, &new, &news).await.unwrap(), "a finished run never changes");
    assert_eq!(state(&store, &ground, id).await, JobState::Succeeded);
}

pub async fn dead_workers_jobs_are_tried_again_and_then_fail(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    let id = run(&store, &ground, "One").await;
    for attempt in 1..MAX_ATTEMPTS {
        assert_eq!(claim(&store).await.attempt, attempt);
        assert_eq!(jobs::reap(&store, much_later()).await.unwrap().requeued, 1);
        assert_eq!(state(&store, &ground, id).await, JobState::Queued);
    }
    claim(&store).await;
    assert_eq!(jobs::reap(&store, much_later()).await.unwrap(), Reaped { failed: 1, ..Reaped::default() });
    let view = runs::view(store.db(), ground.project, id).await.unwrap().unwrap();
    assert_eq!(view.summary.job.state, JobState::Failed);
    let problem = view.problem.unwrap();
    assert_eq!(problem.code, Code::Unavailable);
    assert!(problem.message.contains("attempt 3 of 3"), "{}", problem.message);
    let log = logs::read(store.db(), id, 0, 10, "").await.unwrap();
    assert_eq!(log.iter().map(|line| line.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((log[0].level, log[2].level), (LogLevel::Warning, LogLevel::Error));
    assert!(claim_as(&store, WorkerId(fresh_id())).await.is_none());
}

pub async fn paused_jobs_are_left_alone_until_they_are_resumed(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    let (first, second) = (run(&store, &ground, "One").await, run(&store, &ground, "Two").await);
    let pause = async |run: RunId, paused: bool| {
        let tx = store.begin().await.unwrap();
        let done = jobs::pause(&tx, run, paused, paused.then_some("Paused by ada.")).await.unwrap();
        tx.commit().await.unwrap();
        done
    };
    let place = async |run: RunId| {
        let job = runs::view(store.db(), ground.project, run).await.unwrap().unwrap().summary.job;
        (job.state, job.paused, job.queue_position)
    };
    assert!(!pause(first, false).await, "it is not paused");
    assert!(pause(first, true).await && !pause(first, true).await, "once is enough");
    assert_eq!(place(first).await, (JobState::Queued, true, None));
    assert_eq!(place(second).await, (JobState::Queued, false, Some(1)), "it is passed by");
    let lease = claim(&store).await;
    assert_eq!(lease.run, second);
    assert!(claim_as(&store, lease.worker).await.is_none());

    // One that runs is given up at the next heartbeat, and not claimed again before it is resumed.
    assert!(pause(second, true).await);
    assert_eq!(jobs::heartbeat(&store, &lease, now(), later(60)).await.unwrap(), Some(Wish::Pause));
    assert!(jobs::hand_back(&store, &lease, "Paused.").await.unwrap());
    assert!(claim_as(&store, lease.worker).await.is_none());
    assert!(pause(second, false).await);
    let again = claim(&store).await;
    assert_eq!((again.run, again.attempt), (second, 2));
    assert_eq!(jobs::heartbeat(&store, &again, now(), later(60)).await.unwrap(), Some(Wish::GoOn));
    // A worker that dies while its job is paused does not bring it back.
    assert!(pause(second, true).await);
    assert_eq!(jobs::reap(&store, much_later()).await.unwrap(), Reaped { requeued: 1, ..Reaped::default() });
    assert!(claim_as(&store, again.worker).await.is_none());
    // What is paused can be cancelled, and what has ended can't be paused.
    let tx = store.begin().await.unwrap();
    assert_eq!(jobs::request_cancel(&tx, second, "", now()).await.unwrap(), Some(Cancel::Done));
    tx.commit().await.unwrap();
    assert!(!pause(second, true).await && !pause(second, false).await);
    assert_eq!(place(second).await, (JobState::Cancelled, false, None));
}

pub async fn cancelling_reaches_jobs_in_every_state(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    let (first, second) = (run(&store, &ground, "One").await, run(&store, &ground, "Two").await);
    let cancel = async |run: RunId| {
        let tx = store.begin().await.unwrap();
        let outcome = jobs::request_cancel(&tx, run, "Cancelled by ada.", now()).await.unwrap();
        tx.commit().await.unwrap();
        outcome
    };
    let lease = claim(&store).await;
    assert_eq!(lease.run, first);
    assert_eq!(cancel(first).await, Some(Cancel::Requested));
    assert_eq!(cancel(first).await, Some(Cancel::Requested), "twice is no error");
    assert_eq!(jobs::heartbeat(&store, &lease, now(), later(60)).await.unwrap(), Some(Wish::Cancel));
    assert_eq!(cancel(second).await, Some(Cancel::Done));
    assert_eq!(cancel(second).await, Some(Cancel::TooLate));
    assert_eq!(cancel(RunId(fresh_id())).await, None);
    assert_eq!(state(&store, &ground, second).await, JobState::Cancelled);
    // The worker dies before it could stop: nobody starts again what somebody stopped.
    assert_eq!(jobs::reap(&store, much_later()).await.unwrap(), Reaped { cancelled: 1, ..Reaped::default() });
    assert_eq!(state(&store, &ground, first).await, JobState::Cancelled);
}

pub async fn a_job_handed_back_keeps_its_place(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    let first = run(&store, &ground, "One").await;
    tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    run(&store, &ground, "Two").await;
    for attempt in 1..=6 {
        let lease = claim(&store).await;
        assert_eq!((lease.run, lease.attempt), (first, attempt), "before the run that came later");
        let (job, ..) = runs::pulse(store.db(), ground.project, first).await.unwrap().unwrap();
        assert_eq!(job.max_attempts - job.attempt, MAX_ATTEMPTS - 1, "stopping in good order uses up no attempt");
        assert!(jobs::hand_back(&store, &lease, "The worker was stopped.").await.unwrap());
    }
}

pub async fn a_restarted_worker_gives_up_its_own_jobs_only(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    run(&store, &ground, "One").await;
    tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    run(&store, &ground, "Two").await;
    let (mine, theirs) = (WorkerId(fresh_id()), WorkerId(fresh_id()));
    let first = claim_as(&store, mine).await.unwrap();
    let second = claim_as(&store, theirs).await.unwrap();
    assert_eq!(jobs::release_held_by(&store, mine, now()).await.unwrap().requeued, 1);
    assert_eq!(state(&store, &ground, first.run).await, JobState::Queued);
    assert_eq!(state(&store, &ground, second.run).await, JobState::Running);
    assert_eq!(jobs::release_held_by(&store, mine, now()).await.unwrap(), Reaped::default());
}

pub async fn waiting_jobs_know_their_place_and_time(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    let base = now().0 - 100_000;
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(run_at(&store, &ground, &format!("Run {n}"), Timestamp(base + n)).await);
    }
    let worker = WorkerId(fresh_id());
    let place = async |run: RunId| {
        let (job, ..) = runs::pulse(store.db(), ground.project, run).await.unwrap().unwrap();
        (job.queue_position, job.queue_eta_seconds.map(f64::round))
    };
    assert_eq!(place(ids[1]).await, (Some(2), None), "no worker, no estimate");
    let new = workers::NewWorker { id: worker, host: "h".into(), device: "CPU".into(), slots: 1 };
    workers::register(&store, &new, now()).await.unwrap();
    // One job went well: it took 10 s, which is what the others are taken to need.
    let lease = jobs::claim(&store, worker, Timestamp(now().0 - 10_000), later(30)).await.unwrap().unwrap();
    finish(&store, &lease, 0.5).await;
    let lease = claim_as(&store, worker).await.unwrap();
    assert_eq!(lease.run, ids[1]);
    let progress = Progress { stage: "Training".into(), fraction: 0.3, eta_seconds: Some(7.0), rows_per_second: None };
    assert!(jobs::record(&store, &lease, &Batch { progress: Some(progress), ..Batch::default() }).await.unwrap());
    assert_eq!(place(ids[1]).await, (None, None), "it runs");
    assert_eq!(place(ids[2]).await, (Some(1), Some(7.0)));
    let (position, eta) = place(ids[3]).await;
    assert_eq!(position, Some(2));
    assert!((16.5..=18.5).contains(&eta.unwrap()), "{eta:?}");
    assert_eq!(queue::read(store.db(), now()).await.unwrap().len(), 2);
}

pub async fn workers_are_listed_with_their_load(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    run(&store, &ground, "One").await;
    let worker = WorkerId(fresh_id());
    let new = workers::NewWorker { id: worker, host: "h1".into(), device: "CPU".into(), slots: 2 };
    workers::register(&store, &new, now()).await.unwrap();
    workers::register(&store, &workers::NewWorker { host: "h2".into(), ..new }, later(1)).await.unwrap();
    let lease = claim_as(&store, worker).await.unwrap();
    jobs::heartbeat(&store, &lease, later(5), later(60)).await.unwrap();
    let listed = workers::list(store.db(), now()).await.unwrap();
    assert_eq!((listed.len(), listed[0].host.as_str(), listed[0].running), (1, "h2", 1));
    assert!(listed[0].last_seen >= later(3));
    workers::seen(&store, worker, later(9)).await.unwrap();
    assert!(workers::list(store.db(), later(8)).await.unwrap().len() == 1);
    assert!(workers::list(store.db(), later(100)).await.unwrap().is_empty());
}
