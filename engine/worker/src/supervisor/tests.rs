#![allow(clippy::unwrap_used)]
#![cfg(unix)]

use super::*;
use std::{fs, os::unix::fs::PermissionsExt, time::Instant};
use trainyard_service::{Actor, Settings, accounts, datasets, labels, projects, runs};
use trainyard_types::{
    LabelReviewId, RunId, Slug,
    account::NewProject,
    dataset::BadRows,
    job::JobState,
    labels::{LabelReviewView, LabelSettings},
    run::{Family, NewRun, RunView, TrainSettings},
};

/// A server's data folder with a project, a data set and a run that waits.
struct Stage {
    dir: tempfile::TempDir,
    ctx: Ctx,
    project: Slug,
    run: RunId,
}

impl Stage {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ctx = Ctx::open(Settings::in_dir(dir.path().join("data"))).await.unwrap();
        accounts::bootstrap(&ctx, Some("a long password".into())).await.unwrap();
        let project = Slug::parse("p").unwrap();
        let new: NewProject = serde_json::from_value(serde_json::json!({ "slug": "p", "name": "P" })).unwrap();
        projects::create(&ctx, &Actor::system(), new).await.unwrap();
        let csv = dir.path().join("rows.csv");
        let rows: String = (0..300)
            .map(|i| format!("{},{},{}\n", i, (i * 37) % 101, if (i * 37) % 101 > 50 { "yes" } else { "no" }))
            .collect();
        fs::write(&csv, format!("a,b,y\n{rows}")).unwrap();
        let version =
            datasets::import_file(&ctx, &Actor::system(), &project, &csv, None, None, BadRows::Refuse).await.unwrap();
        let settings = TrainSettings { family: Family::Linear, ..TrainSettings::for_target("y") };
        let new = NewRun { name: None, dataset_version: version.summary.id, settings };
        let run = runs::create(&ctx, &Actor::system(), &project, new).await.unwrap().summary.id;
        Self { dir, ctx, project, run }
    }

    /// A program that answers the probe and else does this; `$folder` is the job's folder.
    fn program(&self, name: &str, body: &str) -> WorkerOptions {
        let path = self.dir.path().join(name);
        let probe = r#"{"event":"device","device":"Test device","reason":"It is a test."}"#;
        let text = format!(
            "#!/bin/sh\nif [ \"$2\" = --probe ]; then [ -n \"$CUBECL_WGPU_DEFAULT_DEVICE\" ] || echo '{probe}'; exit 0; fi\nfolder=$(dirname \"$2\")\n{body}\n"
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        WorkerOptions { slots: None, program: path, name: "test".into() }
    }

    async fn view(&self) -> RunView {
        runs::view(&self.ctx, &Actor::system(), &self.project, self.run).await.unwrap()
    }

    async fn wait_for(&self, what: &str, is: impl Fn(&RunView) -> bool) -> RunView {
        let start = Instant::now();
        loop {
            let view = self.view().await;
            if is(&view) {
                return view;
            }
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "waited for {what}: {:?} {:?}",
                view.summary.job,
                view.problem
            );
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn log(&self) -> String {
        let lines = runs::log(&self.ctx, &Actor::system(), &self.project, self.run, 0, 500, "").await.unwrap();
        lines.into_iter().map(|line| line.line).collect::<Vec<_>>().join("\n")
    }

    fn folders(&self) -> usize {
        fs::read_dir(self.ctx.data_dir().join("jobs")).map_or(0, Iterator::count)
    }
}

fn ended(view: &RunView) -> bool {
    view.summary.job.state.is_final()
}

struct Quiet;

impl crate::Sink for Quiet {
    fn event(&mut self, _: JobEvent) {}
    fn cancelled(&mut self) -> bool {
        false
    }
}

/// A program that trains in earnest, as the job process does.
fn honest(stage: &Stage) -> WorkerOptions {
    let folder = stage.dir.path().join("trained");
    fs::create_dir_all(&folder).unwrap();
    let settings = TrainSettings { family: Family::Linear, ..TrainSettings::for_target("y") };
    let (rows, memory) = (stage.dir.path().join("rows.csv"), trainyard_data::Memory::default());
    let result = crate::headless::train(&rows, None, &settings, &folder, memory, &mut Quiet).unwrap();
    let done = serde_json::to_string(&JobEvent::Done { result: Box::new(result) }).unwrap();
    fs::write(folder.join("done"), format!("{done}\n")).unwrap();
    let from = folder.display();
    stage.program(
        "honest",
        &format!(
            "echo '{{\"event\":\"log\",\"level\":\"info\",\"line\":\"at work\"}}'\n\
             echo '{{\"event\":\"metrics\",\"points\":[{{\"key\":\"loss\",\"part\":\"train\",\"step\":1,\"value\":0.5}}]}}'\n\
             cp {from}/model.safetensors \"$folder\"\ncat {from}/done"
        ),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_goes_well_leaves_its_result() {
    let stage = Stage::new().await;
    let worker = Worker::start(stage.ctx.clone(), honest(&stage)).await.unwrap();
    let view = stage.wait_for("the end", ended).await;
    assert_eq!(view.summary.job.state, JobState::Succeeded, "{:?}", view.problem);
    let result = view.result.unwrap();
    assert!(stage.ctx.artifacts().existing(&result.model_hash).is_ok());
    assert!(stage.log().await.contains("at work"));
    let series = runs::metrics(&stage.ctx, &Actor::system(), &stage.project, stage.run).await.unwrap();
    assert_eq!((series.len(), series[0].values[0]), (1, 0.5));
    worker.drain().await;
    assert_eq!(stage.folders(), 0, "the job's folder is removed");
    let workers = trainyard_service::workers::list(&stage.ctx, &Actor::system()).await.unwrap();
    assert_eq!(workers[0].device, "Test device");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_fails_with_the_reason() {
    let stage = Stage::new().await;
    let options = stage.program("killed", "echo 'last words' >&2\nsleep 0.2\nkill -9 $$");
    let worker = Worker::start(stage.ctx.clone(), options).await.unwrap();
    let view = stage.wait_for("the end", ended).await;
    assert_eq!(view.summary.job.state, JobState::Failed);
    let message = view.problem.unwrap().message;
    assert!(message.contains("killed (signal 9)") && message.contains("last words"), "{message}");
    assert!(stage.log().await.contains("killed (signal 9)"));
    worker.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_hears_of_it() {
    let stage = Stage::new().await;
    let options = stage.program("obedient", "read command\necho \"heard $command\"\necho '{\"event\":\"cancelled\"}'");
    let worker = Worker::start(stage.ctx.clone(), options).await.unwrap();
    stage.wait_for("the start", |view| view.summary.job.state == JobState::Running).await;
    runs::cancel(&stage.ctx, &Actor::system(), &stage.project, stage.run).await.unwrap();
    let view = stage.wait_for("the end", ended).await;
    assert_eq!(view.summary.job.state, JobState::Cancelled);
    let log = stage.log().await;
    assert!(log.contains(r#"heard {"command":"cancel"}"#), "{log}");
    worker.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_worker_hands_its_job_back_and_the_next_goes_on() {
    let stage = Stage::new().await;
    let options = stage.program("patient", "echo here > \"$folder/checkpoint.bin\"\nread command");
    let worker = Worker::start(stage.ctx.clone(), options).await.unwrap();
    stage.wait_for("the start", |view| view.summary.job.state == JobState::Running).await;
    sleep(Duration::from_millis(500)).await;
    let id = worker.id();
    worker.drain().await;
    let view = stage.view().await;
    assert_eq!(view.summary.job.state, JobState::Queued, "{:?}", view.summary.job);
    assert_eq!(stage.folders(), 1, "its checkpoint waits");
    let worker = Worker::start(stage.ctx.clone(), honest(&stage)).await.unwrap();
    assert_eq!(worker.id(), id, "a restarted worker is the same one");
    let view = stage.wait_for("the end", ended).await;
    assert_eq!(view.summary.job.state, JobState::Succeeded, "{:?}", view.problem);
    assert_eq!(view.summary.job.attempt, 2);
    worker.drain().await;
}

/// A review of the labels that the stage's rows have.
async fn review(stage: &Stage) -> LabelReviewId {
    let (ctx, actor) = (&stage.ctx, Actor::system());
    let found = runs::view(ctx, &actor, &stage.project, stage.run).await.unwrap();
    let settings = LabelSettings::for_target("y");
    labels::start(ctx, &actor, &stage.project, found.dataset_version_id, settings).await.unwrap().id
}

async fn reviewed(stage: &Stage, id: LabelReviewId, is: impl Fn(&LabelReviewView) -> bool) -> LabelReviewView {
    let start = Instant::now();
    loop {
        let view = labels::view(&stage.ctx, &Actor::system(), &stage.project, id).await.unwrap();
        if is(&view) {
            return view;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{view:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_of_labels_leaves_what_it_found() {
    let stage = Stage::new().await;
    let id = review(&stage).await;
    // What the process would say of these rows, with its progress.
    let data = trainyard_data::read_any::read_file(&stage.dir.path().join("rows.csv")).unwrap().1;
    let result = crate::labels::review(&data, &LabelSettings::for_target("y"), &mut Quiet).unwrap();
    let said = serde_json::to_string(&JobEvent::Reviewed { result: Box::new(result.clone()) }).unwrap();
    fs::write(stage.dir.path().join("said"), format!("{said}\n")).unwrap();
    let progress = r#"{"event":"progress","stage":"Judging labels, part 1 of 5","fraction":0.1,"eta_seconds":9.0,"rows_per_second":null}"#;
    let body = format!(
        "grep -q label_review \"$2\" || exec sleep 60\necho '{progress}'\nsleep 1\ncat {}/said",
        stage.dir.path().display()
    );
    let worker = Worker::start(stage.ctx.clone(), stage.program("reviewer", &body)).await.unwrap();
    let seen = reviewed(&stage, id, |view| view.progress.is_some()).await;
    assert_eq!((seen.state, seen.progress.unwrap().eta_seconds), (JobState::Running, Some(9.0)));
    let view = reviewed(&stage, id, |view| view.state.is_final()).await;
    assert_eq!((view.state, view.summary), (JobState::Succeeded, Some(result.summary)), "{:?}", view.problem);
    worker.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_whose_process_is_killed_fails_with_the_reason_and_one_of_a_stopped_worker_waits() {
    let stage = Stage::new().await;
    let id = review(&stage).await;
    let patient = stage.program("patient", "read command");
    let worker = Worker::start(stage.ctx.clone(), patient).await.unwrap();
    reviewed(&stage, id, |view| view.state == JobState::Running).await;
    sleep(Duration::from_millis(300)).await;
    worker.drain().await;
    assert_eq!(reviewed(&stage, id, |_| true).await.state, JobState::Queued);
    let killed = stage.program("killed", "echo 'last words' >&2\nsleep 0.2\nkill -9 $$");
    let worker = Worker::start(stage.ctx.clone(), killed).await.unwrap();
    let view = reviewed(&stage, id, |view| view.state.is_final()).await;
    let message = view.problem.unwrap().message;
    assert_eq!(view.state, JobState::Failed);
    assert!(message.contains("killed (signal 9)") && message.contains("last words"), "{message}");
    worker.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_review_hears_of_it() {
    let stage = Stage::new().await;
    let id = review(&stage).await;
    let body = "read command\necho '{\"event\":\"cancelled\"}'";
    let worker = Worker::start(stage.ctx.clone(), stage.program("obedient", body)).await.unwrap();
    reviewed(&stage, id, |view| view.state == JobState::Running).await;
    labels::cancel(&stage.ctx, &Actor::system(), &stage.project, id).await.unwrap();
    let view = reviewed(&stage, id, |view| view.state.is_final()).await;
    assert_eq!((view.state, view.problem), (JobState::Cancelled, None));
    worker.drain().await;
}

#[test]
fn a_job_gets_no_secrets() {
    let names = ["TRAINYARD_DATABASE_URL", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "PATH", "VK_DRIVER_FILES"];
    let mut kept_back = secrets(names.map(|name| (name.to_owned(), "x".into())).into_iter().collect());
    kept_back.sort();
    assert_eq!(kept_back, ["AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "TRAINYARD_DATABASE_URL"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gpus_work_on_two_jobs_at_once() {
    let stage = Stage::new().await;
    let first = runs::view(&stage.ctx, &Actor::system(), &stage.project, stage.run).await.unwrap();
    let new = NewRun { name: None, dataset_version: first.dataset_version_id, settings: first.settings };
    let second = runs::create(&stage.ctx, &Actor::system(), &stage.project, new).await.unwrap().summary.id;
    // Each job says where it runs and waits for the other: on one place they would wait for ever.
    let places = stage.dir.path().join("places");
    let options = stage.program("gpus", "");
    let text = format!(
        r#"#!/bin/sh
name="CPU (flex)"
case "$CUBECL_WGPU_DEFAULT_DEVICE" in ""|"DiscreteGpu(0)"|"DiscreteGpu(1)") name="Test GPU";; esac
if [ "$2" = --probe ]; then echo '{{"event":"device","device":"'"$name"'","reason":"It is a test."}}'; exit 0; fi
echo "$CUBECL_WGPU_DEFAULT_DEVICE" >> {places}
tries=0
while [ "$(wc -l < {places})" -lt 2 ] && [ $tries -lt 200 ]; do sleep 0.1; tries=$((tries + 1)); done
echo '{{"event":"failed","problem":{{"code":"invalid","message":"That is all."}}}}'; exit 1
"#,
        places = places.display()
    );
    fs::write(&options.program, text).unwrap();
    let worker = Worker::start(stage.ctx.clone(), options).await.unwrap();
    stage.wait_for("the first job's end", ended).await;
    let start = Instant::now();
    while !ended(&runs::view(&stage.ctx, &Actor::system(), &stage.project, second).await.unwrap()) {
        assert!(start.elapsed() < Duration::from_secs(30), "waited for the second job's end");
        sleep(Duration::from_millis(50)).await;
    }
    let text = fs::read_to_string(places).unwrap();
    let mut used: Vec<&str> = text.lines().collect();
    used.sort_unstable();
    // The first may have begun before the GPUs were known, on the default one, which is the first.
    assert!(used[0].is_empty() || used[0] == "DiscreteGpu(0)", "{used:?}");
    assert_eq!((used.len(), used[1]), (2, "DiscreteGpu(1)"));
    let known = trainyard_service::workers::list(&stage.ctx, &Actor::system()).await.unwrap();
    assert_eq!((known[0].device.as_str(), known[0].slots), ("Test GPU, Test GPU", 2));
    worker.drain().await;
}
