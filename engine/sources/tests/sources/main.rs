//! Sources fetched from real servers on this machine.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod databases;
mod objects;
mod support;
mod web;
