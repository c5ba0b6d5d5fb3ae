//! A pipeline's life over HTTP. The process of its runs is played by the test.

use crate::support::{Client, Server, on_postgres};
use serde_json::{Value, json};
use trainyard_service::{
    jobs::{self, LeaseError, NewWorker},
    pipelines::{
        starts,
        work::{self, ClaimedRun, PipelineBatch},
    },
};
use trainyard_store::{ConnectionTrait, now};
use trainyard_types::{
    WorkerId,
    job::LogLevel,
    pipeline::{Effect, EffectInput, PipelineRunState, StepId, StepReport, StepState},
};

pub const PROJECT: &str = "/api/v1/projects/default";
const DOCUMENT: &str = "name: clean
description: Keeps what is known. # a comment that stays
schedule: {cron: '0 6 * * *', timezone: Europe/Zurich}
triggers:
  - {on: webhook}
  - {on: dataset, dataset: People}
parameters:
  least: {type: integer, default: 30}
steps:
  - {id: people, type: source, dataset: People}
  - {id: old, type: filter, input: people, where: 'age >= ${least}'}
  - {id: ok, type: approval, after: [old]}
  - {id: out, type: write_out, input: old, after: [ok], dataset: Old people}
";

pub async fn upload(client: &mut Client, name: &str, rows: usize) {
    let csv: String = (0..rows).map(|n| format!("{},{}\n", 20 + n % 50, n)).collect();
    let path = format!("{PROJECT}/uploads?name=people.csv");
    let bytes = format!("age,n\n{csv}");
    let sent = client.send_bytes("POST", &path, &[], "application/octet-stream", bytes.as_bytes()).await;
    let id = sent.expect(201).json()["id"].as_str().unwrap().to_owned();
    client.post(&format!("{PROJECT}/uploads/{id}/commit"), json!({ "name": name })).await.expect(201);
}

pub async fn worker(server: &Server) -> WorkerId {
    let new = NewWorker { id: None, host: "here".into(), device: "CPU".into(), slots: 1 };
    jobs::register_worker(&server.running.ctx, &new).await.unwrap()
}

pub fn done(id: &str, kind: &str, state: StepState) -> StepReport {
    let mut report = StepReport::pending(StepId::parse(id).unwrap(), kind.into());
    (report.state, report.rows) = (state, Some(40));
    report
}

pub async fn claim(server: &Server, worker: WorkerId) -> ClaimedRun {
    work::claim(&server.running.ctx, worker).await.unwrap().unwrap()
}

/// What the process of the first attempt says: it stops at the approval.
async fn first_half(server: &Server, claimed: &ClaimedRun) {
    let ctx = &server.running.ctx;
    let step = StepId::parse("old").unwrap();
    let batch = PipelineBatch {
        steps: vec![done("people", "source", StepState::Succeeded), done("old", "filter", StepState::Succeeded)],
        log: vec![(now(), step, LogLevel::Info, "40 of 50 rows stay.".into())],
    };
    work::record(ctx, &claimed.lease, &batch).await.unwrap();
    let batch = PipelineBatch { steps: vec![done("ok", "approval", StepState::Waiting)], log: Vec::new() };
    work::end(ctx, &claimed.lease, PipelineRunState::Waiting, None, &batch).await.unwrap();
    // Whoever lost the lease is not heard.
    let lost = work::record(ctx, &claimed.lease, &PipelineBatch::default()).await;
    assert!(matches!(lost, Err(LeaseError::Lost)));
}

