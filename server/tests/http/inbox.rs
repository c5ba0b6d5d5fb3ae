//! The inbox over HTTP, with what pipelines send. The process of their runs is played by the test.

use crate::{
    pipelines::{PROJECT, claim, done, upload, worker},
    support::{Client, Server, on_postgres},
};
use serde_json::{Value, json};
use trainyard_service::{
    jobs::LeaseError,
    pipelines::{
        starts,
        work::{self, PipelineBatch},
    },
};
use trainyard_store::ConnectionTrait;
use trainyard_types::{
    Problem,
    pipeline::{Effect, PipelineRunState, StepId, StepState},
};

const DOCUMENT: &str = "name: tell
schedule: {cron: '0 6 * * *', timezone: Europe/Zurich}
steps:
  - {id: people, type: source, dataset: People}
  - {id: ok, type: approval, after: [people], message: May they know?}
  - {id: all, type: notify, after: [ok], message: The numbers are there.}
";

/// A person of the workspace `main`, signed in.
async fn person(server: &Server, admin: &mut Client, name: &str, role: &str) -> Client {
    let new = json!({ "name": name, "display_name": name, "role": role, "password": "long enough for all" });
    admin.post("/api/v1/users", new).await.expect(201);
    let mut client = server.client();
    client.sign_in(name, "long enough for all").await;
    client
}

