//! From a file over a run to a served model, as programs do it. The job process is played by the test.

use crate::{
    simulated::{outcome, report},
    support::{Client, PASSWORD, Server, on_postgres},
};
use serde_json::{Value, json};
use std::fmt::Write;
use trainyard_service::jobs::{self, Claimed, NewWorker};

const PROJECT: &str = "/api/v1/projects/default";

fn people() -> String {
    let mut csv = String::from("age,income,city,bought\n");
    for n in 0..400 {
        let city = ["Oslo", "Turin", "Lima"][n % 3];
        let bought = if (n * 7) % 10 < 4 { "yes" } else { "no" };
        writeln!(csv, "{},{}.5,{city},{bought}", 20 + (n * 13) % 50, 1000 + (n * 37) % 900).unwrap();
    }
    csv
}

/// Uploads the people and gives the version's id.
async fn dataset(client: &mut Client) -> String {
    let path = format!("{PROJECT}/uploads?name=people.csv");
    let sent = client.send_bytes("POST", &path, &[], "application/octet-stream", people().as_bytes()).await;
    let id = sent.expect(201).json()["id"].as_str().unwrap().to_owned();
    let made = client.post(&format!("{PROJECT}/uploads/{id}/commit"), json!({ "name": "People" })).await.expect(201);
    made.json()["summary"]["id"].as_str().unwrap().to_owned()
}

async fn run(client: &mut Client, version: &str) -> String {
    let new = json!({ "dataset_version": version, "settings": { "target": "bought", "family": "trees" } });
    let run = client.post(&format!("{PROJECT}/runs"), new).await.expect(201).json();
    run["summary"]["id"].as_str().unwrap().to_owned()
}

async fn claim(server: &Server) -> Claimed {
    let new = NewWorker { id: None, host: "here".into(), device: "CPU".into(), slots: 1 };
    let worker = jobs::register_worker(&server.running.ctx, &new).await.unwrap();
    jobs::claim(&server.running.ctx, worker).await.unwrap().unwrap()
}

async fn finish(server: &Server, claimed: &Claimed) {
    let (result, file) = outcome(claimed);
    jobs::finish(&server.running.ctx, &claimed.lease, &result, &file).await.unwrap();
}

/// The `data` of a stream's events, with their names.
fn events(text: &str) -> Vec<(String, Value)> {
    text.split("\n\n")
        .filter_map(|block| {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            Some((field("event: ")?.to_owned(), serde_json::from_str(field("data: ")?).ok()?))
        })
        .collect()
}

/// The same with other seeds: what they score apart is chance.
async fn other_seeds(server: &Server, admin: &mut Client, at: &str) {
    for more in [0, 21] {
        admin.post(&format!("{at}/seeds"), json!({ "more": more })).await.expect(422);
    }
    let alone = admin.get(&format!("{at}/seeds")).await.expect(200).json();
    assert_eq!((alone["runs"].as_array().unwrap().len(), &alone["mean"]), (1, &Value::Null));
    assert_eq!(alone["test_looks"], 1);
    let made = admin.post(&format!("{at}/seeds"), json!({ "more": 2 })).await.expect(201).json();
    assert_eq!(made.as_array().unwrap().len(), 2);
    for _ in 0..2 {
        let claimed = claim(server).await;
        assert!(claimed.spec.train.settings.seed > 0);
        finish(server, &claimed).await;
    }
    let seeds = admin.get(&format!("{at}/seeds")).await.expect(200).json();
    let all: Vec<_> = seeds["runs"].as_array().unwrap().iter().map(|run| run["seed"].as_u64().unwrap()).collect();
    assert_eq!(all, [0, 1, 2]);
    assert_eq!(seeds["test_looks"], 3);
    let off = seeds["mean"].as_f64().unwrap() - alone["runs"][0]["score"].as_f64().unwrap();
    assert!(off.abs() < 1e-12 && seeds["std"].as_f64().unwrap() < 1e-9, "the same model each time: {seeds}");
    let rules = admin.get(&format!("{at}/rules")).await.expect(200).json();
    let of = |name: &str| rules.as_array().unwrap().iter().find(|rule| rule["rule"] == name).unwrap().clone();
    assert_eq!(of("loss_not_decreasing")["standing"], "unknown", "two steps say nothing: {rules}");
    assert_ne!(of("simple_model_comparison")["standing"], "unknown", "{rules}");
    let other = format!("{PROJECT}/runs/00000000-0000-7000-8000-000000000000/seeds");
    admin.get(&other).await.expect(404);
}

