//! What must be there before a long build begins, each with what to do where it is not.

use crate::command::{find, output, root, succeed, target_dir};
use anyhow::{Context, Result, bail};
use std::{net::TcpListener, process::Command};

/// What a cold build leaves in the target directory, with room to spare.
const BUILD_BYTES: u64 = 8 << 30;

/// A C compiler (SQLite and zstd are built from C), the browser's compile target, and room on the disk.
pub fn check() -> Result<()> {
    if find(&["cc", "gcc", "clang"]).is_none() {
        bail!("no C compiler was found. Install one, on Debian with: apt-get install gcc libc6-dev");
    }
    wasm_target()?;
    disk()
}

/// Fails, saying who to look for, where the port is taken.
pub fn port(port: u16) -> Result<()> {
    TcpListener::bind(("127.0.0.1", port)).map(|_| ()).map_err(|error| {
        anyhow::anyhow!(
            "port {port} can't be used ({error}). Another Trainyard may be running: stop it, or choose another port with: cargo xtask run --port {}",
            port.saturating_add(1)
        )
    })
}

fn wasm_target() -> Result<()> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(root()))?;
    if std::path::Path::new(sysroot.trim()).join("lib/rustlib/wasm32-unknown-unknown").is_dir() {
        return Ok(());
    }
    eprintln!("==> Adding the wasm32-unknown-unknown target (half a minute)");
    succeed(Command::new("rustup").args(["target", "add", "wasm32-unknown-unknown"]).current_dir(root()))
        .context("the browser's compile target is missing and rustup could not add it")
}

fn disk() -> Result<()> {
    let target = target_dir()?;
    // A warm target directory needs little more.
    if ["release", "debug"].iter().any(|profile| target.join(profile).join("trainyard").exists()) {
        return Ok(());
    }
    let text = output(Command::new("df").args(["--output=avail", "-B1"]).arg(&target))?;
    let free: u64 = text.lines().nth(1).and_then(|line| line.trim().parse().ok()).unwrap_or(u64::MAX);
    if free < BUILD_BYTES {
        bail!(
            "the disk that holds {} has {:.1} GiB left and the build needs {} GiB. Free some, or set CARGO_TARGET_DIR to a larger disk",
            target.display(),
            free as f64 / (1u64 << 30) as f64,
            BUILD_BYTES >> 30
        );
    }
    Ok(())
}
