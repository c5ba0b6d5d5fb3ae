use crate::support::{PASSWORD, Server};
use serde_json::{Value, json};
use std::collections::HashSet;
use trainyard_store::ConnectionTrait;

#[tokio::test(flavor = "multi_thread")]
async fn every_mutation_stands_in_the_chain_and_tampering_shows() {
    let server = Server::start().await;
    let mut admin = server.admin().await;
    let new = json!({ "name": "ada", "display_name": "Ada", "role": "member", "password": PASSWORD });
    let ada = admin.post("/api/v1/users", new).await.expect(201).json()["user"].clone();
    let id = ada["id"].as_str().unwrap();
    admin.post("/api/v1/projects", json!({ "name": "Churn" })).await.expect(201);
    let token = admin.post("/api/v1/tokens", json!({ "name": "t" })).await.json()["info"]["id"].clone();
    admin.delete(&format!("/api/v1/tokens/{}", token.as_str().unwrap())).await.expect(204);
    let workspace = ada["roles"][0]["workspace"]["id"].clone();
    admin.put("/api/v1/users/role", json!({ "user": id, "workspace": workspace, "role": "viewer" })).await.expect(200);
    admin.put(&format!("/api/v1/users/{id}/disabled"), json!({ "value": true })).await.expect(200);
    // What is refused leaves no event.
    admin.post("/api/v1/projects", json!({ "name": "Churn" })).await.expect(409);

    let events = admin.get("/api/v1/audit?sort=seq").await.expect(200).json();
    let actions: Vec<&str> =
        events["items"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    let expected = [
        "instance.create",
        "session.start",
        "user.create",
        "project.create",
        "token.create",
        "token.revoke",
        "user.role.set",
        "user.disable",
    ];
    assert_eq!(actions, expected);
    let role = &events["items"][6];
    assert_eq!(
        (role["actor"].as_str(), role["via"].as_str(), role["from"].as_str()),
        (Some("admin"), Some("browser"), Some("127.0.0.1"))
    );
    assert_eq!(role["before"].as_str().unwrap().len(), 64);
    assert_ne!(role["before"], role["after"]);

    let report = admin.get("/api/v1/audit/verify").await.expect(200).json();
    assert_eq!((report["intact"].as_bool(), report["events"].as_i64()), (Some(true), Some(8)));
    let tamper = "UPDATE audit_events SET actor = 'ada' WHERE seq = 4";
    server.running.ctx.store().db().execute_unprepared(tamper).await.unwrap();
    let report = admin.get("/api/v1/audit/verify").await.expect(200).json();
    assert_eq!((report["intact"].as_bool(), report["fault"]["seq"].as_i64()), (Some(false), Some(4)));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_paged_and_downloaded_without_formulas() {
    let server = Server::start().await;
    let mut admin = server.admin().await;
    for (name, slug) in [("Alpha", "alpha"), ("Beta", "beta"), ("=1+1", "sum")] {
        let body = json!({ "name": name, "slug": slug });
        admin.post("/api/v1/projects", body).await.expect(201);
    }
    let page = admin.get("/api/v1/projects?per_page=2&page=2&sort=-name").await.expect(200).json();
    assert_eq!((page["total"].as_i64(), page["items"].as_array().unwrap().len()), (Some(4), 2));
    let csv = admin.get("/api/v1/projects?format=csv&per_page=1").await.expect(200);
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(csv.header("content-disposition").unwrap().contains("projects.csv"));
    let text = csv.text();
    assert_eq!(text.lines().count(), 5, "the whole list: {text}");
    assert!(text.contains("'=1+1") && !text.contains(",=1+1"), "{text}");
    admin.get("/api/v1/audit?format=csv").await.expect(200);
    admin.get("/api/v1/users?format=csv").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_have_addresses_of_their_own() {
    let server = Server::start().await;
    let mut admin = server.admin().await;
    let made =
        admin.post("/api/v1/projects", json!({ "name": "Credit Risk / 2026".replace('/', "-") })).await.expect(201);
    assert_eq!(made.json()["slug"], "credit-risk-2026");
    assert_eq!(made.json()["role"], "admin");
    admin.get("/api/v1/projects/credit-risk-2026").await.expect(200);
    let taken = admin.post("/api/v1/projects", json!({ "name": "x", "slug": "default" })).await.expect(409);
    assert_eq!(taken.json()["error"]["fields"][0]["field"], "slug");
    admin.post("/api/v1/projects", json!({ "name": "日本" })).await.expect(422);
    admin.post("/api/v1/projects", json!({ "name": "x", "slug": "demo" })).await.expect(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_whole() {
    let server = Server::start().await;
    let reply = server.client().get("/api/v1/openapi.json").await.expect(200);
    let api = reply.json();
    let paths = api["paths"].as_object().unwrap();
    for path in ["/api/v1/me", "/api/v1/users", "/api/v1/projects/{project}/runs", "/v2/models/{model}/infer"] {
        assert!(paths.contains_key(path), "{path}");
    }
    let mut operations = HashSet::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            if let Some(id) = operation["operationId"].as_str() {
                assert!(operations.insert(id.to_owned()), "{method} {path}: {id} twice");
                assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            }
        }
    }
    assert!(operations.len() > 40, "{}", operations.len());
    let schemas = api["components"]["schemas"].as_object().unwrap();
    let mut references = HashSet::new();
    collect(&api, &mut references);
    for reference in references {
        let name = reference.trim_start_matches("#/components/schemas/").to_owned();
        assert!(schemas.contains_key(&name), "{reference} leads nowhere");
    }
}

fn collect(value: &Value, references: &mut HashSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                references.insert(reference.to_owned());
            }
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}
