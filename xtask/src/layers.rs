//! The layer check: what a crate must never reach, proven on cargo's own dependency tree.

use crate::command::{cargo, output};
use anyhow::{Result, bail};

struct Rule {
    package: &'static str,
    arguments: &'static [&'static str],
    never: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        package: "trainyard-frontend",
        arguments: &["--target", "wasm32-unknown-unknown"],
        never: &[
            "burn",
            "sea-orm",
            "sqlx-core",
            "parquet",
            "arrow-array",
            "plotters",
            "tokio",
            "axum",
            "trainyard-service",
            "trainyard-store",
            "trainyard-infer",
        ],
    },
    Rule {
        package: "trainyard-types",
        arguments: &[],
        never: &["sea-orm", "leptos", "axum", "tokio", "burn", "arrow-array"],
    },
    Rule {
        package: "trainyard-infer",
        arguments: &[],
        never: &["burn", "sea-orm", "leptos", "axum", "tokio", "arrow-array", "parquet"],
    },
    Rule {
        package: "trainyard-export",
        arguments: &[],
        never: &["burn", "sea-orm", "leptos", "axum", "tokio", "arrow-array", "parquet", "tract-core"],
    },
    Rule { package: "trainyard-data", arguments: &[], never: &["sea-orm", "leptos", "axum", "burn"] },
    Rule {
        package: "trainyard-sources",
        arguments: &[],
        never: &["sea-orm", "leptos", "axum", "burn", "trainyard-store", "trainyard-service"],
    },
    Rule {
        package: "trainyard-pipeline",
        arguments: &[],
        never: &["sea-orm", "leptos", "axum", "burn", "trainyard-store", "trainyard-service"],
    },
    Rule {
        package: "trainyard-learn",
        arguments: &[],
        never: &["sea-orm", "leptos", "axum", "arrow-array", "parquet"],
    },
    Rule {
        package: "trainyard-assess",
        arguments: &[],
        never: &["sea-orm", "leptos", "axum", "tokio", "burn", "arrow-array", "parquet"],
    },
    Rule { package: "trainyard-report", arguments: &[], never: &["sea-orm", "leptos", "axum", "tokio", "burn"] },
    Rule {
        package: "trainyard-store",
        arguments: &[],
        never: &["leptos", "axum", "burn", "trainyard-service", "trainyard-data"],
    },
    Rule {
        package: "trainyard-service",
        arguments: &[],
        never: &["leptos", "axum", "burn", "plotters", "datafusion", "trainyard-learn", "trainyard-worker"],
    },
];

/// Gives the number of rules that hold; fails on the first that does not.
pub fn check() -> Result<u64> {
    for rule in RULES {
        let tree = output(
            cargo()?
                .args([
                    "tree",
                    "--locked",
                    "--package",
                    rule.package,
                    "--edges",
                    "normal",
                    "--prefix",
                    "none",
                    "--format",
                    "{p}",
                ])
                .args(rule.arguments),
        )?;
        for line in tree.lines() {
            let name = line.split(' ').next().unwrap_or_default();
            if rule.never.contains(&name) {
                bail!(
                    "{} reaches {name}, which it must not. See it with: cargo tree -p {} -i {name}",
                    rule.package,
                    rule.package
                );
            }
        }
    }
    Ok(RULES.len() as u64)
}