async fn life(server: Server) {
    let mut admin = server.admin().await;
    let ctx = server.running.ctx.clone();
    upload(&mut admin, "People", 50).await;
    // Faults come with their lines; files are the command line's.
    let wrong = json!({ "document": "name: x\nsteps:\n  - {id: a, type: no}\n" });
    let text = admin.post(&format!("{PROJECT}/pipelines"), wrong).await.expect(422).text();
    assert!(text.contains("Line 3"), "{text}");
    let file = json!({ "document": "name: x\nsteps:\n  - {id: a, type: source, file: a.csv}\n" });
    let text = admin.post(&format!("{PROJECT}/pipelines"), file).await.expect(422).text();
    assert!(text.contains("which only the command line can read"), "{text}");
    let saved = admin.post(&format!("{PROJECT}/pipelines"), json!({ "document": DOCUMENT })).await.expect(200).json();
    assert_eq!(saved["yaml"], DOCUMENT);
    assert!(saved["summary"]["next_tick"].as_i64().unwrap() > now().0);
    let id = saved["summary"]["id"].as_str().unwrap().to_owned();
    let at = format!("{PROJECT}/pipelines/{id}");
    admin.post(&format!("{PROJECT}/pipelines"), json!({ "document": DOCUMENT })).await.expect(409);
    let again = DOCUMENT.replace("default: 30", "default: 31");
    let again = admin.post(&format!("{PROJECT}/pipelines"), json!({ "document": again, "reason": "older" })).await;
    assert_eq!(again.expect(200).json()["summary"]["version"], 2);
    assert_eq!(admin.get(&format!("{at}/versions/1")).await.expect(200).text(), DOCUMENT);

    // A run, an approval, a version.
    admin.post(&format!("{at}/runs"), json!({ "parameters": { "least": "x" } })).await.expect(422);
    let run = admin.post(&format!("{at}/runs"), json!({ "parameters": { "least": 40 } })).await.expect(201).json();
    let run = format!("{PROJECT}/pipeline-runs/{}", run["summary"]["id"].as_str().unwrap());
    let worker = worker(&server).await;
    let claimed = claim(&server, worker).await;
    assert_eq!(claimed.spec.values["least"], 40);
    // One run at a time: the next waits, whoever asks.
    let second = admin.post(&format!("{at}/runs"), json!({})).await.expect(201).json();
    assert!(work::claim(&ctx, worker).await.unwrap().is_none());
    first_half(&server, &claimed).await;
    let view = admin.get(&run).await.expect(200).json();
    assert_eq!((view["summary"]["state"].as_str(), view["summary"]["steps_done"].as_u64()), (Some("waiting"), Some(2)));
    let decision = format!("{run}/steps/ok/decision");
    admin.post(&decision, json!({ "approve": false })).await.expect(422);
    admin.post(&format!("{run}/steps/out/decision"), json!({ "approve": true })).await.expect(409);
    admin.post(&decision, json!({ "approve": true, "reason": "fine" })).await.expect(200);
    let claimed = claim(&server, worker).await;
    assert_eq!((claimed.lease.attempt, claimed.spec.approved.len()), (2, 1));
    let (step, table) = (StepId::parse("out").unwrap(), claimed.spec.datasets["People"].clone());
    let input = EffectInput { name: "old".into(), path: table, rows: Some(50) };
    let effect = Effect { kind: "write_out".into(), with: json!({ "dataset": "Old people" }), inputs: vec![input] };
    nothing_half_written(&server, &mut admin, &claimed, &effect).await;
    let line = work::effect(&ctx, &claimed.lease, &step, &effect, &[]).await.unwrap();
    assert!(line.contains("version 1"), "{line}");
    assert_eq!(work::effect(&ctx, &claimed.lease, &step, &effect, &[]).await.unwrap(), "Was done before.");
    work::end(&ctx, &claimed.lease, PipelineRunState::Succeeded, None, &PipelineBatch::default()).await.unwrap();
    let view = admin.get(&run).await.expect(200).json();
    assert_eq!((&view["wrote"][0]["number"], &view["approvals"][0]["reason"]), (&json!(1), &json!("fine")));
    let log = admin.get(&format!("{run}/log?after=0")).await.expect(200).json();
    assert_eq!(log[0]["line"], "40 of 50 rows stay.");
    admin.post(&format!("{run}/retry"), json!({})).await.expect(409);
    lineage(&mut admin).await;

    // The second one, which waited all along.
    let other = claim(&server, worker).await;
    assert_eq!(other.lease.run.to_string(), second["summary"]["id"].as_str().unwrap());
    admin.post(&format!("{PROJECT}/pipeline-runs/{}/cancel", other.lease.run), json!({})).await.expect(200);
    assert!(work::heartbeat(&ctx, &other.lease).await.unwrap(), "it is told to stop");
    work::end(&ctx, &other.lease, PipelineRunState::Cancelled, None, &PipelineBatch::default()).await.unwrap();

    // A worker that dies three times takes the run down; a retry brings it back.
    let run = admin.post(&format!("{at}/runs"), json!({})).await.expect(201).json();
    let run = format!("{PROJECT}/pipeline-runs/{}", run["summary"]["id"].as_str().unwrap());
    for _ in 0..3 {
        claim(&server, worker).await;
        assert_eq!(work::reap(&ctx, Some(worker)).await.unwrap(), 1);
    }
    let view = admin.get(&run).await.expect(200).json();
    assert_eq!(view["summary"]["state"], "failed");
    assert!(view["problem"]["message"].as_str().unwrap().contains("died 3 times"));
    admin.post(&format!("{run}/retry"), json!({})).await.expect(200);
    admin.post(&format!("{run}/cancel"), json!({})).await.expect(200);

    partitions(&server, &mut admin).await;
    starts(&server, &mut admin, &at).await;
    comments(&mut admin).await;
    assert!(admin.get("/api/v1/audit/verify").await.expect(200).json()["intact"].as_bool().unwrap());
}

