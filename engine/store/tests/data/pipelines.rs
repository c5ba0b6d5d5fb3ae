use crate::{databases::Pair, support::*};
use serde_json::json;
use trainyard_store::{
    Store, Tx, accounts, fresh_id, inbox,
    lineage::{self, Relation},
    now,
    pipelines::{
        self, Saved, logs,
        runs::{self, NewRun, PipelineBatch, PipelineLease},
    },
};
use trainyard_types::{
    Code, PageQuery, PipelineId, PipelineRunId, Problem, ProjectId, Timestamp, UserId, WorkerId,
    job::LogLevel,
    pipeline::{Pipeline, PipelineRunState, StepId, StepState, Values},
};

fn document(name: &str) -> Pipeline {
    let steps = json!([{ "id": "people", "type": "source", "dataset": "People" }]);
    serde_json::from_value(json!({ "name": name, "steps": steps })).unwrap()
}

async fn within<T>(store: &Store, act: impl AsyncFnOnce(&Tx) -> T) -> T {
    let tx = store.begin().await.unwrap();
    let outcome = act(&tx).await;
    tx.commit().await.unwrap();
    outcome
}

async fn pipeline(store: &Store, project: ProjectId, name: &str, by: &str) -> PipelineId {
    let id = PipelineId(fresh_id());
    let document = document(name);
    let saved = Saved { document: &document, yaml: "", reason: "", next_tick: None, at: now(), by };
    within(store, async |tx| {
        pipelines::create(tx, id, project, &saved).await.unwrap();
        pipelines::save(tx, id, &saved).await.unwrap();
    })
    .await;
    id
}

async fn queue(store: &Store, pipeline: PipelineId, by: &str) -> PipelineRunId {
    let id = PipelineRunId(fresh_id());
    let values = Values::new();
    let new = NewRun {
        id,
        partition: None,
        cause: "by hand".into(),
        occasion: None,
        depth: 0,
        values: &values,
        no_cache: false,
        at: now(),
        by,
    };
    assert!(within(store, async |tx| runs::enqueue(tx, pipeline, new).await.unwrap()).await);
    id
}

async fn claim(store: &Store) -> PipelineLease {
    let until = Timestamp(now().0 + 60_000);
    runs::claim(store, WorkerId(fresh_id()), now(), until).await.unwrap().unwrap()
}

fn step() -> StepId {
    StepId::parse("people").unwrap()
}

/// Runs a pipeline once, with two lines, to an end at `at`.
async fn run_to(store: &Store, pipeline: PipelineId, state: PipelineRunState, at: Timestamp) -> PipelineRunId {
    let run = queue(store, pipeline, "ada").await;
    let lease = claim(store).await;
    let lines = ["one", "two"].map(|line| (at, step(), LogLevel::Info, line.to_owned())).to_vec();
    let batch = PipelineBatch { steps: Vec::new(), log: lines };
    let problem = (state == PipelineRunState::Failed).then(|| Problem::new(Code::Conflict, "No."));
    assert!(within(store, async |tx| runs::end(tx, &lease, state, problem.as_ref(), &batch, at).await.unwrap()).await);
    run
}

pub async fn links_lead_both_ways_and_are_noted_once(pair: Pair) {
    let (store, ground) = (&pair.here, ground(&pair.here, "links").await);
    let pipeline = pipeline(store, ground.project, "clean", "ada").await;
    let first = queue(store, pipeline, "ada").await;
    let lease = claim(store).await;
    for _ in 0..2 {
        assert!(within(store, async |tx| runs::reads(tx, &lease, &step(), ground.version).await.unwrap()).await);
    }
    let lost = PipelineLease { attempt: 9, ..lease };
    let other = trainyard_types::DatasetVersionId(fresh_id());
    assert!(!within(store, async |tx| runs::reads(tx, &lost, &step(), other).await.unwrap()).await);
    let (made, _) = version(store, ground.dataset, 7, &"c".repeat(64)).await;
    within(store, async |tx| {
        lineage::link(tx, first, &step(), Relation::Wrote, made.to_string()).await.unwrap();
    })
    .await;
    let db = pair.there.db();
    let (read, wrote) = ([ground.version.to_string()], [made.to_string()]);
    let to = lineage::links_to(db, &read, Relation::Read, 10).await.unwrap();
    assert_eq!((to.len(), to[0].pipeline_run.as_str()), (1, first.to_string().as_str()));
    let of = lineage::links_of(db, &[first.to_string()], Relation::Wrote).await.unwrap();
    assert_eq!((of.len(), of[0].object.as_str()), (1, wrote[0].as_str()));
    assert!(lineage::links_to(db, &read, Relation::Wrote, 10).await.unwrap().is_empty());
    assert_eq!(lineage::count_to(db, &read, Relation::Read).await.unwrap(), 1);
    assert_eq!(lineage::count_to(db, &wrote, Relation::Read).await.unwrap(), 0);
    let runs = lineage::pipeline_runs(db, &[first.to_string()]).await.unwrap();
    assert_eq!((runs[0].name.as_str(), runs[0].number, runs[0].state.as_str()), ("clean", 1, "running"));
    let versions = lineage::versions(db, &[wrote[0].clone(), read[0].clone()]).await.unwrap();
    let numbers: Vec<_> = versions.iter().map(|version| (version.number, version.parent, version.rows)).collect();
    assert_eq!(numbers, [(1, None, 10), (2, Some(1), 7)]);
}

