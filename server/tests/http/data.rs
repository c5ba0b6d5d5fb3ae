use crate::support::{Client, Server};
use serde_json::json;

const FILE: &[u8] = b"age,city,bought\n31,Bern,yes\n45,Basel,no\n28,Bern,yes\n52,Genf,no\n";

async fn upload(client: &mut Client, name: &str, file: &[u8]) -> crate::support::Reply {
    let path = format!("/api/v1/projects/default/uploads?name={name}");
    client.send_bytes("POST", &path, &[], "application/octet-stream", file).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_becomes_a_data_set() {
    let server = Server::start().await;
    let mut admin = server.admin().await;
    let sent = upload(&mut admin, "people.csv", FILE).await.expect(201).json();
    assert_eq!(sent["options"]["columns"][0], json!({ "name": "age", "kind": "integer" }));
    let id = sent["id"].as_str().unwrap();
    let waiting = format!("/api/v1/projects/default/uploads/{id}");
    admin.get(&waiting).await.expect(200);
    let made = admin.post(&format!("{waiting}/commit"), json!({ "name": "People" })).await.expect(201).json();
    assert_eq!((made["summary"]["rows"].as_i64(), made["summary"]["number"].as_i64()), (Some(4), Some(1)));
    admin.get(&waiting).await.expect(404);

    let version = made["summary"]["id"].as_str().unwrap();
    let rows = format!("/api/v1/projects/default/dataset-versions/{version}/rows?offset=1&limit=2");
    let rows = admin.get(&rows).await.expect(200).json();
    assert_eq!((rows["total"].as_i64(), &rows["rows"][0][1]), (Some(4), &json!("Basel")));
    let list = admin.get("/api/v1/projects/default/datasets").await.expect(200).json();
    assert_eq!((list["total"].as_i64(), &list["items"][0]["name"]), (Some(1), &json!("People")));
    let plan = json!({ "dataset_version": version, "settings": { "target": "nothing" } });
    let plan = admin.post("/api/v1/projects/default/runs/plan", plan).await.expect(200).json();
    assert_eq!(plan["warnings"][0]["severity"], "critical", "{plan}");
    let actions = admin.get("/api/v1/audit?q=dataset").await.expect(200).json();
    assert!(actions["total"].as_i64().unwrap() >= 1, "{actions}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_table_is_refused_and_nothing_stays() {
    let server = Server::start_with(|config| {
        config.admin_password = Some(crate::support::PASSWORD.to_owned());
        config.max_upload_mib = 1;
    })
    .await;
    let mut admin = server.admin().await;
    for (name, file) in [("empty.csv", &b""[..]), ("picture.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")] {
        let refused = upload(&mut admin, name, file).await.expect(422);
        assert_eq!(refused.code(), "invalid", "{name}");
    }
    let large = upload(&mut admin, "large.csv", &b"a,b\n1,2\n".repeat(200_000)).await.expect(413);
    assert_eq!(large.code(), "too_large");
    let left = std::fs::read_dir(server.folder.path().join("data/uploads")).map_or(0, Iterator::count);
    assert_eq!(left, 0);

    let bad = b"n\n1\n2\nx\n";
    let sent = upload(&mut admin, "bad.csv", bad).await.expect(201).json();
    let path = format!("/api/v1/projects/default/uploads/{}/commit", sent["id"].as_str().unwrap());
    let mut options = sent["options"].clone();
    options["columns"][0]["kind"] = json!("integer");
    let refused = admin.post(&path, json!({ "name": "Bad", "options": options })).await.expect(422).json();
    assert_eq!(refused["report"]["count"], 1, "{refused}");
    assert_eq!(refused["report"]["first"][0]["line"], 4, "{refused}");
    assert_eq!(refused["report"]["first"][0]["value"], "x", "{refused}");
}
