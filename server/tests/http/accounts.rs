use crate::support::{PASSWORD, Server, on_postgres};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_and_out() {
    let server = Server::start().await;
    let mut client = server.client();
    client.get("/api/v1/me").await.expect(401);

    let reply = client.try_sign_in("ADMIN", PASSWORD).await.expect(200);
    assert_eq!(reply.json()["name"], "admin");
    assert_eq!(reply.json()["projects"][0]["slug"], "default");
    let cookie = reply.header("set-cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    client.get("/api/v1/me").await.expect(200);

    let mut stolen = client.clone();
    client.post("/api/v1/sign-out", json!({})).await.expect(204);
    assert_eq!(client.cookie, None);
    client.get("/api/v1/me").await.expect(401);
    stolen.get("/api/v1/me").await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_name_and_a_wrong_password_look_the_same() {
    let server = Server::start().await;
    let mut client = server.client();
    let wrong_password = client.try_sign_in("admin", "wrong password").await.expect(401);
    let wrong_name = client.try_sign_in("nobody", PASSWORD).await.expect(401);
    let odd = client.try_sign_in(&"x".repeat(5000), &"y".repeat(100_000)).await.expect(401);
    assert_eq!(wrong_password.body, wrong_name.body);
    assert_eq!(wrong_password.body, odd.body);
    assert_eq!(client.cookie, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_down() {
    let server = Server::start().await;
    let mut client = server.client();
    for _ in 0..10 {
        client.try_sign_in("admin", "wrong password").await.expect(401);
    }
    let refused = client.try_sign_in("admin", PASSWORD).await.expect(429);
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("Wait"));
    // Another name is not locked by it.
    client.try_sign_in("other", "wrong password").await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_somebody_planted_is_not_taken_over() {
    let server = Server::start().await;
    let mut client = server.client();
    client.cookie = Some("trainyard=AAAAAAAAAAAAAAAAAAAAAA".to_owned());
    client.sign_in("admin", PASSWORD).await;
    assert_ne!(client.cookie.as_deref(), Some("trainyard=AAAAAAAAAAAAAAAAAAAAAA"));
    let first = client.cookie.clone();
    client.sign_in("admin", PASSWORD).await;
    assert_ne!(client.cookie, first, "signing in again draws a new id");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_password_has_to_be_changed_first() {
    let server = Server::start_with(|_| {}).await;
    let first = server.running.first.clone().unwrap();
    let generated = first.password.unwrap();
    assert!(generated.len() >= 16);
    let mut client = server.client();
    client.sign_in("admin", &generated).await;
    let mut other = client.clone();
    other.cookie = None;
    other.sign_in("admin", &generated).await;

    assert_eq!(client.get("/api/v1/me").await.expect(200).json()["must_change_password"], true);
    for path in ["/api/v1/projects", "/api/v1/users", "/api/v1/tokens", "/api/v1/audit", "/api/v1/workspaces"] {
        client.get(path).await.expect(403);
    }
    let refused = client.post("/api/v1/tokens", json!({ "name": "t" })).await.expect(403);
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("/change-password"));
    assert_eq!(client.get("/p/default").await.expect(303).header("location"), Some("/change-password"));

    let change = |current: &str, new: &str| json!({ "current": current, "new": new });
    let path = "/api/v1/change-password";
    client.post(path, change("wrong password", PASSWORD)).await.expect(422);
    client.post(path, change(&generated, &generated)).await.expect(422);
    let short = client.post(path, change(&generated, "short")).await.expect(422);
    assert_eq!(short.json()["error"]["fields"][0]["field"], "new", "{}", short.text());
    client.post(path, change(&generated, PASSWORD)).await.expect(204);

    client.get("/api/v1/projects").await.expect(200);
    other.get("/api/v1/me").await.expect(401);
    other.try_sign_in("admin", &generated).await.expect(401);
    other.sign_in("admin", PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_everywhere_ends_sessions_but_not_tokens() {
    let server = Server::start().await;
    let (mut here, mut there) = (server.admin().await, server.admin().await);
    let made = here.post("/api/v1/tokens", json!({ "name": "script" })).await.expect(201).json();
    let mut script = server.client();
    script.token = Some(made["token"].as_str().unwrap().to_owned());
    here.post("/api/v1/sign-out-everywhere", json!({})).await.expect(204);
    here.get("/api/v1/me").await.expect(401);
    there.get("/api/v1/me").await.expect(401);
    script.get("/api/v1/me").await.expect(200);
    there.sign_in("admin", PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_accounts_outlive_a_restart() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let Server { running, folder } = server;
    let config = trainyard::config::Config {
        bind: "127.0.0.1:0".to_owned(),
        data_dir: folder.path().join("data"),
        worker: false,
        ..Default::default()
    };
    running.shut_down().await;
    let again = trainyard::cli::start(&config).await.unwrap();
    assert!(again.first.is_none(), "the first start was before");
    client.address = again.address;
    client.get("/api/v1/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn starting_says_what_is_wrong() {
    let server = Server::start().await;
    let config = trainyard::config::Config {
        bind: server.running.address.to_string(),
        data_dir: server.folder.path().join("other"),
        worker: false,
        ..Default::default()
    };
    let taken = trainyard::cli::start(&config).await.err().unwrap();
    assert!(taken.message.contains("the port is in use") && taken.message.contains("--bind"), "{}", taken.message);
    let file = server.folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let config = trainyard::config::Config { bind: "127.0.0.1:0".to_owned(), data_dir: file.join("in"), ..config };
    let unwritable = trainyard::cli::start(&config).await.err().unwrap();
    assert!(unwritable.message.contains("--data-dir"), "{}", unwritable.message);
    let config = trainyard::config::Config {
        data_dir: server.folder.path().join("third"),
        admin_password: Some("short".to_owned()),
        ..config
    };
    let short = trainyard::cli::start(&config).await.err().unwrap();
    assert!(short.message.contains("TRAINYARD_ADMIN_PASSWORD"), "{}", short.message);
}

/// The way from the first start to a working team, on the other database.
#[tokio::test(flavor = "multi_thread")]
async fn the_account_story_on_postgres() {
    on_postgres("the_account_story_on_postgres", |server| async move {
        let mut admin = server.admin().await;
        let ada = json!({ "name": "ada", "display_name": "Ada", "role": "member" });
        let made = admin.post("/api/v1/users", ada.clone()).await.expect(201).json();
        admin.post("/api/v1/users", ada).await.expect(409);
        let mut client = server.client();
        client.sign_in("ada", made["generated_password"].as_str().unwrap()).await;
        let change = json!({ "current": made["generated_password"], "new": "another long password" });
        client.post("/api/v1/change-password", change).await.expect(204);
        assert_eq!(client.get("/api/v1/projects").await.expect(200).json()["total"], 1);
        client.post("/api/v1/projects", json!({ "name": "Mine" })).await.expect(403);
        admin.post("/api/v1/projects", json!({ "name": "Ours" })).await.expect(201);
        assert_eq!(client.get("/api/v1/projects?q=our").await.expect(200).json()["total"], 1);
        let report = admin.get("/api/v1/audit/verify").await.expect(200).json();
        assert_eq!(report["intact"], true, "{report}");
        let user = made["user"]["id"].as_str().unwrap();
        admin.put(&format!("/api/v1/users/{user}/disabled"), json!({ "value": true })).await.expect(200);
        client.get("/api/v1/me").await.expect(401);
    })
    .await;
}
