use crate::support::{Client, PASSWORD, Server};
use serde_json::{Value, json};

/// An account with a role, signed in.
async fn person(server: &Server, admin: &mut Client, name: &str, role: &str, workspace: &str) -> (Client, Value) {
    let input =
        json!({ "name": name, "display_name": name, "role": role, "workspace": workspace, "password": PASSWORD });
    let made = admin.post("/api/v1/users", input).await.expect(201).json();
    assert_eq!(made["generated_password"], Value::Null);
    let mut client = server.client();
    client.sign_in(name, PASSWORD).await;
    (client, made["user"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_do_what_it_is_for_and_no_more() {
    let server = Server::start().await;
    let mut admin = server.admin().await;
    let (_, target) = person(&server, &mut admin, "target", "viewer", "main").await;
    let main = target["roles"][0]["workspace"]["id"].clone();
    // Role: reads the trail, manages people and projects, uploads (an empty file is refused after the role was looked at).
    let matrix = [
        ("viewer", 403, 403, 403),
        ("auditor", 200, 403, 403),
        ("member", 403, 403, 422),
        ("approver", 200, 403, 422),
        ("admin", 200, 201, 422),
    ];
    for (role, audit, manage, upload) in matrix {
        let (mut client, _) = person(&server, &mut admin, &format!("the-{role}"), role, "main").await;
        client.get("/api/v1/projects/default").await.expect(200);
        client.get("/api/v1/projects/default/datasets").await.expect(200);
        client.get("/api/v1/audit").await.expect(audit);
        client.get("/api/v1/audit/verify").await.expect(audit);
        let project = client.post("/api/v1/projects", json!({ "name": format!("By {role}") })).await;
        assert_eq!(project.status, manage, "{role}: {}", project.text());
        let new = json!({ "name": format!("by-{role}"), "display_name": "x", "role": "viewer" });
        client.post("/api/v1/users", new).await.expect(manage);
        let set = json!({ "user": target["id"], "workspace": main, "role": "auditor" });
        client.put("/api/v1/users/role", set).await.expect(if manage == 201 { 200 } else { 403 });
        client.get("/api/v1/users").await.expect(if manage == 201 { 200 } else { 403 });
        let sent = client.send_bytes("POST", "/api/v1/projects/default/uploads?name=a.csv", &[], "text/csv", b"").await;
        assert_eq!(sent.status, upload, "{role}: {}", sent.text());
        // What only admins of the whole instance may do.
        let id = target["id"].as_str().unwrap();
        client.put(&format!("/api/v1/users/{id}/disabled"), json!({ "value": true })).await.expect(403);
        client.put(&format!("/api/v1/users/{id}/instance-admin"), json!({ "value": true })).await.expect(403);
        client.post(&format!("/api/v1/users/{id}/reset-password"), json!({})).await.expect(403);
        client.post("/api/v1/workspaces", json!({ "name": "W" })).await.expect(403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_workspaces_are_out_of_sight() {
    let server = Server::start().await;
    let mut admin = server.admin().await;
    admin.post("/api/v1/workspaces", json!({ "name": "Risk" })).await.expect(201);
    admin.post("/api/v1/projects", json!({ "name": "Secret", "workspace": "risk" })).await.expect(201);
    let (mut outsider, user) = person(&server, &mut admin, "outsider", "admin", "main").await;
    let (mut insider, _) = person(&server, &mut admin, "insider", "auditor", "risk").await;

    for path in ["/api/v1/projects/secret", "/api/v1/projects/secret/runs", "/api/v1/projects/none"] {
        outsider.get(path).await.expect(404);
    }
    let slugs = |reply: Value| {
        let items = reply["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["slug"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(slugs(outsider.get("/api/v1/projects").await.json()), ["default"]);
    assert_eq!(slugs(insider.get("/api/v1/projects").await.json()), ["secret"]);
    outsider.post("/api/v1/projects", json!({ "name": "In", "workspace": "risk" })).await.expect(422);

    // An auditor of another workspace sees that workspace's events only, and nothing of the instance.
    let events = insider.get("/api/v1/audit").await.expect(200).json();
    assert_eq!(events["total"], 1, "{events}");
    assert_eq!(events["items"][0]["project"], "secret");

    // A role works, and stops working, at once.
    let workspaces = admin.get("/api/v1/workspaces").await.json();
    let risk = workspaces.as_array().unwrap().iter().find(|w| w["slug"] == "risk").unwrap()["id"].clone();
    let set = |role: Value| json!({ "user": user["id"], "workspace": risk, "role": role });
    admin.put("/api/v1/users/role", set(json!("viewer"))).await.expect(200);
    outsider.get("/api/v1/projects/secret").await.expect(200);
    admin.put("/api/v1/users/role", set(Value::Null)).await.expect(200);
    outsider.get("/api/v1/projects/secret").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_person_is_out_at_once_and_an_admin_remains() {
    let server = Server::start().await;
    let mut admin = server.admin().await;
    let (mut ada, user) = person(&server, &mut admin, "ada", "member", "main").await;
    let made = ada.post("/api/v1/tokens", json!({ "name": "script" })).await.expect(201).json();
    let mut script = server.client();
    script.token = Some(made["token"].as_str().unwrap().to_owned());
    let disabled = format!("/api/v1/users/{}/disabled", user["id"].as_str().unwrap());
    admin.put(&disabled, json!({ "value": true })).await.expect(200);
    ada.get("/api/v1/me").await.expect(401);
    script.get("/api/v1/me").await.expect(401);
    ada.try_sign_in("ada", PASSWORD).await.expect(401);
    admin.put(&disabled, json!({ "value": false })).await.expect(200);
    ada.sign_in("ada", PASSWORD).await;

    let me = admin.get("/api/v1/me").await.json();
    let own = me["id"].as_str().unwrap();
    admin.put(&format!("/api/v1/users/{own}/disabled"), json!({ "value": true })).await.expect(409);
    admin.put(&format!("/api/v1/users/{own}/instance-admin"), json!({ "value": false })).await.expect(409);
    admin.get("/api/v1/users").await.expect(200);

    let reset = format!("/api/v1/users/{}/reset-password", user["id"].as_str().unwrap());
    let reset = admin.post(&reset, json!({})).await.expect(200).json();
    ada.get("/api/v1/me").await.expect(401);
    ada.sign_in("ada", reset["generated_password"].as_str().unwrap()).await;
    assert_eq!(ada.get("/api/v1/me").await.json()["must_change_password"], true);
}
