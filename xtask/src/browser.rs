//! What the browser tests need: Chromium, node, and the npm packages of `end2end/`.

use crate::command::{find, output, root, succeed};
use anyhow::{Context, Result, bail};
use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

/// Chromium's program, installed first where apt-get and root's rights are there.
pub fn chromium() -> Result<PathBuf> {
    const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    if let Some(program) = find(&NAMES) {
        return Ok(program);
    }
    apt_install(&["chromium", "libvulkan1"])?;
    find(&NAMES).context("the package chromium holds no program of that name")
}

/// The npm packages that `end2end/package-lock.json` pins.
pub fn packages() -> Result<()> {
    let folder = root().join("end2end");
    if find(&["node"]).is_none() {
        bail!("node is not here. Install Node.js 20 or later to run the browser tests");
    }
    let lock = folder.join("package-lock.json");
    let installed = folder.join("node_modules/.package-lock.json");
    let modified = |file: &PathBuf| file.metadata().and_then(|meta| meta.modified()).ok();
    if modified(&installed) >= modified(&lock) && installed.exists() {
        return Ok(());
    }
    succeed(
        Command::new("npm").args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(folder),
    )
}

/// Installs Debian packages where that can be done without asking, and says what to do where it can't.
pub fn apt_install(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    let root = output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if find(&["apt-get"]).is_none() || !root {
        bail!("{names} is missing. Install it, on Debian with: sudo apt-get install {names}");
    }
    eprintln!("    installing {names} from Debian's packages");
    let apt = |arguments: &[&str]| {
        succeed(
            Command::new("apt-get")
                .args(["-qq", "-o", "Dpkg::Use-Pty=0"])
                .args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive")
                .stdin(Stdio::null())
                .stdout(Stdio::null()),
        )
    };
    apt(&["update"])?;
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(packages);
    apt(&install)
}
