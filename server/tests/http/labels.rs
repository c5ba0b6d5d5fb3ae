//! A review of labels over HTTP, from asking for it to the corrected version. The worker's process is played by the test,
//! which judges in earnest.

use crate::support::{Client, PASSWORD, Server, on_postgres};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fmt::Write};
use trainyard_service::{
    Ctx,
    jobs::{self, LeaseError, NewWorker},
    labels::work::{self, ClaimedReview},
};
use trainyard_types::{
    Problem, WorkerId,
    job::{JobEvent, JobState, Progress},
};
use trainyard_worker::Sink;

const PROJECT: &str = "/api/v1/projects/default";
const ROWS: u64 = 600;

struct Quiet;

impl Sink for Quiet {
    fn event(&mut self, _: JobEvent) {}
    fn cancelled(&mut self) -> bool {
        false
    }
}

/// A row's label by its numbers, and whether the file has another one.
fn truth(n: u64) -> (&'static str, bool) {
    let (x, y) = ((n * 37) % 101, (n * 53) % 97);
    (if x + 2 * y > 150 { "yes" } else { "no" }, n.is_multiple_of(30))
}

/// Customers with a rule that decides, of whom every thirtieth has the wrong label.
fn customers() -> String {
    let mut csv = String::from("id,x,y,note,price,bought\n");
    for n in 0..ROWS {
        let (label, wrong) = truth(n);
        let other = if label == "yes" { "no" } else { "yes" };
        let (x, y) = ((n * 37) % 101, (n * 53) % 97);
        let price = x * 3 + y + n % 5;
        writeln!(csv, "C{n},{x},{y},=1+{n},{price}.5,{}", if wrong { other } else { label }).unwrap();
    }
    csv
}

/// Uploads the customers and gives the version's id and the data set's.
async fn dataset(client: &mut Client) -> (String, String) {
    let path = format!("{PROJECT}/uploads?name=customers.csv");
    let sent = client.send_bytes("POST", &path, &[], "application/octet-stream", customers().as_bytes()).await;
    let id = sent.expect(201).json()["id"].as_str().unwrap().to_owned();
    let made = client.post(&format!("{PROJECT}/uploads/{id}/commit"), json!({ "name": "Customers" })).await.expect(201);
    let made = made.json();
    (made["summary"]["id"].as_str().unwrap().to_owned(), made["dataset"].as_str().unwrap().to_owned())
}

async fn start(client: &mut Client, version: &str, settings: Value) -> String {
    let path = format!("{PROJECT}/dataset-versions/{version}/label-reviews");
    let view = client.post(&path, settings).await.expect(201).json();
    assert_eq!(view["state"], "queued");
    format!("{PROJECT}/label-reviews/{}", view["id"].as_str().unwrap())
}

async fn worker(ctx: &Ctx) -> WorkerId {
    let new = NewWorker { id: None, host: "here".into(), device: "CPU".into(), slots: 1 };
    jobs::register_worker(ctx, &new).await.unwrap()
}

/// What the process of a claimed review would find.
async fn finish(ctx: &Ctx, claimed: &ClaimedReview) {
    let spec = claimed.spec.clone();
    let judged = tokio::task::spawn_blocking(move || trainyard_worker::labels::run(&spec, &mut Quiet));
    work::finish(ctx, &claimed.lease, &judged.await.unwrap().unwrap()).await.unwrap();
}

async fn person(server: &Server, admin: &mut Client, role: &str) -> Client {
    let input = json!({ "name": role, "display_name": role, "role": role, "workspace": "main", "password": PASSWORD });
    admin.post("/api/v1/users", input).await.expect(201);
    let mut client = server.client();
    client.sign_in(role, PASSWORD).await;
    client
}

fn rows(page: &Value) -> BTreeSet<u64> {
    page["items"].as_array().unwrap().iter().map(|item| item["row"].as_u64().unwrap()).collect()
}

