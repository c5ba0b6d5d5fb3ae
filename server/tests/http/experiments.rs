//! The table of runs, views and comparisons over HTTP. The job process is played by the test.

use crate::{
    simulated::{outcome, report},
    support::{Client, PASSWORD, Server, on_postgres},
};
use serde_json::{Value, json};
use std::fmt::Write;
use trainyard_service::jobs::{self, NewWorker};

const RUNS: &str = "/api/v1/projects/default/runs";

async fn dataset(client: &mut Client) -> String {
    let mut csv = String::from("age,income,city,bought\n");
    for n in 0..200 {
        let bought = if (n * 7) % 10 < 4 { "yes" } else { "no" };
        writeln!(csv, "{},{}.5,Oslo,{bought}", 20 + (n * 13) % 50, 1000 + (n * 37) % 900).unwrap();
    }
    let project = "/api/v1/projects/default";
    let path = format!("{project}/uploads?name=people.csv");
    let sent = client.send_bytes("POST", &path, &[], "application/octet-stream", csv.as_bytes()).await;
    let id = sent.expect(201).json()["id"].as_str().unwrap().to_owned();
    let made = client.post(&format!("{project}/uploads/{id}/commit"), json!({ "name": "People" })).await.expect(201);
    made.json()["summary"]["id"].as_str().unwrap().to_owned()
}

/// Asks for a run, and plays its job with this ROC AUC.
async fn trained(server: &Server, client: &mut Client, version: &str, name: &str, seed: u64, auc: f64) -> String {
    let settings = json!({ "target": "bought", "family": "trees", "seed": seed });
    let new = json!({ "name": name, "dataset_version": version, "settings": settings });
    let id = client.post(RUNS, new).await.expect(201).json()["summary"]["id"].as_str().unwrap().to_owned();
    let new = NewWorker { id: None, host: "here".into(), device: "CPU".into(), slots: 1 };
    let worker = jobs::register_worker(&server.running.ctx, &new).await.unwrap();
    let claimed = jobs::claim(&server.running.ctx, worker).await.unwrap().unwrap();
    for step in 1..=3 {
        jobs::record(&server.running.ctx, &claimed.lease, &report(step)).await.unwrap();
    }
    let (mut result, file) = outcome(&claimed);
    result.test[0].value = auc;
    jobs::finish(&server.running.ctx, &claimed.lease, &result, &file).await.unwrap();
    id
}

/// A text as it stands in a query.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => out.push(char::from(byte)),
            byte => write!(out, "%{byte:02X}").unwrap(),
        }
        out
    })
}

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|row| row["run"]["name"].as_str().unwrap()).collect()
}

