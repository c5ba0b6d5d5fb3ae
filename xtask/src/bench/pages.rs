//! How soon the server's pages begin to arrive, on the demo project.

use super::{
    Row,
    http::{expect_ok, request},
};
use crate::{command::root, run};
use anyhow::{Context, Result, bail};
use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const PASSWORD: &str = "a pass phrase for timing";
const PAGES: [(&str, &str); 5] = [
    ("home", "/p/demo"),
    ("data", "/p/demo/data"),
    ("experiments", "/p/demo/runs"),
    ("models", "/p/demo/models"),
    ("audit trail", "/governance/audit"),
];

/// Time to the first byte, the median of 40 requests a page, and the size of the HTML.
pub fn measure() -> Result<Vec<Row>> {
    let server = Server::start()?;
    let cookie = server.sign_in()?;
    let headers = [("Cookie", cookie.as_str())];
    let mut rows = Vec::new();
    for (name, path) in PAGES {
        let mut times = Vec::new();
        let mut bytes = 0;
        for _ in 0..40 {
            let answer = expect_ok(&server.address, "GET", path, &headers, b"")?;
            times.push(answer.first_byte.as_secs_f64() * 1e3);
            bytes = answer.body.len();
        }
        times.sort_by(f64::total_cmp);
        rows.push(Row::new(format!("{name}: time to first byte, p50"), times[times.len() / 2], "ms").at_most(200.0));
        rows.push(Row::new(format!("{name}: HTML"), bytes as f64 / 1000.0, "KB").at_most(60.0));
    }
    Ok(rows)
}

struct Server {
    child: Child,
    address: String,
    _folder: Folder,
}

struct Folder(std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Server {
    fn start() -> Result<Self> {
        let program = run::build_release()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let folder = std::env::temp_dir().join(format!("trainyard-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let child = Command::new(program)
            .args(["serve", "--demo", "--bind", &address])
            .current_dir(&folder)
            .env("TRAINYARD_DATA_DIR", folder.join("data"))
            .env("TRAINYARD_ADMIN_PASSWORD", PASSWORD)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("can't start the server in {}", root().display()))?;
        let server = Self { child, address, _folder: Folder(folder) };
        let start = Instant::now();
        while !request(&server.address, "GET", "/health", &[], b"").is_ok_and(|answer| answer.status == 200) {
            if start.elapsed() > Duration::from_secs(30) {
                bail!("the server did not start within 30 s");
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(server)
    }

    /// Signs in, waits until the demo's run has ended, and gives the session's cookie.
    fn sign_in(&self) -> Result<String> {
        let body = format!(r#"{{"name":"admin","password":"{PASSWORD}"}}"#);
        let answer = expect_ok(
            &self.address,
            "POST",
            "/api/v1/sign-in",
            &[("Content-Type", "application/json")],
            body.as_bytes(),
        )?;
        let cookie = answer
            .head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().starts_with("set-cookie:").then(|| line["set-cookie:".len()..].trim())
            })
            .and_then(|value| value.split(';').next())
            .context("signing in set no cookie")?
            .to_owned();
        let start = Instant::now();
        loop {
            let runs = expect_ok(&self.address, "GET", "/api/v1/projects/demo/runs", &[("Cookie", &cookie)], b"")?;
            let text = String::from_utf8_lossy(&runs.body).into_owned();
            if text.contains(r#""state":"succeeded""#) {
                return Ok(cookie);
            }
            if start.elapsed() > Duration::from_secs(300) {
                bail!("the demo's run did not end within 5 minutes");
            }
            thread::sleep(Duration::from_millis(500));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