async fn life(server: Server) {
    let mut admin = server.admin().await;
    let ctx = server.running.ctx.clone();
    let (mut ada, mut viewer) =
        (person(&server, &mut admin, "member").await, person(&server, &mut admin, "viewer").await);
    let (version, set) = dataset(&mut ada).await;
    let identifier =
        json!({ "owner": "ada", "columns": { "id": { "flags": ["identifier"] }, "bought": { "flags": ["target"] } } });
    ada.put(&format!("{PROJECT}/datasets/{set}/details"), identifier).await.expect(200);

    // What does not fit is refused before it is queued.
    let path = format!("{PROJECT}/dataset-versions/{version}/label-reviews");
    for (settings, field) in [
        (json!({ "target": "nothing" }), "target"),
        (json!({ "target": "note" }), "target"),
        (json!({ "target": "bought", "folds": 2 }), "folds"),
        (json!({ "target": "bought", "family": "realmlp" }), "family"),
        (json!({ "target": "bought", "groups": "none" }), "groups"),
        (json!({ "target": "bought", "drop": ["none"] }), "drop"),
        (json!({ "target": "bought", "most": 0 }), "most"),
    ] {
        let refused = ada.post(&path, settings).await.expect(422).json();
        assert_eq!(refused["error"]["fields"][0]["field"], field, "{refused}");
    }
    viewer.post(&path, json!({ "target": "bought" })).await.expect(403);

    // Started, watched, done.
    let at = start(&mut ada, &version, json!({ "target": "bought" })).await;
    ada.get(&format!("{at}/findings")).await.expect(200);
    ada.post(&format!("{at}/decisions"), json!({ "ranks": [1], "decision": "right" })).await.expect(409);
    ada.post(&format!("{at}/correct"), json!({})).await.expect(409);
    let me = worker(&ctx).await;
    let claimed = work::claim(&ctx, me).await.unwrap().unwrap();
    assert_eq!(claimed.spec.settings.drop, ["id"], "identifiers are no features");
    let stage = "Judging labels, part 2 of 5".to_owned();
    let progress = Progress { stage, fraction: 0.3, eta_seconds: Some(12.0), rows_per_second: None };
    work::record(&ctx, &claimed.lease, &progress).await.unwrap();
    let going = viewer.get(&at).await.expect(200).json();
    assert_eq!((&going["state"], &going["progress"]["eta_seconds"]), (&json!("running"), &json!(12.0)));
    finish(&ctx, &claimed).await;
    assert!(matches!(work::record(&ctx, &claimed.lease, &progress).await, Err(LeaseError::Lost)));
    let done = viewer.get(&at).await.expect(200).json();
    let summary = &done["summary"];
    assert_eq!((&done["state"], &summary["rows"]), (&json!("succeeded"), &json!(ROWS)), "{done}");
    assert!(summary["sentence"].as_str().unwrap().starts_with("About "), "{summary}");

    // The list: what was planted stands in it, with the row's values; a viewer does not see rows.
    viewer.get(&format!("{at}/findings")).await.expect(403);
    let all = ada.get(&format!("{at}/findings?per_page=500")).await.expect(200).json();
    let planted: BTreeSet<u64> = (0..ROWS).filter(|n| truth(*n).1).map(|n| n + 1).collect();
    let found = rows(&all);
    let hits = found.intersection(&planted).count();
    eprintln!("{hits} of {} planted, {} listed", planted.len(), found.len());
    assert!(hits >= 16 && found.len() <= 40, "{found:?}");
    assert_eq!(all["total"], summary["found"]);
    let first = &all["items"][0];
    let n = first["row"].as_u64().unwrap() - 1;
    assert_eq!(first["values"]["x"], json!(((n * 37) % 101).to_string()), "{first}");
    assert!(first["given_probability"].as_f64().unwrap() < first["suggested_probability"].as_f64().unwrap());
    let second = ada.get(&format!("{at}/findings?per_page=5&page=2")).await.expect(200).json();
    assert_eq!(second["items"][0]["rank"], 6);
    let pair = ada.get(&format!("{at}/findings?given=yes&suggested=no&per_page=500")).await.expect(200).json();
    let of_pair = summary["pairs"].as_array().unwrap().iter().find(|pair| pair["given"] == "yes");
    assert_eq!(pair["total"], of_pair.map_or(json!(0), |pair| pair["found"].clone()));
    let csv = ada.get(&format!("{at}/findings?format=csv")).await.expect(200).text();
    assert!(csv.lines().count() == found.len() + 1 && csv.lines().next().unwrap().contains("values.x"), "{csv}");
    assert!(!csv.contains(",=1+") && csv.contains("'=1+"), "formulas are disarmed: {csv}");
    ada.get(&format!("{at}/findings?state=odd")).await.expect(422);

    // Decisions: by row and in bulk, taken back, refused where they make no sense.
    let decide = format!("{at}/decisions");
    viewer.post(&decide, json!({ "ranks": [1], "decision": "right" })).await.expect(403);
    for wrong in [
        json!({ "ranks": [], "decision": "right" }),
        json!({ "ranks": [99_999], "decision": "right" }),
        json!({ "ranks": [1], "decision": "set", "label": "perhaps" }),
        json!({ "ranks": [1], "decision": "set" }),
        json!({ "ranks": [1], "decision": "right", "label": "yes" }),
    ] {
        ada.post(&decide, wrong).await.expect(422);
    }
    ada.post(&decide, json!({ "ranks": [1, 2, 3], "decision": "suggestion" })).await.expect(200);
    ada.post(&decide, json!({ "ranks": [4], "decision": "leave_out" })).await.expect(200);
    ada.post(&decide, json!({ "ranks": [5], "decision": "set", "label": "yes" })).await.expect(200);
    ada.post(&decide, json!({ "ranks": [6, 7], "decision": "right" })).await.expect(200);
    let view = ada.post(&decide, json!({ "ranks": [7] })).await.expect(200).json();
    assert_eq!(view["decided"], json!({ "right": 1, "suggestion": 3, "set": 1, "leave_out": 1 }));
    let right = ada.get(&format!("{at}/findings?state=right")).await.expect(200).json();
    assert_eq!((right["total"].as_u64(), &right["items"][0]["decided_by"]), (Some(1), &json!("member")));
    let trail = admin.get("/api/v1/audit?q=label_review.decide").await.expect(200).json();
    assert_eq!(trail["total"], 5, "{trail}");

    // The corrected version, once, with its parent and its reason.
    viewer.post(&format!("{at}/correct"), json!({})).await.expect(403);
    let made = ada.post(&format!("{at}/correct"), json!({})).await.expect(201).json();
    let summary = &made["summary"];
    assert_eq!((&summary["number"], &summary["parent"], &summary["rows"]), (&json!(2), &json!(1), &json!(ROWS - 1)));
    let why = "Review of the labels `bought` of version 1: 4 labels corrected, 1 row left out.";
    assert_eq!(summary["why"], why);
    let item = |rank: usize| &all["items"][rank - 1];
    let shift = u64::from(item(4)["row"].as_u64() < item(1)["row"].as_u64());
    let offset = item(1)["row"].as_u64().unwrap() - 1 - shift;
    let path = format!("{PROJECT}/dataset-versions/{}/rows?offset={offset}&limit=1", summary["id"].as_str().unwrap());
    let row = ada.get(&path).await.expect(200).json();
    assert_eq!((&row["rows"][0][5], &row["rows"][0][0]), (&item(1)["suggested"], &json!(format!("C{n}"))));
    ada.post(&decide, json!({ "ranks": [8], "decision": "right" })).await.expect(409);
    ada.post(&format!("{at}/correct"), json!({})).await.expect(409);
    let view = viewer.get(&at).await.expect(200).json();
    assert_eq!((&view["applied"]["number"], &view["applied"]["by"]), (&json!(2), &json!("member")));
    let listed =
        viewer.get(&format!("{PROJECT}/datasets/{set}/label-reviews?version={version}")).await.expect(200).json();
    assert_eq!(listed.as_array().unwrap().len(), 1);

    endings(&ctx, &mut ada, &version, me).await;
    // Rows that go take what was found of them along; a review that runs keeps them.
    let open = start(&mut ada, &version, json!({ "target": "bought" })).await;
    let gone = format!("{PROJECT}/dataset-versions/{version}/rows");
    let reason = json!({ "reason": "No longer needed." });
    admin.send("DELETE", &gone, &[], Some(reason.clone())).await.expect(409);
    ada.post(&format!("{open}/cancel"), json!({})).await.expect(200);
    admin.send("DELETE", &gone, &[], Some(reason)).await.expect(200);
    assert_eq!(ada.get(&format!("{at}/findings")).await.expect(200).json()["total"], 0);
    assert!(admin.get("/api/v1/audit/verify").await.expect(200).json()["intact"].as_bool().unwrap());
}

