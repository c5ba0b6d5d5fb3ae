//! The `trainyard` program: configuration, command line, web server. It stays thin: handlers take what a request holds,
//! call one function of the service and hand on its answer.

// A page's view is one deeply nested type.
#![recursion_limit = "512"]

pub mod cli;
pub mod config;
pub mod rest;
pub mod web;