async fn story(server: Server) {
    let mut admin = server.admin().await;
    let version = dataset(&mut admin).await;
    let plan = json!({ "dataset_version": version, "settings": { "target": "bought" } });
    let plan = admin.post(&format!("{PROJECT}/runs/plan"), plan).await.expect(200).json();
    assert_eq!((plan["task"].as_str(), plan["train_rows"].as_i64()), (Some("binary"), Some(240)), "{plan}");
    // A direction is kept by trees and forests, for numbers.
    for (family, column) in [("linear", "age"), ("forest", "city"), ("trees", "shoe_size")] {
        let settings = json!({ "target": "bought", "family": family, "monotone": { column: "increasing" } });
        let new = json!({ "dataset_version": version, "settings": settings });
        let refused = admin.post(&format!("{PROJECT}/runs"), new).await.expect(422).json();
        assert_eq!(refused["error"]["fields"][0]["field"], "monotone", "{refused}");
    }
    let id = run(&mut admin, &version).await;
    let at = format!("{PROJECT}/runs/{id}");
    let list = admin.get(&format!("{PROJECT}/runs?state=queued&sort=name&q=people")).await.expect(200).json();
    assert_eq!(list["items"][0]["job"]["queue_position"], 1);
    admin.get(&format!("{PROJECT}/runs?state=asleep")).await.expect(422);

    // A page watches while a job process works; the stream ends by itself.
    let watching = {
        let (mut client, path) = (admin.clone(), format!("{at}/events"));
        tokio::spawn(async move { client.get(&path).await })
    };
    let claimed = claim(&server).await;
    jobs::record(&server.running.ctx, &claimed.lease, &report(1)).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    jobs::record(&server.running.ctx, &claimed.lease, &report(2)).await.unwrap();
    finish(&server, &claimed).await;
    let stream = watching.await.unwrap().expect(200);
    assert_eq!(stream.header("content-type"), Some("text/event-stream"));
    let seen = events(&stream.text());
    assert!(seen.len() >= 2 && seen.iter().all(|(name, _)| name == "update"), "{}", stream.text());
    let points: usize = seen.iter().map(|(_, update)| update["points"].as_array().unwrap().len()).sum();
    assert_eq!(points, 2, "each point once");
    assert_eq!(seen.iter().filter(|(_, update)| update["ended"] == true).count(), 1);
    assert_eq!(seen.last().unwrap().1["job"]["state"], "succeeded");
    let rest = admin.send("GET", &format!("{at}/events"), &[("Last-Event-ID", "1.1")], None).await.expect(200);
    assert_eq!(events(&rest.text())[0].1["points"].as_array().unwrap().len(), 1, "{}", rest.text());
    admin.get(&format!("{PROJECT}/runs/00000000-0000-7000-8000-000000000000/events")).await.expect(404);

    let whole = admin.get(&at).await.expect(200).json();
    assert_eq!((whole["result"]["rows"]["train"].as_i64(), whole["device"].as_str()), (Some(240), Some("CPU")));
    let curves = admin.get(&format!("{at}/metrics")).await.expect(200).json();
    assert_eq!(curves[0]["steps"], json!([1, 2]));
    let log = admin.get(&format!("{at}/log?after=0&q=round%202")).await.expect(200).json();
    assert_eq!(log[0]["seq"], 2);
    // Figures at any threshold, and by group.
    let chosen = admin.get(&format!("{at}/threshold")).await.expect(200).json();
    assert_eq!((chosen["point"]["threshold"].as_f64(), chosen["recall"].as_f64()), (Some(0.4), Some(0.75)), "{chosen}");
    let other = admin.get(&format!("{at}/threshold?at=0.9")).await.expect(200).json();
    assert_eq!((other["point"]["threshold"].as_f64(), other["recall"].as_f64()), (Some(1.0), Some(0.0)), "{other}");
    admin.get(&format!("{at}/threshold?at=1.5")).await.expect(422);
    let slices = admin.get(&format!("{at}/slices")).await.expect(200).json();
    assert_eq!(slices["columns"][0]["groups"][0]["group"], "Oslo");
    let csv = admin.get(&format!("{PROJECT}/runs?format=csv")).await.expect(200);
    assert_eq!(csv.text().lines().count(), 2);

    let new = json!({ "run": id, "name": "buyers" });
    let model = admin.post(&format!("{PROJECT}/models"), new.clone()).await.expect(201).json();
    assert_eq!((model["number"].as_i64(), &model["aliases"]), (Some(1), &json!(["champion"])));
    assert_eq!(admin.post(&format!("{PROJECT}/models"), new).await.expect(409).code(), "conflict");
    predictions(&server, &mut admin).await;
    let home = admin.get(&format!("{PROJECT}/home")).await.expect(200).json();
    assert_eq!((home["first_visit"].as_bool(), home["counts"]["models"].as_i64()), (Some(false), Some(1)));
    assert_eq!(admin.get("/api/v1/workers").await.expect(200).json().as_array().unwrap().len(), 1);
    other_seeds(&server, &mut admin, &at).await;
    let report = admin.get("/api/v1/audit/verify").await.expect(200).json();
    assert_eq!(report["intact"], true, "{report}");
}

