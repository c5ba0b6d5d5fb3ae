use crate::support::{Client, PASSWORD, Server};
use axum::{Router, middleware::from_fn, routing::get};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_security_headers() {
    let server = Server::start().await;
    let mut client = server.client();
    for path in ["/health", "/sign-in", "/api/v1/me", "/api/v1/nothing", "/pkg/nothing.js", "/v2/health/live"] {
        let reply = client.get(path).await;
        let policy = reply.header("content-security-policy").unwrap_or_else(|| panic!("{path}"));
        for part in [
            "default-src 'none'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "style-src 'self';",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(reply.header("referrer-policy"), Some("same-origin"), "{path}");
        assert!(reply.header("strict-transport-security").is_none(), "not over TLS");
    }
    assert_eq!(client.get("/health").await.expect(200).json()["status"], "ok");
    assert_eq!(client.get("/api/v1/nothing").await.expect(404).code(), "not_found");
    assert_eq!(client.get("/api/v1/me").await.header("cache-control"), Some("no-store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn inline_scripts_carry_the_answers_own_nonce_and_pages_no_inline_styles() {
    let server = Server::start().await;
    let mut client = server.client();
    let (first, second) = (client.get("/sign-in").await.expect(200), client.get("/sign-in").await.expect(200));
    let nonce = |policy: &str| policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    let (a, b) = (
        nonce(first.header("content-security-policy").unwrap()),
        nonce(second.header("content-security-policy").unwrap()),
    );
    assert_ne!(a, b);
    let page = first.text();
    for script in page.split("<script").skip(1) {
        let tag = script.split('>').next().unwrap();
        assert!(tag.contains(&format!("nonce=\"{a}\"")) || tag.contains("src="), "{tag}");
    }
    assert!(!page.contains(" style="), "inline styles");
    assert!(page.contains("Trainyard"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_for_people_who_signed_in() {
    let server = Server::start().await;
    let mut client = server.client();
    for (path, next) in
        [("/", "%2F"), ("/p/default/runs?q=a%20b", "%2Fp%2Fdefault%2Fruns%3Fq%3Da%2520b"), ("/none", "%2Fnone")]
    {
        let address = format!("/sign-in?next={next}");
        assert_eq!(client.get(path).await.expect(303).header("location"), Some(address.as_str()));
    }
    let mut admin = server.admin().await;
    for path in
        ["/p/default", "/p/default/data", "/p/default/runs", "/p/default/models", "/governance/audit", "/settings"]
    {
        let page = admin.get(path).await.expect(200);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert!(!page.text().contains(" style="), "{path}: inline style");
    }
    admin.get("/none").await.expect(404);
    admin.get("/p/none").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sites_pages_cannot_act_with_the_cookie() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let body = || Some(json!({ "name": "Forged" }));
    for headers in [
        vec![("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")],
        vec![("Sec-Fetch-Site", "same-site")],
        vec![("Origin", "https://evil.example")],
        vec![("Origin", "null")],
    ] {
        let refused = client.send("POST", "/api/v1/projects", &headers, body()).await.expect(403);
        assert!(refused.text().contains("another site"), "{}", refused.text());
    }
    assert_eq!(client.get("/api/v1/projects").await.json()["total"], 1);
    client.send("POST", "/api/v1/projects", &[("Sec-Fetch-Site", "same-origin")], body()).await.expect(201);
    // Reading is harmless: no other site's page gets to see the answer.
    client.send("GET", "/api/v1/projects", &[("Sec-Fetch-Site", "cross-site")], None).await.expect(200);
    // Signing in from another site's page would let it choose whose session this browser has.
    let mut elsewhere = client.clone();
    let refused = elsewhere.send(
        "POST",
        "/api/v1/sign-in",
        &[("Sec-Fetch-Site", "cross-site")],
        Some(json!({ "name": "admin", "password": PASSWORD })),
    );
    refused.await.expect(403);
    // A token is never sent by a browser on its own.
    let made = client.post("/api/v1/tokens", json!({ "name": "web" })).await.expect(201).json();
    let mut script = server.client();
    script.token = Some(made["token"].as_str().unwrap().to_owned());
    let headers = [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://app.example")];
    script.send("POST", "/api/v1/projects", &headers, Some(json!({ "name": "By script" }))).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_limited_and_refused_in_words() {
    let server = Server::start().await;
    let mut client = server.admin().await;
    let huge = format!("{{\"name\":\"{}\"}}", "x".repeat(9 << 20));
    let sent = client.send_bytes("POST", "/api/v1/projects", &[], "application/json", huge.as_bytes()).await;
    assert_eq!((sent.status, sent.code().as_str()), (413, "too_large"));
    let sent = client.send_bytes("POST", "/api/v1/projects", &[], "text/plain", b"{}").await.expect(422);
    assert!(sent.text().contains("Content-Type"), "{}", sent.text());
    let sent = client.send_bytes("POST", "/api/v1/projects", &[], "application/json", b"{").await.expect(422);
    assert_eq!(sent.code(), "invalid");
    let named = client.post("/api/v1/projects", json!({ "name": "a/b" })).await.expect(422).json();
    assert_eq!(named["error"]["fields"][0]["field"], "name", "{named}");
    let query = client.get("/api/v1/projects?page=x").await.expect(422);
    assert_eq!(query.code(), "invalid");
    client.get("/api/v1/projects/NO%20SLUG").await.expect(404);
    client.get("/api/v1/projects?format=xml").await.expect(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_cookies_are_bound_to_the_host() {
    let server = Server::start_with(|config| {
        config.admin_password = Some(PASSWORD.to_owned());
        config.public_url = Some("https://train.example".to_owned());
    })
    .await;
    let mut client = server.client();
    let reply = client.try_sign_in("admin", PASSWORD).await.expect(200);
    let cookie = reply.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-trainyard=") && cookie.contains("Secure"), "{cookie}");
    assert!(reply.header("strict-transport-security").is_some());
    let headers = [("Origin", "https://train.example")];
    client.send("POST", "/api/v1/sign-in", &headers, Some(json!({ "name": "x", "password": "y" }))).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_becomes_an_answer_with_the_id_that_is_in_the_log() {
    async fn broken() -> &'static str {
        panic!("on purpose")
    }
    let app = Router::new().route("/broken", get(broken)).layer(from_fn(trainyard::web::security::log));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut client = Client { address, cookie: None, token: None };
    let reply = client.get("/broken").await.expect(500);
    let id = reply.header("x-request-id").unwrap().to_owned();
    assert_eq!(reply.code(), "internal");
    assert!(reply.text().contains(&id) && !reply.text().contains("on purpose"), "{}", reply.text());
}