async fn titles(client: &mut Client, query: &str) -> Vec<String> {
    let page = client.get(&format!("/api/v1/inbox{query}")).await.expect(200).json();
    page["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

async fn life(server: Server) {
    let ctx = server.running.ctx.clone();
    let mut admin = server.admin().await;
    let mut ada = person(&server, &mut admin, "ada", "member").await;
    let mut bob = person(&server, &mut admin, "bob", "approver").await;
    let mut eve = person(&server, &mut admin, "eve", "viewer").await;
    upload(&mut ada, "People", 50).await;
    let saved = ada.post(&format!("{PROJECT}/pipelines"), json!({ "document": DOCUMENT })).await.expect(200).json();
    let at = format!("{PROJECT}/pipelines/{}", saved["summary"]["id"].as_str().unwrap());

    // Only approvers are asked for an approval.
    let run = ada.post(&format!("{at}/runs"), json!({})).await.expect(201).json();
    let run = run["summary"]["id"].as_str().unwrap().to_owned();
    let worker = worker(&server).await;
    let claimed = claim(&server, worker).await;
    let waits = PipelineBatch { steps: vec![done("ok", "approval", StepState::Waiting)], log: Vec::new() };
    work::end(&ctx, &claimed.lease, PipelineRunState::Waiting, None, &waits).await.unwrap();
    assert_eq!(titles(&mut bob, "").await, ["Pipeline 'tell' #1 waits for an approval"]);
    assert_eq!((titles(&mut ada, "").await.len(), titles(&mut eve, "").await.len()), (0, 0));
    let asked = bob.get("/api/v1/inbox").await.json()["items"][0].clone();
    assert_eq!(asked["detail"], "Step 'ok': May they know?");
    assert_eq!((&asked["severity"], &asked["kind"]), (&json!("warning"), &json!("approval_waiting")));
    assert_eq!((&asked["path"], &asked["read_at"]), (&json!(format!("pipeline-runs/{run}")), &Value::Null));

    // What a step says reaches everyone of the project, once.
    let decision = format!("{PROJECT}/pipeline-runs/{run}/steps/ok/decision");
    bob.post(&decision, json!({ "approve": true })).await.expect(200);
    let claimed = claim(&server, worker).await;
    let step = StepId::parse("all").unwrap();
    let effect =
        Effect { kind: "notify".into(), with: json!({ "message": " The numbers are there. " }), inputs: vec![] };
    let line = work::effect(&ctx, &claimed.lease, &step, &effect, &[]).await.unwrap();
    assert_eq!(line, "Told 3 people: The numbers are there.");
    assert_eq!(work::effect(&ctx, &claimed.lease, &step, &effect, &[]).await.unwrap(), "Was done before.");
    // Whoever lost the lease tells nobody, and nobody is told twice.
    work::end(&ctx, &claimed.lease, PipelineRunState::Succeeded, None, &PipelineBatch::default()).await.unwrap();
    let why = Problem::conflict("No.");
    let late = work::end(&ctx, &claimed.lease, PipelineRunState::Failed, Some(&why), &PipelineBatch::default()).await;
    assert!(matches!(late, Err(LeaseError::Lost)));
    for reader in [&mut ada, &mut eve] {
        assert_eq!(titles(reader, "").await, ["The numbers are there."]);
    }

    // A run that failed: who started it, or for a schedule who edited the pipeline last.
    ada.post(&format!("{at}/runs"), json!({})).await.expect(201);
    let claimed = claim(&server, worker).await;
    work::end(&ctx, &claimed.lease, PipelineRunState::Failed, Some(&why), &PipelineBatch::default()).await.unwrap();
    assert_eq!(titles(&mut ada, "?state=pipeline_failed").await, ["Pipeline 'tell' #2 failed"]);
    let edited = DOCUMENT.replace("The numbers", "All numbers");
    bob.post(&format!("{PROJECT}/pipelines"), json!({ "document": edited })).await.expect(200);
    ctx.store().db().execute_unprepared("UPDATE pipelines SET next_tick = 1760000000000").await.unwrap();
    assert_eq!(starts::tick(&ctx).await.unwrap(), 1);
    for _ in 0..3 {
        claim(&server, worker).await;
        assert_eq!(work::reap(&ctx, Some(worker)).await.unwrap(), 1);
    }
    let failed = titles(&mut bob, "?state=pipeline_failed").await;
    assert_eq!(
        (failed, titles(&mut ada, "?state=pipeline_failed").await.len()),
        (vec!["Pipeline 'tell' #3 failed".into()], 1)
    );

    reading(&mut bob, &mut ada, &mut admin, asked["id"].as_str().unwrap()).await;
    assert!(admin.get("/api/v1/audit/verify").await.expect(200).json()["intact"].as_bool().unwrap());
}

async fn reading(bob: &mut Client, ada: &mut Client, admin: &mut Client, asked: &str) {
    let unread = async |client: &mut Client| {
        client.get("/api/v1/inbox?state=unread&per_page=1").await.expect(200).json()["total"].as_u64().unwrap()
    };
    assert_eq!((unread(bob).await, unread(ada).await), (3, 2));
    // Another's message is not there to be read.
    ada.post("/api/v1/inbox/read", json!({ "ids": [asked] })).await.expect(200);
    assert_eq!((unread(bob).await, unread(ada).await), (3, 2));
    let read = bob.post("/api/v1/inbox/read", json!({ "ids": [asked] })).await.expect(200).json();
    assert_eq!(read, json!({ "read": 1 }));
    assert_eq!(bob.post("/api/v1/inbox/read", json!({ "until": 1 })).await.expect(200).json(), json!({ "read": 0 }));
    assert_eq!(bob.post("/api/v1/inbox/read", json!({})).await.expect(200).json(), json!({ "read": 2 }));
    assert_eq!((unread(bob).await, unread(ada).await), (0, 2));
    bob.post("/api/v1/inbox/read", json!({ "idz": [] })).await.expect(422);
    let file = bob.get("/api/v1/inbox?format=csv").await.expect(200).text();
    assert!(file.starts_with("id,kind,severity,title,") && file.lines().count() == 4, "{file}");

    let muted = json!({ "muted": ["pipeline_message"] });
    assert_eq!(bob.put("/api/v1/inbox/mutes", muted.clone()).await.expect(200).json(), muted);
    assert_eq!(bob.get("/api/v1/inbox/mutes").await.expect(200).json(), muted);
    bob.put("/api/v1/inbox/mutes", json!({ "muted": ["mail"] })).await.expect(422);
    let newest = admin.get("/api/v1/audit?per_page=1").await.expect(200).json();
    assert_eq!(newest["items"][0]["action"], "inbox.mute");
    // Without an account there is no inbox.
    let mut nobody = bob.clone();
    nobody.cookie = None;
    nobody.get("/api/v1/inbox").await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn inboxes_fill_and_are_read_on_sqlite() {
    life(Server::start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inboxes_fill_and_are_read_on_postgres() {
    on_postgres("inboxes_fill_and_are_read_on_postgres", life).await;
}
