//! A server, and a client that keeps cookies. The client speaks HTTP/1.0, so that an answer ends with its connection.

use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use trainyard::{
    cli::{Running, start},
    config::Config,
};
use trainyard_store::{ConnectionTrait, Store, fresh_id};

pub const PASSWORD: &str = "correct horse battery";

pub struct Server {
    pub running: Running,
    pub folder: tempfile::TempDir,
}

impl Server {
    /// With a known admin password, and no worker.
    pub async fn start() -> Self {
        Self::start_with(|config| config.admin_password = Some(PASSWORD.to_owned())).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            bind: "127.0.0.1:0".to_owned(),
            data_dir: folder.path().join("data"),
            worker: false,
            ..Config::default()
        };
        change(&mut config);
        Self { running: start(&config).await.unwrap(), folder }
    }

    pub fn client(&self) -> Client {
        Client { address: self.running.address, cookie: None, token: None }
    }

    /// Signed in as the admin.
    pub async fn admin(&self) -> Client {
        let mut client = self.client();
        client.sign_in("admin", PASSWORD).await;
        client
    }
}

/// Runs a test against a server on a PostgreSQL database of its own.
pub async fn on_postgres<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Server) -> F) {
    let Ok(server) = std::env::var("TRAINYARD_TEST_POSTGRES") else {
        println!("SKIPPED {name}: TRAINYARD_TEST_POSTGRES is not set");
        return;
    };
    let admin = Store::connect(&server).await.unwrap();
    let database = format!("ty_http_{}", fresh_id().simple());
    admin.db().execute_unprepared(&format!("CREATE DATABASE {database}")).await.unwrap();
    let root: Vec<&str> = server.split('?').next().unwrap().splitn(4, '/').take(3).collect();
    let url = format!("{}/{database}", root.join("/"));
    let started = Server::start_with(|config| {
        config.admin_password = Some(PASSWORD.to_owned());
        config.database_url = Some(url);
    });
    test(started.await).await;
    admin.db().execute_unprepared(&format!("DROP DATABASE {database} WITH (FORCE)")).await.unwrap();
}

#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    /// `name=value` of the session's cookie.
    pub cookie: Option<String>,
    pub token: Option<String>,
}

pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.text()))
    }
    /// The problem's code, such as `forbidden`.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

impl Client {
    pub async fn get(&mut self, path: &str) -> Reply {
        self.send("GET", path, &[], None).await
    }
    pub async fn post(&mut self, path: &str, body: Value) -> Reply {
        self.send("POST", path, &[], Some(body)).await
    }
    pub async fn put(&mut self, path: &str, body: Value) -> Reply {
        self.send("PUT", path, &[], Some(body)).await
    }
    pub async fn delete(&mut self, path: &str) -> Reply {
        self.send("DELETE", path, &[], None).await
    }

    pub async fn try_sign_in(&mut self, name: &str, password: &str) -> Reply {
        self.post("/api/v1/sign-in", json!({ "name": name, "password": password })).await
    }
    pub async fn sign_in(&mut self, name: &str, password: &str) {
        self.try_sign_in(name, password).await.expect(200);
    }

    pub async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Reply {
        let kind = if body.is_some() { "application/json" } else { "application/octet-stream" };
        let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        self.send_bytes(method, path, headers, kind, &bytes).await
    }

    pub async fn send_bytes(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        kind: &str,
        body: &[u8],
    ) -> Reply {
        let mut head =
            format!("{method} {path} HTTP/1.0\r\nHost: {}\r\nContent-Length: {}\r\n", self.address, body.len());
        let mut add = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
        if !body.is_empty() {
            add("Content-Type", kind);
        }
        if let Some(cookie) = &self.cookie {
            add("Cookie", cookie);
        }
        if let Some(token) = &self.token {
            add("Authorization", &format!("Bearer {token}"));
        }
        for (name, value) in headers {
            add(name, value);
        }
        head.push_str("\r\n");
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // A server that refuses early may close before all of a body is sent.
        let _ = stream.write_all(body).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let reply = parse(&answer);
        for (_, value) in reply.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = value.split(';').next().unwrap_or_default();
            let gone = pair.ends_with('=') || value.contains("Max-Age=0");
            if pair.starts_with("trainyard=") {
                self.cookie = (!gone).then(|| pair.to_owned());
            }
        }
        reply
    }
}

fn parse(answer: &[u8]) -> Reply {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer with a head");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    Reply { status, headers, body: answer[end + 4..].to_vec() }
}
