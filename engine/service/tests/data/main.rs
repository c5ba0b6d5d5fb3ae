//! Data sets, runs, jobs and models through the service: who may do what, what is refused, and that the whole way from a
//! file to a prediction holds together.
#![allow(clippy::unwrap_used)]

mod catalog;
mod datasets;
mod demo;
mod models;
mod runs;
#[path = "../shared/jobs.rs"]
mod simulated;
mod support;
mod tenancy;
