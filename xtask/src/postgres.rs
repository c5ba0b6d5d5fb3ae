//! A PostgreSQL server of the tests' own, in a temporary folder, gone when they end.

use crate::command::{find, output, succeed};
use anyhow::{Context, Result};
use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    pub url: String,
}

impl Postgres {
    /// Starts a server; installs it first where apt-get and root's rights are there.
    pub fn start() -> Result<Self> {
        let programs = match programs() {
            Some(programs) => programs,
            None => {
                crate::browser::apt_install(&["postgresql"])?;
                programs().context("the package postgresql holds no server")?
            }
        };
        let stamp = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        let folder = std::env::temp_dir().join(format!("trainyard-postgres-{stamp}"));
        fs::create_dir_all(&folder)?;
        if is_root()? {
            succeed(Command::new("chown").arg("postgres").arg(&folder))?;
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = Self { programs, url: format!("postgres://postgres@127.0.0.1:{port}/postgres"), folder };
        let data = server.folder.join("data");
        server.call(
            "initdb",
            &["-D", text(&data)?, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"],
        )?;
        let options = format!(
            "-p {port} -k {} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200",
            text(&server.folder)?
        );
        let log = server.folder.join("log");
        server.call("pg_ctl", &["-D", text(&data)?, "-l", text(&log)?, "-w", "-o", &options, "start"])?;
        Ok(server)
    }

    /// Runs one of the server's programs, which refuse to run as root.
    fn call(&self, program: &str, arguments: &[&str]) -> Result<()> {
        let path = self.programs.join(program);
        let mut command = if is_root()? {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.args(arguments).current_dir(&self.folder).stdout(std::process::Stdio::null());
        succeed(&mut command)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.folder.join("data");
        if let Some(data) = data.to_str() {
            // The folder goes with it, so a server that will not stop in peace does no harm.
            let _ = self.call("pg_ctl", &["-D", data, "-m", "immediate", "-w", "stop"]);
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the temporary folder's name is not UTF-8")
}

fn is_root() -> Result<bool> {
    Ok(output(Command::new("id").arg("-u"))?.trim() == "0")
}

/// The folder with `initdb` and `pg_ctl`: on the path, or where Debian puts it, the newest first.
fn programs() -> Option<PathBuf> {
    if let Some(found) = find(&["initdb"]).and_then(|file| file.canonicalize().ok()) {
        return found.parent().map(Path::to_path_buf);
    }
    let mut versions: Vec<PathBuf> =
        fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|entry| entry.path().join("bin")).collect();
    versions.retain(|folder| folder.join("initdb").is_file());
    versions.sort();
    versions.pop()
}

/// Why there is no server, for the tests that are skipped.
pub fn start_or_say() -> Option<Postgres> {
    match Postgres::start() {
        Ok(server) => Some(server),
        Err(error) => {
            eprintln!(
                "    note: no PostgreSQL ({error:#}); its tests are skipped. Install the package postgresql to run them"
            );
            None
        }
    }
}
