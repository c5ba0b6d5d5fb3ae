use crate::support::Server;
use serde_json::json;
use trainyard_service::{Actor, accounts};
use trainyard_types::{ResourceName, account::NewToken};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_stands_for_its_person_until_it_is_ended() {
    let server = Server::start().await;
    let mut admin = server.admin().await;
    let made = admin.post("/api/v1/tokens", json!({ "name": "CI" })).await.expect(201).json();
    let token = made["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("ty_") && token.len() >= 30);
    let list = admin.get("/api/v1/tokens").await.expect(200);
    assert!(!list.text().contains(&token));
    assert!(list.text().contains(&token[..8]));
    assert_eq!(list.json()["items"][0]["last_used"], json!(null));

    let mut script = server.client();
    script.token = Some(token.clone());
    assert_eq!(script.get("/api/v1/me").await.expect(200).json()["name"], "admin");
    script.post("/api/v1/projects", json!({ "name": "By token" })).await.expect(201);
    let events = admin.get("/api/v1/audit?q=project.create").await.json();
    assert_eq!(events["items"][0]["via"], format!("token:{}", &token[..8]));
    assert_ne!(admin.get("/api/v1/tokens").await.json()["items"][0]["last_used"], json!(null));

    script.post("/api/v1/tokens", json!({ "name": "child" })).await.expect(403);
    let id = made["info"]["id"].as_str().unwrap();
    admin.delete(&format!("/api/v1/tokens/{id}")).await.expect(204);
    admin.delete(&format!("/api/v1/tokens/{id}")).await.expect(404);
    let refused = script.get("/api/v1/me").await.expect(401);
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    // A wrong token is refused even beside a good cookie.
    script.cookie = admin.cookie.clone();
    script.get("/api/v1/me").await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_are_limited_and_strangers_tokens_unknown() {
    let server = Server::start().await;
    let mut admin = server.admin().await;
    for days in [0, 366] {
        let refused = admin.post("/api/v1/tokens", json!({ "name": "t", "days": days })).await.expect(422);
        assert_eq!(refused.json()["error"]["fields"][0]["field"], "days");
    }
    let made = admin.post("/api/v1/tokens", json!({ "name": "t", "days": 1 })).await.expect(201).json();
    let life = made["info"]["expires_at"].as_i64().unwrap() - made["info"]["created_at"].as_i64().unwrap();
    assert_eq!(life, 24 * 3600 * 1000);
    let new = json!({ "name": "ada", "display_name": "Ada", "role": "member", "password": "a long password" });
    admin.post("/api/v1/users", new).await.expect(201);
    let mut ada = server.client();
    ada.sign_in("ada", "a long password").await;
    ada.delete(&format!("/api/v1/tokens/{}", made["info"]["id"].as_str().unwrap())).await.expect(404);
    assert_eq!(ada.get("/api/v1/tokens").await.json()["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_makes_tokens_for_anyone() {
    let server = Server::start().await;
    let ctx = &server.running.ctx;
    let input = || NewToken { name: ResourceName::parse("cli").unwrap(), days: None };
    let made = accounts::create_token_for(ctx, &Actor::cli(), "Admin", input()).await.unwrap();
    let mut client = server.client();
    client.token = Some(made.token);
    client.get("/api/v1/projects").await.expect(200);
    let unknown = accounts::create_token_for(ctx, &Actor::cli(), "nobody", input()).await.unwrap_err();
    assert!(unknown.message.contains("nobody"), "{}", unknown.message);
}
