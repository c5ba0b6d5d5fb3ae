use crate::{databases::Pair, runs::later, support::*};
use trainyard_store::{
    Store, fresh_id,
    jobs::Cancel,
    labels::{self, LabelLease, NewLabelReview},
    now,
};
use trainyard_types::{
    Code, LabelReviewId, PageQuery, Problem, WorkerId,
    job::{JobState, Progress},
    labels::{
        LabelDecision, LabelDecisions, LabelFilter, LabelFound, LabelPair, LabelResult, LabelSettings, LabelSummary,
    },
    run::Task,
};

async fn review(store: &Store, ground: &Ground) -> LabelReviewId {
    let id = LabelReviewId(fresh_id());
    let settings = LabelSettings { groups: Some("city".into()), ..LabelSettings::for_target("age") };
    let tx = store.begin().await.unwrap();
    let new = NewLabelReview {
        id,
        project: ground.project,
        version: ground.version,
        settings: &settings,
        created_at: now(),
        created_by: "ada",
    };
    labels::enqueue(&tx, new).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn claim(store: &Store) -> Option<LabelLease> {
    labels::claim(store, WorkerId(fresh_id()), now(), later(30)).await.unwrap()
}

/// Sixty findings: row 7 first, every third `b` for `a`, the others the other way round.
fn result() -> LabelResult {
    let findings: Vec<LabelFound> = (0..60_u64)
        .map(|n| LabelFound {
            row: (n * 7 + 7) % 61 + 1,
            given: if n % 3 == 0 { "b" } else { "a" }.into(),
            suggested: if n % 3 == 0 { "a" } else { "b" }.into(),
            given_probability: Some(0.01),
            suggested_probability: Some(0.99 - n as f64 / 100.0),
            score: n as f64 / 100.0,
        })
        .collect();
    let summary = LabelSummary {
        task: Task::Binary,
        rows: 100,
        unused: 1,
        noise: 0.4,
        found: 70,
        kept: 60,
        classes: vec!["a".into(), "b".into()],
        joint: vec![30.0, 20.0, 10.0, 40.0],
        pairs: vec![LabelPair { given: "a".into(), suggested: "b".into(), found: 70 }],
        columns: vec!["age".into()],
        method: "Looked at.".into(),
        sentence: "Many.".into(),
        seconds: 1.5,
    };
    LabelResult { summary, findings }
}

async fn finished(store: &Store, ground: &Ground) -> LabelReviewId {
    let id = review(store, ground).await;
    let lease = claim(store).await.unwrap();
    let tx = store.begin().await.unwrap();
    assert!(labels::finish(&tx, &lease, &result(), now()).await.unwrap());
    tx.commit().await.unwrap();
    id
}

pub async fn a_review_is_held_by_one_worker(Pair { here: store, there }: Pair) {
    let ground = ground(&store, "alpha").await;
    let (first, second) = (review(&store, &ground).await, review(&store, &ground).await);
    let db = store.db();
    assert_eq!(labels::unfinished(db, ground.version).await.unwrap(), 2);
    let (one, two) = tokio::join!(claim(&store), claim(&there));
    let mut held = [one.unwrap(), two.unwrap()];
    held.sort_by_key(|lease| lease.review);
    assert_eq!(held.map(|lease| (lease.review, lease.attempt)), [(first, 1), (second, 1)]);
    assert!(claim(&store).await.is_none());
    let work = labels::work(db, first).await.unwrap().unwrap();
    assert_eq!(
        (work.project, work.version, work.settings.groups.as_deref()),
        (ground.project, ground.version, Some("city"))
    );

    // Progress is written; who lost the lease is not heard.
    let progress = Progress { stage: "Part 1".into(), fraction: 0.2, eta_seconds: Some(9.0), rows_per_second: None };
    assert!(labels::record(&store, &held[0], &progress).await.unwrap());
    let view = labels::view(db, ground.project, first).await.unwrap().unwrap();
    assert_eq!((view.state, view.progress, view.number), (JobState::Running, Some(progress.clone()), 1));
    assert_eq!(labels::heartbeat(&store, &held[0], later(60)).await.unwrap(), Some(false));
    assert_eq!(labels::reap(&store, None, later(45)).await.unwrap(), 1, "the second's lease ended");
    let again = claim(&store).await.unwrap();
    assert_eq!((again.review, again.attempt), (second, 2));
    assert!(!labels::record(&store, &held[1], &progress).await.unwrap());
    assert_eq!(labels::heartbeat(&store, &held[1], later(60)).await.unwrap(), None);
    let tx = store.begin().await.unwrap();
    assert!(!labels::finish(&tx, &held[1], &result(), now()).await.unwrap());
    assert!(!labels::end(&tx, &held[1], JobState::Cancelled, None, now()).await.unwrap());
    drop(tx);
    assert_eq!(labels::ranked(db, second, &[1]).await.unwrap(), []);

    // A worker that died three times takes the review down; one that stops in good order does not count.
    let tx = store.begin().await.unwrap();
    assert!(labels::end(&tx, &again, JobState::Queued, None, now()).await.unwrap());
    tx.commit().await.unwrap();
    for left in [1, 0] {
        let lease = claim(&store).await.unwrap();
        assert_eq!(labels::reap(&store, Some(lease.worker), now()).await.unwrap(), 1);
        let view = labels::view(db, ground.project, second).await.unwrap().unwrap();
        assert_eq!(view.state, if left > 0 { JobState::Queued } else { JobState::Failed });
        assert_eq!(view.problem.is_some(), left == 0);
    }

    // Cancelling: at once where it waits, by the heartbeat where it runs, too late after.
    let third = review(&store, &ground).await;
    let cancel = async |id| {
        let tx = store.begin().await.unwrap();
        let outcome = labels::request_cancel(&tx, id, now()).await.unwrap();
        tx.commit().await.unwrap();
        outcome
    };
    assert_eq!(cancel(third).await, Cancel::Done);
    assert_eq!(cancel(first).await, Cancel::Requested);
    assert_eq!(labels::heartbeat(&store, &held[0], later(60)).await.unwrap(), Some(true));
    assert_eq!(labels::reap(&store, Some(held[0].worker), now()).await.unwrap(), 1);
    assert_eq!(labels::view(db, ground.project, first).await.unwrap().unwrap().state, JobState::Cancelled);
    assert_eq!(cancel(first).await, Cancel::TooLate);
    assert_eq!(labels::unfinished(db, ground.version).await.unwrap(), 0);

    let fourth = review(&store, &ground).await;
    let lease = claim(&store).await.unwrap();
    let tx = store.begin().await.unwrap();
    let problem = Problem::new(Code::Internal, "It was killed.");
    assert!(labels::end(&tx, &lease, JobState::Failed, Some(&problem), now()).await.unwrap());
    tx.commit().await.unwrap();
    let view = labels::view(db, ground.project, fourth).await.unwrap().unwrap();
    assert_eq!((view.state, view.problem, view.progress), (JobState::Failed, Some(problem), None));
}

pub async fn findings_are_paged_filtered_and_decided(Pair { here: store, .. }: Pair) {
    let (ground, other) = (ground(&store, "alpha").await, project(&store, "beta").await);
    let id = finished(&store, &ground).await;
    let db = store.db();
    let view = async || labels::view(db, ground.project, id).await.unwrap().unwrap();
    assert_eq!((view().await.state, view().await.summary), (JobState::Succeeded, Some(result().summary)));
    assert!(labels::view(db, other, id).await.unwrap().is_none());
    assert!(labels::list(db, other, ground.dataset, None, 9).await.unwrap().is_empty());
    assert_eq!(
        labels::list(db, ground.project, ground.dataset, Some(ground.version), 9).await.unwrap(),
        [view().await]
    );

    let page =
        async |query: PageQuery, filter: LabelFilter| labels::findings(&store, id, &query, &filter).await.unwrap();
    let query = PageQuery { page: 2, per_page: 25, ..PageQuery::default() };
    let second = page(query.clone(), LabelFilter::default()).await;
    assert_eq!((second.total, second.items.len(), second.items[0].rank, second.items[0].row), (60, 25, 26, 61));
    let pair = LabelFilter { given: "b".into(), suggested: "a".into() };
    assert_eq!(page(PageQuery::default(), pair.clone()).await.total, 20);
    assert_eq!(page(PageQuery::default(), LabelFilter { given: "c".into(), ..pair }).await.total, 0);
    let by_row = page(PageQuery { sort: "row".into(), ..query }, LabelFilter::default()).await;
    assert!(by_row.items.windows(2).all(|pair| pair[0].row < pair[1].row));

    let decide = async |ranks: &[u32], decision: Option<(LabelDecision, Option<&str>)>| {
        let tx = store.begin().await.unwrap();
        let done = labels::decide(&tx, id, ranks, decision, now(), "ada").await.unwrap();
        tx.commit().await.unwrap();
        done
    };
    assert_eq!(decide(&[1, 2, 3], Some((LabelDecision::Suggestion, None))).await, Some(3));
    assert_eq!(decide(&[3, 99], Some((LabelDecision::Set, Some("c")))).await, Some(1));
    assert_eq!(decide(&[4, 5], Some((LabelDecision::Right, None))).await, Some(2));
    assert_eq!(decide(&[5], None).await, Some(1));
    assert_eq!(decide(&[6], Some((LabelDecision::LeaveOut, None))).await, Some(1));
    let decided = LabelDecisions { right: 1, suggestion: 2, set: 1, leave_out: 1 };
    assert_eq!(view().await.decided, decided);
    let state = |state: &str| PageQuery { state: state.into(), ..PageQuery::default() };
    assert_eq!(page(state("undecided"), LabelFilter::default()).await.total, 55);
    let set = page(state("set"), LabelFilter::default()).await.items.remove(0);
    assert_eq!((set.rank, set.label.as_deref(), set.decided_by.as_deref()), (3, Some("c"), Some("ada")));
    let back = labels::ranked(db, id, &[5]).await.unwrap().remove(0);
    assert_eq!((back.decision, back.decided_at, back.decided_by), (None, None, None));

    // What is made of the decisions is made of all, and once.
    let (changes, seq) = labels::changes(db, id).await.unwrap();
    assert_eq!(changes.len() as u64, decided.changes());
    assert!(changes.windows(2).all(|pair| pair[0].row < pair[1].row));
    let (made, number) = version(&store, ground.dataset, 9, &"c".repeat(64)).await;
    let apply = async |seq: i32| {
        let tx = store.begin().await.unwrap();
        let done = labels::applied(&tx, id, seq, made, now(), "grace").await.unwrap();
        tx.commit().await.unwrap();
        done
    };
    assert!(!apply(seq - 1).await, "somebody decided since");
    assert!(apply(seq).await && !apply(seq).await);
    assert_eq!(decide(&[1], None).await, None);
    let applied = view().await.applied.unwrap();
    assert_eq!((applied.version, applied.number, applied.by.as_str()), (made, number, "grace"));
    assert_eq!(view().await.decided, decided);

    let tx = store.begin().await.unwrap();
    labels::forget_rows(&tx, ground.version).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(page(PageQuery::default(), LabelFilter::default()).await.total, 0);
    assert!(view().await.summary.is_some());
}