/// What a form saves keeps the comments of the version before, or of the YAML that it says it comes from.
async fn comments(admin: &mut Client) {
    let save = format!("{PROJECT}/pipelines");
    let yaml = "name: kept\nsteps:\n  # The people of today.\n  - {id: people, type: source, dataset: People}\n";
    admin.post(&save, json!({ "document": yaml })).await.expect(200);
    let step = json!({ "id": "people", "type": "source", "dataset": "People" });
    let mut document = json!({ "name": "kept", "description": "Of today", "steps": [step] });
    let saved = admin.post(&save, json!({ "document": document.to_string() })).await.expect(200).json();
    let kept = saved["yaml"].as_str().unwrap();
    assert!(kept.contains("# The people of today.\n") && kept.contains("Of today"), "{kept}");
    document["description"] = json!("Of yesterday");
    let written = yaml.replace("today", "yesterday");
    let body = json!({ "document": document.to_string(), "written": written });
    let saved = admin.post(&save, body).await.expect(200).json();
    assert!(saved["yaml"].as_str().unwrap().contains("# The people of yesterday.\n"), "{saved}");
}

/// A step that fails while it writes, and one whose run another worker has, leave neither a data set nor a version.
async fn nothing_half_written(server: &Server, admin: &mut Client, claimed: &ClaimedRun, whole: &Effect) {
    let half = server.folder.path().join("half.parquet");
    let bytes = std::fs::read(&whole.inputs[0].path).unwrap();
    std::fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
    let before = admin.get(&format!("{PROJECT}/datasets")).await.expect(200).json();
    let input = EffectInput { path: half.display().to_string(), ..whole.inputs[0].clone() };
    for name in ["Half", "People"] {
        let with = json!({ "dataset": name });
        let effect = Effect { kind: "write_out".into(), with, inputs: vec![input.clone()] };
        let step = StepId::parse("half").unwrap();
        let answer = work::effect(&server.running.ctx, &claimed.lease, &step, &effect, &[]).await;
        assert!(matches!(answer, Err(LeaseError::Problem(_))), "{answer:?}");
    }
    let mut lost = claimed.lease;
    lost.attempt -= 1;
    let step = StepId::parse("late").unwrap();
    let late = Effect { with: json!({ "dataset": "Late" }), ..whole.clone() };
    let answer = work::effect(&server.running.ctx, &lost, &step, &late, &[]).await;
    assert!(matches!(answer, Err(LeaseError::Lost)), "{answer:?}");
    assert_eq!(admin.get(&format!("{PROJECT}/datasets")).await.expect(200).json(), before);
}

/// From both ends of the run: what it read, and what it wrote of it.
async fn lineage(admin: &mut Client) {
    let sets = admin.get(&format!("{PROJECT}/datasets?sort=name")).await.expect(200).json();
    let id = |at: usize| sets["items"][at]["id"].as_str().unwrap().to_owned();
    let (written, read) = (id(0), id(1));
    let graph = async |admin: &mut Client, id: &str| {
        let graph = admin.get(&format!("{PROJECT}/datasets/{id}/lineage")).await.expect(200).json();
        let nodes = graph["nodes"].as_array().unwrap().clone();
        let title = |id: &Value| nodes.iter().find(|node| node["id"] == *id).unwrap()["title"].as_str().unwrap();
        let edges = graph["edges"].as_array().unwrap().iter();
        let edges: Vec<String> = edges.map(|e| format!("{} > {}", title(&e["from"]), title(&e["to"]))).collect();
        let kinds: Vec<String> =
            nodes.iter().map(|n| format!("{} {}", n["kind"].as_str().unwrap(), n["title"].as_str().unwrap())).collect();
        (kinds, edges, graph["left_out"].as_u64().unwrap())
    };
    let (nodes, edges, left_out) = graph(admin, &read).await;
    assert_eq!(nodes, ["reader clean #1", "source people.csv", "version People v1", "written Old people v1"]);
    assert_eq!(edges, ["People v1 > clean #1", "people.csv > People v1", "clean #1 > Old people v1"]);
    assert_eq!(left_out, 0);
    let (nodes, edges, left_out) = graph(admin, &written).await;
    assert_eq!(nodes, ["pipeline clean #1", "source People v1", "version Old people v1"]);
    assert_eq!(edges, ["People v1 > clean #1", "clean #1 > Old people v1"]);
    assert_eq!(left_out, 0);
}

