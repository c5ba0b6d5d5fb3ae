//! Data sets, runs, jobs and models through the service: who may do what, what is refused, and that the whole way from a
//! file to a prediction holds together.
#![allow(clippy::unwrap_used)]

mod catalog;
mod checks;
mod datasets;
mod demo;
mod experiments;
mod inbox;
mod models;
mod runs;
#[path = "../shared/jobs.rs"]
mod simulated;
mod splits;
mod support;
mod tenancy;
