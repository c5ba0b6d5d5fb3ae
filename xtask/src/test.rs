//! `cargo xtask test`: everything that has to hold, and one closing line.

use crate::{
    browser,
    command::{cargo, duration, root, step, succeed, target_dir},
    layers, postgres, preflight, site,
    tally::{self, Tally},
};
use anyhow::{Result, bail};
use std::{path::Path, process::Command, time::Instant};

const PARTS: [&str; 5] = ["fmt", "clippy", "layers", "rust", "browser"];

/// Runs the parts named, or all. Every part runs, whatever the ones before it found.
pub fn test(parts: &[String]) -> Result<()> {
    if let Some(unknown) = parts.iter().find(|part| !PARTS.contains(&part.as_str())) {
        bail!("there is no part '{unknown}'. The parts are {}", PARTS.join(", "));
    }
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|name| name == part);
    let start = Instant::now();
    let mut tally = Tally::default();
    preflight::check()?;
    if wanted("fmt") {
        tally.add(check("Formatting", "seconds", || succeed(cargo()?.args(["fmt", "--all", "--check"]))));
    }
    if wanted("layers") {
        tally.add(match step("Layers", "seconds", layers::check) {
            Ok(rules) => Tally { passed: rules, ..Tally::default() },
            Err(error) => failure(&error),
        });
    }
    if wanted("clippy") {
        tally.add(check("Lints, native", "6 min cold", || {
            let mut command = cargo()?;
            command.args(["clippy", "--locked", "--workspace", "--exclude", "trainyard-frontend", "--all-targets"]);
            succeed(command.args(["--", "-D", "warnings"]))
        }));
        tally.add(check("Lints, browser", "1 min cold", || {
            let mut command = cargo()?;
            command.args([
                "clippy",
                "--locked",
                "--package",
                "trainyard-frontend",
                "--target",
                "wasm32-unknown-unknown",
            ]);
            succeed(command.args(["--", "-D", "warnings"]))
        }));
    }
    if wanted("rust") || wanted("browser") {
        // One site and one set of compiled crates serve both kinds of test.
        let site = site::build()?;
        if wanted("rust") {
            tally.add(rust_tests(&site)?);
        }
        if wanted("browser") {
            tally.add(browser_tests(&site)?);
        }
    }
    println!("Took {}.", duration(start.elapsed().as_secs_f64()));
    println!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.skipped);
    if tally.failed > 0 {
        std::process::exit(1);
    }
    Ok(())
}

fn rust_tests(site: &Path) -> Result<Tally> {
    let server = postgres::start_or_say();
    step("Compiling the tests", "16 min cold", || succeed(cargo_test(site)?.arg("--no-run")))?;
    let mut command = cargo_test(site)?;
    command.arg("--no-fail-fast");
    if let Some(server) = &server {
        command.env("TRAINYARD_TEST_POSTGRES", &server.url);
    }
    step("Unit, store and HTTP tests", "3 min", || tally::run(command.args(["--", "--show-output"])))
}

/// One selection of packages and targets, so that no crate is compiled twice with other features: `cargo build` leaves out
/// what only tests ask of their dependencies, and would compile most of them again.
fn cargo_test(site: &Path) -> Result<Command> {
    let mut command = cargo()?;
    command.args(["test", "--locked", "--workspace", "--exclude", "trainyard-frontend"]).env("TRAINYARD_SITE", site);
    Ok(command)
}

fn browser_tests(site: &Path) -> Result<Tally> {
    let chromium = match browser::chromium().and_then(|program| browser::packages().map(|()| program)) {
        Ok(program) => program,
        Err(error) => return Ok(failure(&error)),
    };
    step("Compiling the server", "seconds after the tests", || {
        // The program comes along with the server's tests.
        succeed(cargo_test(site)?.args(["--test", "http", "--no-run"]))
    })?;
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-concurrency=1", "--test-reporter=spec", "tests/"])
        .current_dir(root().join("end2end"))
        .env("TRAINYARD_PROGRAM", target_dir()?.join("debug/trainyard"))
        .env("TRAINYARD_SHOTS", target_dir()?.join("screenshots"))
        .env("CHROMIUM", chromium);
    step("Browser tests", "4 min", || tally::run(&mut command))
}

fn check(what: &str, expected: &str, action: impl FnOnce() -> Result<()>) -> Tally {
    match step(what, expected, action) {
        Ok(()) => Tally::one(true),
        Err(error) => failure(&error),
    }
}

fn failure(error: &anyhow::Error) -> Tally {
    eprintln!("    FAILED: {error:#}");
    Tally::one(false)
}