async fn story(server: Server) {
    let mut admin = server.admin().await;
    let version = dataset(&mut admin).await;
    let first = trained(&server, &mut admin, &version, "First", 1, 0.8).await;
    let second = trained(&server, &mut admin, &version, "Second", 2, 0.9).await;

    // Columns, filter and order, as a page and as a file.
    let query = format!(
        "{RUNS}/table?columns={}&filter={}&sort={}",
        encoded("name,metrics.roc_auc,params.seed"),
        encoded("metrics.roc_auc > 0.5 and params.family like 'tr%'"),
        encoded("-metrics.roc_auc")
    );
    let table = admin.get(&query).await.expect(200).json();
    assert_eq!(names(&table["page"]), ["Second", "First"]);
    assert_eq!(table["columns"][1]["field"], "metrics.roc_auc");
    assert_eq!(table["page"]["items"][0]["values"][1]["number"], 0.9);
    let csv = admin.get(&format!("{query}&format=csv")).await.expect(200);
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"runs.csv\""));
    assert_eq!(csv.text(), "name,metrics.roc_auc,params.seed\r\nSecond,0.9,2\r\nFirst,0.8,1\r\n");
    for (name, hostile) in [
        ("filter", "name = ''; drop table runs"),
        ("filter", "metrics.roc_auc > 'x' or 1 = 1"),
        ("columns", "name;id"),
        ("sort", "name desc"),
        ("state", "' or '1'='1"),
    ] {
        let refused = admin.get(&format!("{RUNS}/table?{name}={}", encoded(hostile))).await.expect(422).json();
        assert_eq!(refused["error"]["fields"][0]["field"], name, "{refused}");
    }
    let none = admin.get(&format!("{RUNS}/table?filter={}", encoded("name = '''; drop table runs; --'"))).await;
    assert_eq!(none.expect(200).json()["page"]["total"], 0);
    admin.get(&format!("{RUNS}/table?format=xml")).await.expect(422);
    let known = admin.get(&format!("{RUNS}/columns?q=loss")).await.expect(200).json();
    assert_eq!(known["columns"][0]["field"], "metrics.train.loss", "{known}");

    // Pins and the baseline.
    let no_content = admin.put(&format!("{RUNS}/{first}/mark"), json!({ "pinned": true, "baseline": true })).await;
    assert_eq!(no_content.status, 204);
    let table = admin.get(&format!("{RUNS}/table?pins=true")).await.expect(200).json();
    assert_eq!(
        (table["pinned"][0]["run"]["id"].as_str(), names(&table["page"])),
        (Some(first.as_str()), vec!["Second"])
    );
    assert_eq!(table["baseline"]["run"]["name"], "First");

    // Bulk actions and views.
    let tag = json!({ "runs": [first, second], "action": { "kind": "tag", "key": "stage", "value": "final" } });
    assert_eq!(admin.post(&format!("{RUNS}/bulk"), tag.clone()).await.expect(200).json()["done"], 2);
    let odd = json!({ "runs": [first], "action": { "kind": "explode" } });
    admin.post(&format!("{RUNS}/bulk"), odd).await.expect(422);
    let view = json!({ "name": "Finals", "shared": true, "settings": { "filter": "tags.stage = 'final'" } });
    let saved = admin.post(&format!("{RUNS}/views"), view.clone()).await.expect(201).json();
    admin.post(&format!("{RUNS}/views"), view.clone()).await.expect(422);
    let path = format!("{RUNS}/views/{}", saved["id"].as_str().unwrap());
    assert_eq!(admin.put(&path, view).await.expect(200).json()["name"], "Finals");
    let person =
        json!({ "name": "vera", "display_name": "Vera", "role": "viewer", "workspace": "main", "password": PASSWORD });
    admin.post("/api/v1/users", person).await.expect(201);
    let mut viewer = server.client();
    viewer.sign_in("vera", PASSWORD).await;
    assert_eq!(viewer.get(&format!("{RUNS}/views")).await.expect(200).json()[0]["name"], "Finals");
    viewer.delete(&path).await.expect(403);
    viewer.post(&format!("{RUNS}/bulk"), tag).await.expect(403);
    assert_eq!(admin.delete(&path).await.status, 204);
    admin.delete(&path).await.expect(404);

    // Side by side.
    let pair = format!("{RUNS}/compare?runs={second},{first}");
    let compared = viewer.get(&pair).await.expect(200).json();
    let seed = compared["params"].as_array().unwrap().iter().find(|param| param["key"] == "seed").unwrap().clone();
    assert_eq!((seed["differs"].as_bool(), &seed["values"]), (Some(true), &json!(["2", "1"])));
    assert_eq!(compared["params"][0]["differs"], true, "what differs comes first");
    assert_eq!((&compared["metrics"][0]["key"], &compared["metrics"][0]["best"]), (&json!("roc_auc"), &json!([0])));
    assert_eq!(compared["curves"], json!(["train.loss"]));
    assert_eq!(admin.get(&pair).await.expect(200).json()["base"], 1, "the caller's baseline");
    let curves = viewer.get(&format!("{RUNS}/compare/curves?runs={second},{first}&key=train.loss")).await;
    let curves = curves.expect(200).json();
    assert_eq!((curves[0]["name"].as_str(), &curves[1]["steps"]), (Some("Second"), &json!([1, 2, 3])));
    viewer.get(&format!("{RUNS}/compare?runs={first}")).await.expect(422);
    viewer.get(&format!("{RUNS}/compare?runs={first},nothing")).await.expect(422);
    server.client().get(&pair).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_chosen_marked_and_compared_on_sqlite() {
    story(Server::start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_chosen_marked_and_compared_on_postgres() {
    on_postgres("runs_are_chosen_marked_and_compared_on_postgres", story).await;
}
