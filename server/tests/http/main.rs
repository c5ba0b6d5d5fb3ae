//! The server over HTTP: each test starts the real application on a port of its own with a fresh data folder.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod accounts;
mod api;
mod data;
mod experiments;
mod inbox;
mod labels;
mod pipelines;
mod roles;
mod runs;
mod security;
#[path = "../../../engine/service/tests/shared/jobs.rs"]
mod simulated;
mod sources;
mod support;
mod tokens;
