//! Sources outside over HTTP: files of the server, SQLite, connections and their secrets, fetching again.

use crate::support::{Client, PASSWORD, Server, on_postgres};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};
use trainyard_service::{Actor, sources::secrets};
use trainyard_store::{ConnectionTrait, Store};

const PROJECT: &str = "/api/v1/projects/default";

/// Waits for a fetch to end.
async fn ended(client: &mut Client, fetch: &Value) -> Value {
    let path = format!("{PROJECT}/fetches/{}", fetch["id"].as_str().unwrap());
    for _ in 0..300 {
        let view = client.get(&path).await.expect(200).json();
        if view["state"] != "running" {
            return view;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the fetch does not end");
}

async fn fetch(client: &mut Client, source: Value) -> Value {
    let begun = client.post(&format!("{PROJECT}/fetches"), json!({ "source": source })).await.expect(202).json();
    ended(client, &begun).await
}

async fn database(path: &Path, statements: &str) {
    let store = Store::connect(&format!("sqlite:{}?mode=rwc", path.display())).await.unwrap();
    store.db().execute_unprepared(statements).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_server_are_fetched_kept_and_fetched_again() {
    let inbox = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.csv"), "a\n1\n").unwrap();
    let root = inbox.path().to_path_buf();
    let server = Server::start_with(|config| {
        config.admin_password = Some(PASSWORD.to_owned());
        config.source_roots = vec![root];
    })
    .await;
    let mut admin = server.admin().await;
    assert_eq!(admin.get(&format!("{PROJECT}/sources")).await.json(), json!({ "paths": true, "hosts": [] }));
    let file = inbox.path().join("prices.csv");
    std::fs::write(&file, "n,t\n1.5,x\n").unwrap();
    let source = json!({ "kind": "path", "path": file });
    let ready = fetch(&mut admin, source).await;
    assert_eq!(ready["state"], "ready", "{ready}");
    let upload = ready["upload"].as_str().unwrap();
    let commit = json!({ "name": "Prices" });
    let version = admin.post(&format!("{PROJECT}/uploads/{upload}/commit"), commit).await.expect(201).json();
    let dataset = version["dataset"].as_str().unwrap().to_owned();
    let done = ended(&mut admin, &ready).await;
    assert_eq!((&done["state"], &done["version"]), (&json!("done"), &version["summary"]["id"]));
    let known = admin.get(&format!("{PROJECT}/datasets/{dataset}/source")).await.expect(200).json();
    assert_eq!(known["source"], format!("file {}", file.display()));

    let refresh = format!("{PROJECT}/datasets/{dataset}/refresh");
    let same = admin.post(&refresh, json!({ "mode": "replace" })).await.expect(202).json();
    let same = ended(&mut admin, &same).await;
    assert!(same["state"] == "failed" && same["message"].as_str().unwrap().contains("exactly this content"), "{same}");
    // Whole numbers stay the numbers that a person confirmed.
    std::fs::write(&file, "n,t\n2,y\n").unwrap();
    let begun = admin.post(&refresh, json!({ "mode": "append" })).await.expect(202).json();
    let done = ended(&mut admin, &begun).await;
    assert_eq!(done["state"], "done", "{done}");
    let path = format!("{PROJECT}/dataset-versions/{}/rows", done["version"].as_str().unwrap());
    let rows = admin.get(&path).await.expect(200).json();
    assert_eq!(rows["rows"], json!([["1.5", "x"], ["2", "y"]]));
    std::fs::write(&file, "n,t\nmany,y\n").unwrap();
    let begun = admin.post(&refresh, json!({ "mode": "replace" })).await.expect(202).json();
    assert_eq!(ended(&mut admin, &begun).await["state"], "failed", "no number is no number");

    // What is not named in the configuration is not reached, and nothing is left of failures.
    for source in [
        json!({ "kind": "path", "path": outside.path().join("secret.csv") }),
        json!({ "kind": "path", "path": inbox.path().join("../x") }),
        json!({ "kind": "path", "path": inbox.path().join("none.csv") }),
        json!({ "kind": "url", "url": "http://169.254.169.254/latest/meta-data" }),
    ] {
        let failed = fetch(&mut admin, source).await;
        assert_eq!(failed["state"], "failed", "{failed}");
        assert!(!failed["message"].as_str().unwrap().is_empty());
    }
    let left = std::fs::read_dir(server.folder.path().join("data/uploads")).unwrap().count();
    assert_eq!(left, 0, "no file is left");
    let uploaded = admin.post(&format!("{PROJECT}/fetches"), json!({ "source": { "kind": "none" } })).await;
    assert_eq!(uploaded.status, 422);
}

async fn connections(server: Server) {
    let mut admin = server.admin().await;
    let ctx = server.running.ctx.clone();
    let path = format!("{PROJECT}/connections");
    let settings = json!({ "kind": "postgres", "host": "db.example.org", "database": "sales", "user": "reader" });
    let new = json!({ "name": "Sales", "settings": settings, "secret": "hunter2" });
    let made = admin.post(&path, new.clone()).await.expect(201);
    assert!(!made.text().contains("hunter2"));
    let made = made.json();
    assert_eq!((&made["has_secret"], &made["settings"]["port"]), (&json!(true), &json!(5432)));
    let taken = admin.post(&path, new).await.expect(422).json();
    assert_eq!(taken["error"]["fields"][0]["field"], "name", "{taken}");
    let empty = json!({ "name": "X", "settings": { "kind": "s3", "bucket": " " } });
    let refused = admin.post(&path, empty).await.expect(422).json();
    assert_eq!(refused["error"]["fields"][0]["field"], "bucket", "{refused}");
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    let sealed = async || {
        let secrets = trainyard_store::sources::connections::sealed(ctx.store().db()).await.unwrap();
        secrets.into_iter().next().map(|(_, sealed)| sealed)
    };
    let first = sealed().await.unwrap();
    assert!(first.starts_with("v1:") && !first.contains("hunter2"));

    // Another name keeps the secret; another place wants it again.
    admin.put(&one, json!({ "name": "Sales 2", "settings": settings })).await.expect(200);
    assert_eq!(sealed().await.unwrap(), first);
    let elsewhere = json!({ "kind": "postgres", "host": "evil.example.org", "database": "sales", "user": "reader" });
    let refused = admin.put(&one, json!({ "name": "Sales", "settings": elsewhere })).await.expect(422).json();
    assert_eq!(refused["error"]["fields"][0]["field"], "secret", "{refused}");
    assert!(refused["error"]["fields"][0]["message"].as_str().unwrap().contains("again"), "{refused}");
    assert_eq!(sealed().await.unwrap(), first);

    // A rotation encrypts anew; the key before goes with the next but one.
    assert_eq!(secrets::rotate(&ctx, &Actor::cli()).await.unwrap(), 1);
    let second = sealed().await.unwrap();
    assert_ne!(second, first);
    assert_ne!(second.split(':').nth(1), first.split(':').nth(1), "another key");
    let keys = server.folder.path().join("data/secret.key");
    assert_eq!(std::fs::read_to_string(&keys).unwrap().lines().count(), 2);
    let refused = admin.post(&format!("{one}/test"), json!({})).await;
    assert!(refused.text().contains("source_hosts"), "the host is not named: {}", refused.text());
    std::fs::write(&keys, format!("{}\n", "ab".repeat(32))).unwrap();
    let lost = admin.post(&format!("{one}/test"), json!({})).await;
    assert!(lost.text().contains("is not there"), "{}", lost.text());
    assert!(secrets::rotate(&ctx, &Actor::cli()).await.is_err(), "what can't be read is not thrown away");
    assert_eq!(sealed().await.unwrap(), second);
    admin.delete(&one).await.expect(204);
    assert_eq!(sealed().await, None);
    let trail = admin.get("/api/v1/audit?per_page=200").await.text();
    assert!(trail.contains("connection.remove") && trail.contains("secrets.rotate") && !trail.contains("hunter2"));
    assert_eq!(admin.get("/api/v1/audit/verify").await.expect(200).json()["intact"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_sealed_and_never_sent_elsewhere_on_sqlite() {
    let server = Server::start().await;
    connections(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_sealed_and_never_sent_elsewhere_on_postgres() {
    on_postgres("secrets_are_sealed_and_never_sent_elsewhere_on_postgres", connections).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_queries_of_a_database_become_data_sets() {
    let inbox = tempfile::tempdir().unwrap();
    let root = inbox.path().to_path_buf();
    let server = Server::start_with(|config| {
        config.admin_password = Some(PASSWORD.to_owned());
        config.source_roots = vec![root];
    })
    .await;
    let file = inbox.path().join("shop.db");
    database(
        &file,
        "CREATE TABLE orders (id INTEGER, price REAL, place TEXT); \
        INSERT INTO orders VALUES (1, 2.5, 'Bern'), (2, NULL, 'Genf'), (3, 4.0, NULL);",
    )
    .await;
    let mut admin = server.admin().await;
    let new = json!({ "name": "Shop", "settings": { "kind": "sqlite", "path": file } });
    let shop = admin.post(&format!("{PROJECT}/connections"), new).await.expect(201).json()["id"].clone();
    let tested = admin.post(&format!("{PROJECT}/connections/{}/test", shop.as_str().unwrap()), json!({})).await;
    assert_eq!(tested.expect(200).json()["found"], json!(["orders"]));
    let ready = fetch(&mut admin, json!({ "kind": "table", "connection": shop, "table": "orders" })).await;
    assert_eq!(ready["state"], "ready", "{ready}");
    let upload = ready["upload"].as_str().unwrap();
    let seen = admin.get(&format!("{PROJECT}/uploads/{upload}")).await.expect(200).json();
    assert_eq!(seen["sample"][1], json!(["2", null, "Genf"]));
    let commit = json!({ "name": "Orders" });
    let version = admin.post(&format!("{PROJECT}/uploads/{upload}/commit"), commit).await.expect(201).json();
    assert_eq!(version["summary"]["rows"], 3);
    let query = "SELECT place, count(*) AS n FROM orders GROUP BY place";
    let ready = fetch(&mut admin, json!({ "kind": "query", "connection": shop, "query": query })).await;
    assert_eq!(ready["state"], "ready", "{ready}");
    let wrong = fetch(&mut admin, json!({ "kind": "query", "connection": shop, "query": "DELETE FROM orders" })).await;
    assert_eq!(wrong["state"], "failed", "{wrong}");
    let listed = admin.get(&format!("{PROJECT}/connections")).await.json();
    assert_eq!(listed[0]["datasets"], 1);
    let viewer = server.client().get(&format!("{PROJECT}/connections")).await;
    assert_eq!(viewer.status, 401);
}