pub async fn old_logs_go_and_their_runs_stay(pair: Pair) {
    let (store, ground) = (&pair.here, ground(&pair.here, "logs").await);
    let pipeline = pipeline(store, ground.project, "clean", "ada").await;
    let (old, before) = (Timestamp(now().0 - 1_000_000), Timestamp(now().0 - 500_000));
    let gone = run_to(store, pipeline, PipelineRunState::Succeeded, old).await;
    let failed = run_to(store, pipeline, PipelineRunState::Failed, old).await;
    let waiting = run_to(store, pipeline, PipelineRunState::Waiting, old).await;
    let fresh = run_to(store, pipeline, PipelineRunState::Succeeded, now()).await;
    assert!(within(store, async |tx| runs::requeue(tx, failed, None).await.unwrap()).await);
    assert_eq!(logs::sweep(store, before, now()).await.unwrap(), 1);
    assert_eq!(logs::sweep(&pair.there, before, now()).await.unwrap(), 0);
    let lines = async |run| logs::read(store.db(), run, 0, 10).await.unwrap().len();
    assert_eq!([lines(gone).await, lines(failed).await, lines(waiting).await, lines(fresh).await], [0, 2, 2, 2]);
    let view = async |run| runs::view(store.db(), ground.project, run).await.unwrap().unwrap();
    let kept = view(gone).await;
    assert_eq!((kept.summary.state, kept.steps.len()), (PipelineRunState::Succeeded, 1));
    assert!(kept.log_deleted_at.is_some() && view(fresh).await.log_deleted_at.is_none());
}

pub async fn who_started_a_run_is_told_that_it_failed(pair: Pair) {
    let (store, ground) = (&pair.here, ground(&pair.here, "told").await);
    let person = async |name: &str| -> UserId {
        let user = accounts::User {
            id: fresh_id().to_string(),
            name: name.to_owned(),
            name_key: accounts::name_key(name),
            display_name: name.to_owned(),
            password_hash: String::new(),
            // Sees every project.
            instance_admin: true,
            must_change_password: false,
            disabled: false,
            session_epoch: 0,
            created_at: now().0,
            last_sign_in: None,
        };
        accounts::insert(store.db(), user).await.unwrap().id.parse().unwrap()
    };
    let (ada, bob) = (person("ada").await, person("bob").await);
    let pipeline = pipeline(store, ground.project, "clean", "bob").await;
    let unread = async |user| inbox::unread(store.db(), user, None).await.unwrap();
    run_to(store, pipeline, PipelineRunState::Succeeded, now()).await;
    run_to(store, pipeline, PipelineRunState::Cancelled, now()).await;
    assert_eq!((unread(ada).await, unread(bob).await), (0, 0));
    run_to(store, pipeline, PipelineRunState::Failed, now()).await;
    assert_eq!((unread(ada).await, unread(bob).await), (1, 0));
    // A schedule has no person: the pipeline's last editor is told. Its worker died three times.
    queue(store, pipeline, runs::SYSTEM).await;
    for attempt in 1..=3 {
        assert_eq!(claim(store).await.attempt, attempt);
        assert_eq!(runs::reap(store, None, Timestamp(now().0 + 100_000)).await.unwrap(), 1);
    }
    assert_eq!((unread(ada).await, unread(bob).await), (1, 1));
    let told = inbox::list(store, bob, None, &PageQuery::default()).await.unwrap().items.remove(0);
    assert!(told.title == "Pipeline 'clean' #4 failed" && told.detail.contains("died 3 times"), "{told:?}");
    // Who approves: nobody holds a role in the workspace, so that it is left to the instance's admins.
    let run = queue(store, pipeline, "ada").await;
    let lease = claim(store).await;
    let mut report = trainyard_types::pipeline::StepReport::pending(step(), "source".into());
    report.state = StepState::Waiting;
    let batch = PipelineBatch { steps: vec![report], log: Vec::new() };
    let waits = PipelineRunState::Waiting;
    assert!(within(store, async |tx| runs::end(tx, &lease, waits, None, &batch, now()).await.unwrap()).await);
    assert_eq!((unread(ada).await, unread(bob).await), (2, 2));
    let no = Problem::new(Code::Forbidden, "No.");
    let refused = async || within(store, async |tx| runs::refuse(tx, run, &no, now()).await.unwrap()).await;
    assert!(refused().await);
    assert!(!refused().await, "once");
    assert_eq!((unread(ada).await, unread(bob).await), (3, 2));
}