/// With an API token, on both kinds of address.
async fn predictions(server: &Server, admin: &mut Client) {
    let token = admin.post("/api/v1/tokens", json!({ "name": "app" })).await.expect(201).json();
    let mut app = Client { token: token["token"].as_str().map(str::to_owned), ..server.client() };
    let row = json!({ "rows": [{ "age": 30, "income": 1200.5, "city": "Oslo" }] });
    let answer = app.post("/api/v1/models/buyers/predict", row.clone()).await.expect(200).json();
    assert_eq!((answer["predictions"][0]["label"].as_str(), answer["version"].as_i64()), (Some("yes"), Some(1)));
    assert!(answer["predictions"][0]["set"].is_null() && answer["level"].is_null(), "only where it is asked for");
    let mut sure = row.clone();
    sure["intervals"] = json!(true);
    let answer = app.post("/api/v1/models/buyers/predict", sure).await.expect(200).json();
    assert_eq!((&answer["predictions"][0]["set"], answer["level"].as_f64()), (&json!(["yes"]), Some(0.9)), "{answer}");
    app.post("/api/v1/models/buyers/versions/1/predict", row.clone()).await.expect(200);
    app.post("/api/v1/models/buyers/versions/2/predict", row.clone()).await.expect(404);
    let short = app.post("/api/v1/models/buyers/predict", json!({ "rows": [{ "age": 30 }] })).await.expect(422).json();
    assert_eq!(short["error"]["fields"].as_array().unwrap().len(), 2, "{short}");
    app.put("/api/v1/models/buyers/aliases/champion", json!({ "version": 9 })).await.expect(404);
    let file = app.get("/api/v1/models/buyers/versions/1/export?format=onnx").await.expect(200);
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"buyers-1.onnx\""));
    let described = app.get("/api/v1/models/buyers/versions/1/export?format=json").await.expect(200).json();
    assert_eq!(described["signature"]["target"], "bought");
    app.get("/api/v1/models/buyers/versions/9/export?format=safetensors").await.expect(404);
    app.get("/api/v1/models/buyers/versions/1/export?format=pickle").await.expect(422);

    let metadata = app.get("/v2/models/buyers").await.expect(200).json();
    assert_eq!(metadata["inputs"][0], json!({ "name": "age", "datatype": "INT64", "shape": [-1, 1] }));
    assert_eq!(app.get("/v2/models/buyers/ready").await.expect(200).json()["ready"], true);
    let request = json!({ "id": "7", "inputs": [
        { "name": "age", "shape": [2], "datatype": "INT64", "data": [30, 40] },
        { "name": "income", "shape": [2], "datatype": "FP64", "data": [1200.5, 1300.0] },
        { "name": "city", "shape": [2], "datatype": "BYTES", "data": ["Oslo", "Lima"] },
    ]});
    for path in ["/v2/models/buyers/infer", "/v2/models/buyers/versions/1/infer"] {
        let answer = app.post(path, request.clone()).await.expect(200).json();
        assert_eq!((answer["id"].as_str(), answer["model_version"].as_str()), (Some("7"), Some("1")));
        assert_eq!(answer["outputs"][0]["data"], json!(["yes", "yes"]));
    }
    let mut sure = request.clone();
    sure["parameters"] = json!({ "intervals": true });
    let answer = app.post("/v2/models/buyers/infer", sure).await.expect(200).json();
    assert_eq!((answer["outputs"][2]["name"].as_str(), &answer["outputs"][2]["shape"]), (Some("set"), &json!([2, 2])));
    // The protocol's errors are one text.
    for (path, body, status) in [
        ("/v2/models/buyers/infer", json!({ "inputs": [] }), 400),
        ("/v2/models/buyers/infer", json!({ "tensors": [] }), 400),
        ("/v2/models/nothing/infer", request.clone(), 404),
        ("/v2/models/buyers/versions/9/infer", request.clone(), 404),
    ] {
        let refused = app.post(path, body).await.expect(status).json();
        assert!(refused["error"].as_str().is_some_and(|text| !text.is_empty()), "{refused}");
    }
    let nobody = server.client().post("/v2/models/buyers/infer", request).await.expect(401);
    assert!(nobody.json()["error"].is_string());
    server.client().get("/v2/health/ready").await.expect(200);
    assert_eq!(server.client().get("/v2").await.expect(200).json()["name"], "trainyard");

    use trainyard_store::ConnectionTrait;
    let db = server.running.ctx.store().clone();
    db.db().execute_unprepared("DELETE FROM model_aliases").await.unwrap();
    let headless = app.post("/api/v1/models/buyers/predict", row).await.expect(404).json();
    assert!(headless["error"]["message"].as_str().unwrap().contains("no champion"), "{headless}");
    assert_eq!(app.get("/v2/models/buyers/ready").await.status, 404);
    app.put("/api/v1/models/buyers/aliases/champion", json!({ "version": 1 })).await.expect(200);
    app.get("/v2/models/buyers/ready").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_file_to_a_prediction_on_sqlite() {
    story(Server::start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_file_to_a_prediction_on_postgres() {
    on_postgres("from_a_file_to_a_prediction_on_postgres", story).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_cancelled_and_retried_and_roles_hold() {
    let server = Server::start().await;
    let mut admin = server.admin().await;
    let version = dataset(&mut admin).await;
    let id = run(&mut admin, &version).await;
    let at = format!("{PROJECT}/runs/{id}");
    let going = admin.get(&format!("{PROJECT}/activity")).await.expect(200).json();
    assert_eq!((going["queued"].as_i64(), going["jobs"][0]["run"].as_str()), (Some(1), Some(id.as_str())));
    assert_eq!(admin.post(&format!("{at}/retry"), json!({})).await.expect(409).code(), "conflict");
    let cancelled = admin.post(&format!("{at}/cancel"), json!({})).await.expect(200).json();
    assert_eq!(cancelled["summary"]["job"]["state"], "cancelled");
    admin.post(&format!("{at}/cancel"), json!({})).await.expect(409);
    let again = admin.post(&format!("{at}/retry"), json!({})).await.expect(201).json();
    assert_ne!(again["summary"]["id"].as_str(), Some(id.as_str()));

    let new = json!({ "name": "vera", "display_name": "Vera", "role": "viewer", "password": PASSWORD });
    let user = admin.post("/api/v1/users", new).await.expect(201).json();
    assert!(user["generated_password"].is_null());
    let mut viewer = server.client();
    viewer.sign_in("vera", PASSWORD).await;
    let changed = json!({ "current": PASSWORD, "new": "quite another one" });
    viewer.post("/api/v1/change-password", changed).await;
    viewer.get(&at).await.expect(200);
    let new = json!({ "dataset_version": version, "settings": { "target": "bought" } });
    assert_eq!(viewer.post(&format!("{PROJECT}/runs"), new).await.expect(403).code(), "forbidden");
    viewer.post(&format!("{at}/cancel"), json!({})).await.expect(403);
    viewer.get(&format!("{PROJECT}/dataset-versions/{version}/rows")).await.expect(403);
    viewer.post("/api/v1/demo", json!({})).await.expect(403);
    assert_eq!(server.client().get(&at).await.expect(401).code(), "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_is_one_request() {
    let server = Server::start().await;
    let mut admin = server.admin().await;
    let project = admin.post("/api/v1/demo", json!({})).await.expect(201).json();
    assert_eq!(project["slug"], "demo");
    admin.post("/api/v1/demo", json!({})).await.expect(201);
    let data = admin.get("/api/v1/projects/demo/datasets").await.expect(200).json();
    assert_eq!((data["total"].as_i64(), data["items"][0]["latest"]["rows"].as_i64()), (Some(1), Some(20_000)));
    let runs = admin.get("/api/v1/projects/demo/runs").await.expect(200).json();
    assert_eq!((runs["total"].as_i64(), runs["items"][0]["target"].as_str()), (Some(1), Some("defaulted")));
    let claimed = claim(&server).await;
    finish(&server, &claimed).await;
    let model = admin.get("/api/v1/models/loan-default").await.expect(200).json();
    assert_eq!(model["champion"], 1);
}