/// How reviews end otherwise: cancelled, killed, with a worker that dies; and of numbers.
async fn endings(ctx: &Ctx, ada: &mut Client, version: &str, me: WorkerId) {
    let at = start(ada, version, json!({ "target": "bought" })).await;
    let claimed = work::claim(ctx, me).await.unwrap().unwrap();
    ada.post(&format!("{at}/cancel"), json!({})).await.expect(200);
    assert!(work::heartbeat(ctx, &claimed.lease).await.unwrap(), "it is told to stop");
    work::end(ctx, &claimed.lease, JobState::Cancelled, None).await.unwrap();
    assert_eq!(ada.get(&at).await.json()["state"], "cancelled");
    ada.post(&format!("{at}/cancel"), json!({})).await.expect(409);

    let at = start(ada, version, json!({ "target": "bought" })).await;
    let claimed = work::claim(ctx, me).await.unwrap().unwrap();
    let problem = Problem::internal("The job's process was killed (signal 9).");
    work::end(ctx, &claimed.lease, JobState::Failed, Some(&problem)).await.unwrap();
    let view = ada.get(&at).await.json();
    assert_eq!((&view["state"], &view["problem"]["message"]), (&json!("failed"), &json!(problem.message)));

    let at = start(ada, version, json!({ "target": "price", "family": "linear" })).await;
    for attempt in 1..=3 {
        let claimed = work::claim(ctx, me).await.unwrap().unwrap();
        assert_eq!(claimed.lease.attempt, attempt);
        if attempt == 3 {
            finish(ctx, &claimed).await;
        } else {
            assert_eq!(work::reap(ctx, Some(me)).await.unwrap(), 1);
            assert_eq!(ada.get(&at).await.json()["state"], "queued");
        }
    }
    let view = ada.get(&at).await.json();
    assert_eq!((&view["summary"]["task"], &view["summary"]["classes"]), (&json!("regression"), &json!([])), "{view}");
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_reviewed_and_corrected_on_sqlite() {
    life(Server::start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_reviewed_and_corrected_on_postgres() {
    on_postgres("labels_are_reviewed_and_corrected_on_postgres", life).await;
}