/// What starts runs besides people.
async fn starts(server: &Server, admin: &mut Client, at: &str) {
    let ctx = &server.running.ctx;
    let before = admin.get(&format!("{at}/runs")).await.expect(200).json().as_array().unwrap().len();
    // A tick is run once, however many schedulers look.
    ctx.store().db().execute_unprepared("UPDATE pipelines SET next_tick = 1760000000000").await.unwrap();
    let queued = tokio::join!(starts::tick(ctx), starts::tick(ctx), starts::tick(ctx), starts::tick(ctx));
    let queued: u64 = [queued.0, queued.1, queued.2, queued.3].into_iter().map(Result::unwrap).sum();
    assert_eq!(queued, 1);
    assert_eq!(starts::tick(ctx).await.unwrap(), 0);
    // A new version; one of the same content is none.
    upload(admin, "People", 60).await;
    // The secret address.
    let path = admin.post(&format!("{at}/webhook"), json!({})).await.expect(200).json();
    let mut anyone = server.client();
    let path = path["path"].as_str().unwrap().to_owned();
    anyone.post(&path, json!({ "least": 33 })).await.expect(202);
    anyone.post(&path, json!({ "most": 33 })).await.expect(422);
    anyone.post("/api/v1/hooks/guess", json!({})).await.expect(404);
    let runs = admin.get(&format!("{at}/runs")).await.expect(200).json();
    let causes: Vec<&Value> = runs.as_array().unwrap().iter().map(|run| &run["cause"]).collect();
    assert_eq!(causes.len(), before + 3);
    assert_eq!(causes[..3], [&json!("webhook"), &json!("data set People v2"), &json!("schedule")]);
    // Paused, nothing starts it but people.
    admin.put(&format!("{at}/paused"), json!({ "paused": true })).await.expect(200);
    anyone.post(&path, json!({})).await.expect(409);
    upload(admin, "People", 70).await;
    let runs = admin.get(&format!("{at}/runs")).await.expect(200).json();
    assert_eq!(runs.as_array().unwrap().len(), before + 3);
}

const PARTS: &str = "name: parts
partitions: {by: list, values: [a, b, c]}
steps:
  - {id: people, type: source, dataset: People}
  - {id: one, type: filter, input: people, where: 'n <> ${partition}'}
";

/// Partitions with their last runs, and runs of some of them.
async fn partitions(server: &Server, admin: &mut Client) {
    let saved = admin.post(&format!("{PROJECT}/pipelines"), json!({ "document": PARTS })).await.expect(200).json();
    let at = format!("{PROJECT}/pipelines/{}", saved["summary"]["id"].as_str().unwrap());
    let fill = format!("{at}/backfill");
    for wrong in [
        json!({}),
        json!({ "first": "a" }),
        json!({ "partitions": ["d"] }),
        json!({ "first": "c", "last": "a" }),
        json!({ "first": "a", "last": "b", "failed": true }),
    ] {
        admin.post(&fill, wrong).await.expect(422);
    }
    admin.post(&fill, json!({ "failed": true })).await.expect(409);
    assert_eq!(
        admin.post(&fill, json!({ "partitions": ["c", "a", "c"] })).await.expect(201).json().as_array().unwrap().len(),
        2
    );
    let (ctx, worker) = (&server.running.ctx, worker(server).await);
    let failed = claim(server, worker).await;
    assert_eq!(failed.spec.values["partition"], "c");
    work::end(ctx, &failed.lease, PipelineRunState::Failed, None, &PipelineBatch::default()).await.unwrap();
    let page = admin.get(&format!("{at}/partitions?per_page=2")).await.expect(200).json();
    assert_eq!(page["counts"], json!({ "failed": 1, "never": 1, "queued": 1 }));
    assert_eq!((&page["page"]["total"], page["page"]["items"].as_array().unwrap().len()), (&json!(3), 2));
    assert_eq!(
        (&page["page"]["items"][0]["last"]["state"], &page["page"]["items"][1]["last"]),
        (&json!("queued"), &json!(null))
    );
    let bad = admin.get(&format!("{at}/partitions?state=failed")).await.expect(200).json();
    assert_eq!(
        (&bad["page"]["items"][0]["name"], &bad["page"]["items"][0]["last"]["number"]),
        (&json!("c"), &json!(1))
    );
    // The newest run of a partition counts.
    assert_eq!(admin.post(&fill, json!({ "failed": true })).await.expect(201).json()[0]["partition"], "c");
    assert_eq!(
        admin.post(&fill, json!({ "first": "b", "last": "c" })).await.expect(201).json().as_array().unwrap().len(),
        2
    );
    let page = admin.get(&format!("{at}/partitions")).await.expect(200).json();
    assert_eq!(page["counts"], json!({ "queued": 3 }));
    let runs = admin.get(&format!("{at}/runs")).await.expect(200).json();
    for run in runs.as_array().unwrap().iter().filter(|run| run["state"] == "queued") {
        admin
            .post(&format!("{PROJECT}/pipeline-runs/{}/cancel", run["id"].as_str().unwrap()), json!({}))
            .await
            .expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_live_on_sqlite() {
    life(Server::start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_live_on_postgres() {
    on_postgres("pipelines_live_on_postgres", life).await;
}
