use crate::{
    simulated::{outcome, report},
    support::*,
};
use trainyard_service::{
    jobs::{self, LeaseError},
    runs,
};
use trainyard_types::{
    Code, PageQuery, Problem, Role,
    dataset::Severity,
    job::JobState,
    run::{NewRun, RunCursor, SplitMethod, Task, TrainSettings},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_counts_rows_exactly_and_says_what_is_wrong() {
    let world = world().await;
    let ada = world.person(Role::Member).await;
    let version = world.people(&ada).await;
    let plan = async |settings: TrainSettings| {
        runs::plan(&world.ctx, &ada, &world.project, version.summary.id, settings).await.unwrap()
    };
    let good = plan(settings()).await;
    assert_eq!(good.task, Some(Task::Binary));
    assert_eq!((good.train_rows, good.valid_rows, good.test_rows, good.features), (240, 80, 80, 3));
    let estimate = good.estimate.unwrap();
    assert!(estimate.seconds_low > 0.0 && estimate.seconds_high > estimate.seconds_low && estimate.from_runs == 0);
    assert!(estimate.memory_mib_low > 0.0 && good.queued_before == 0);
    assert!(good.warnings.iter().all(|w| w.severity < Severity::Critical), "{:?}", good.warnings);
    assert_eq!(plan(TrainSettings::for_target("income")).await.task, Some(Task::Regression));
    assert_eq!(plan(TrainSettings::for_target("")).await.task, None);

    let mut dropped = settings();
    dropped.drop = vec!["age".into()];
    assert_eq!(plan(dropped).await.features, 2);
    let bad: Vec<(&str, TrainSettings)> = vec![
        ("target", TrainSettings::for_target("nothing")),
        ("drop", TrainSettings { drop: vec!["nothing".into()], ..settings() }),
        ("drop", TrainSettings { drop: vec!["bought".into()], ..settings() }),
        ("features", TrainSettings { drop: vec!["age".into(), "income".into(), "city".into()], ..settings() }),
        ("epochs", TrainSettings { epochs: Some(0), ..settings() }),
        ("budget_seconds", TrainSettings { budget_seconds: Some(f64::NAN), ..settings() }),
        ("split", {
            let mut settings = settings();
            settings.split.valid = 0.8;
            settings.split.test = 0.5;
            settings
        }),
        ("split", {
            let mut settings = settings();
            settings.split.method = SplitMethod::Time { column: "city".into() };
            settings
        }),
        // A given split needs its words in the column; these cities are none.
        ("target", {
            let mut settings = settings();
            settings.split.method = SplitMethod::Given { column: "city".into() };
            settings
        }),
    ];
    for (kind, settings) in bad {
        let plan = plan(settings.clone()).await;
        assert!(
            plan.warnings.iter().any(|w| w.severity == Severity::Critical && w.kind == kind),
            "{kind}: {:?}",
            plan.warnings
        );
        let new = NewRun { name: None, dataset_version: version.summary.id, settings };
        let refused = runs::create(&world.ctx, &ada, &world.project, new).await.unwrap_err();
        assert_eq!((refused.code, refused.fields[0].field.as_str()), (Code::Invalid, kind));
    }
    assert_eq!(runs::list(&world.ctx, &ada, &world.project, &PageQuery::default()).await.unwrap().total, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_followed_from_its_queue_to_its_end() {
    let world = world().await;
    let ada = world.person(Role::Member).await;
    let version = world.people(&ada).await;
    let run = world.run(&ada, &version).await;
    let id = run.summary.id;
    assert_eq!(run.summary.name, "People · Boosted trees");
    assert_eq!((run.settings.task, run.summary.job.queue_position), (Some(Task::Binary), Some(1)));
    let updates = async |cursor| runs::updates(&world.ctx, &ada, &world.project, id, cursor).await.unwrap();
    let (first, cursor) = updates(RunCursor::default()).await;
    assert_eq!((first.job.state, first.points.len(), first.ended), (JobState::Queued, 0, false));
    let activity = runs::activity(&world.ctx, &ada, &world.project).await.unwrap();
    assert_eq!((activity.running, activity.queued, activity.jobs[0].run), (0, 1, id));

    let claimed = world.claim().await;
    assert_eq!((claimed.lease.run, claimed.spec.attempt), (id, 1));
    assert!(
        std::path::Path::new(&claimed.spec.train.data).is_file() && std::path::Path::new(&claimed.spec.folder).is_dir()
    );
    jobs::record(&world.ctx, &claimed.lease, &report(1)).await.unwrap();
    jobs::record(&world.ctx, &claimed.lease, &report(2)).await.unwrap();
    let (news, cursor) = updates(cursor).await;
    assert_eq!((news.points.len(), news.log.len(), news.device.as_deref()), (2, 2, Some("CPU")));
    assert_eq!(cursor.to_string().parse::<RunCursor>().unwrap(), cursor);
    let (none, same) = updates(cursor).await;
    assert!(none.points.is_empty() && none.log.is_empty() && same == cursor);
    assert_eq!(runs::activity(&world.ctx, &ada, &world.project).await.unwrap().running, 1);

    world.finish(&claimed).await;
    let (last, _) = updates(cursor).await;
    assert_eq!((last.ended, last.job.state), (true, JobState::Succeeded));
    let view = runs::view(&world.ctx, &ada, &world.project, id).await.unwrap();
    assert_eq!(view.result.unwrap().rows.train, 240);
    let curves = runs::metrics(&world.ctx, &ada, &world.project, id).await.unwrap();
    assert_eq!((curves.len(), curves[0].steps.as_slice()), (1, [1, 2].as_slice()));
    let log = runs::log(&world.ctx, &ada, &world.project, id, 0, 10, "ROUND 2").await.unwrap();
    assert_eq!(log.len(), 1);
    let late = jobs::record(&world.ctx, &claimed.lease, &report(3)).await.unwrap_err();
    assert!(matches!(late, LeaseError::Lost));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_can_be_stopped_and_asked_for_again() {
    let world = world().await;
    let ada = world.person(Role::Member).await;
    let version = world.people(&ada).await;
    let waiting = world.run(&ada, &version).await.summary.id;
    let cancel = async |run| runs::cancel(&world.ctx, &ada, &world.project, run).await;
    let retry = async |run| runs::retry(&world.ctx, &ada, &world.project, run).await;
    assert_eq!(retry(waiting).await.unwrap_err().code, Code::Conflict);
    assert_eq!(cancel(waiting).await.unwrap().summary.job.state, JobState::Cancelled);
    assert_eq!(cancel(waiting).await.unwrap_err().code, Code::Conflict);

    let again = retry(waiting).await.unwrap();
    assert_ne!(again.summary.id, waiting);
    assert_eq!((again.summary.name.as_str(), again.settings.target.as_str()), ("People · Boosted trees", "bought"));
    let claimed = world.claim().await;
    let asked = cancel(again.summary.id).await.unwrap();
    assert_eq!((asked.summary.job.state, asked.summary.job.cancel_requested), (JobState::Running, true));
    assert_eq!(jobs::heartbeat(&world.ctx, &claimed.lease).await.unwrap(), jobs::Wish::Cancel);
    jobs::cancelled(&world.ctx, &claimed.lease).await.unwrap();
    let view = runs::view(&world.ctx, &ada, &world.project, again.summary.id).await.unwrap();
    assert_eq!(view.summary.job.state, JobState::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_told_and_data_that_is_gone_fails_the_job() {
    let world = world().await;
    let ada = world.person(Role::Member).await;
    let version = world.people(&ada).await;
    let failed = world.run(&ada, &version).await.summary.id;
    let claimed = world.claim().await;
    let problem = Problem::invalid("The target has one class in train.");
    jobs::fail(&world.ctx, &claimed.lease, &problem).await.unwrap();
    let view = runs::view(&world.ctx, &ada, &world.project, failed).await.unwrap();
    assert_eq!((view.summary.job.state, view.problem), (JobState::Failed, Some(problem)));

    let lost = world.run(&ada, &version).await.summary.id;
    std::fs::remove_file(&claimed.spec.train.data).unwrap();
    let worker = claimed.lease.worker;
    assert!(jobs::claim(&world.ctx, worker).await.unwrap().is_none());
    let view = runs::view(&world.ctx, &ada, &world.project, lost).await.unwrap();
    assert_eq!(view.summary.job.state, JobState::Failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_file_that_is_not_the_one_named_is_refused() {
    let world = world().await;
    let ada = world.person(Role::Member).await;
    let version = world.people(&ada).await;
    let run = world.run(&ada, &version).await.summary.id;
    let claimed = world.claim().await;
    let (result, file) = outcome(&claimed);
    std::fs::write(&file, b"something else").unwrap();
    let refused = jobs::finish(&world.ctx, &claimed.lease, &result, &file).await.unwrap_err();
    assert!(matches!(refused, LeaseError::Problem(_)));
    let view = runs::view(&world.ctx, &ada, &world.project, run).await.unwrap();
    assert_eq!(view.summary.job.state, JobState::Running, "nothing half-written");
}
