//! Tables for `cargo xtask bench data`: `generate ROWS CSV` writes one; `store CSV PARQUET` (without a profile),
//! `ingest CSV PARQUET`, `inspect CSV`, `profile PARQUET` and `checks PARQUET [SUITE.json BYTES]` print one JSON object with
//! `seconds` and `peak_mib`, the most memory that was resident.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use rand::{RngExt, SeedableRng};
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    ops::ControlFlow,
    path::Path,
    time::Instant,
};
use trainyard_data::{Memory, checks};
use trainyard_types::{checks::Suite, dataset::BadRows};

/// Ten columns: three floats, three whole numbers, three texts of 5, 60 and 5,000 values, one instant; 2 % gaps.
fn generate(rows: u64, path: &Path) {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    writeln!(out, "amount,rate,score,age,visits,zip,plan,region,merchant,at").unwrap();
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    for row in 0..rows {
        let mut unit = || random.random::<f64>();
        let amount = -unit().max(1e-12).ln() * 80.0;
        let (rate, score) = (unit(), unit() + unit() + unit());
        let (age, visits) = (18.0 + unit() * 70.0, -unit().max(1e-12).ln() * 4.0);
        let (zip, plan, region) = (unit() * 90_000.0, unit() * unit() * 5.0, unit() * 60.0);
        let (merchant, gap) = (unit() * unit() * 5_000.0, unit());
        let seconds = row * 31 % 86_400;
        let day = 1 + row / 3_000 % 28;
        if gap < 0.02 {
            write!(out, ",").unwrap();
        } else {
            write!(out, "{amount:.2},").unwrap();
        }
        writeln!(
            out,
            "{rate:.6},{score:.4},{age:.0},{visits:.0},{zip:.0},plan{plan:.0},region {region:.0},merchant-{merchant:.0},2026-{:02}-{day:02} {:02}:{:02}:{:02}",
            1 + row / 84_000 % 12,
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        )
        .unwrap();
    }
    out.flush().unwrap();
}

/// The checks that the peer makes too.
fn suite() -> Suite {
    serde_json::from_value(serde_json::json!({"name": "suite", "checks": [
        {"expectation": {"type": "not_be_null", "column": "rate"}},
        {"expectation": {"type": "not_be_null", "column": "amount"}, "mostly": 0.95},
        {"expectation": {"type": "be_between", "column": "age", "min": 18, "max": 88}},
        {"expectation": {"type": "be_between", "column": "rate", "min": 0, "max": 1}},
        {"expectation": {"type": "be_in_set", "column": "plan",
                         "values": ["plan0", "plan1", "plan2", "plan3", "plan4", "plan5"]}},
        {"expectation": {"type": "match_regex", "column": "merchant", "regex": "^merchant-[0-9]+$"}},
        {"expectation": {"type": "mean_to_be_between", "column": "score", "min": 1.4, "max": 1.6}},
        {"expectation": {"type": "stdev_to_be_between", "column": "score", "min": 0.4, "max": 0.6}},
        {"expectation": {"type": "unique_value_count_to_be_between", "column": "region", "min": 50, "max": 70}},
        {"expectation": {"type": "table_row_count_to_be_between", "min": 900_000, "max": 1_100_000}},
    ]}))
    .unwrap()
}

/// The most memory that was resident so far, MiB; 0 where the system doesn't tell.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = |index: usize| Path::new(&arguments[index]);
    let start = Instant::now();
    match arguments[0].as_str() {
        "generate" => return generate(arguments[1].parse().unwrap(), path(2)),
        "ingest" => {
            let options = trainyard_data::inspect(path(1), "table.csv").unwrap().options;
            let go_on = &mut |_| ControlFlow::Continue(());
            trainyard_data::ingest(path(1), &options, BadRows::Refuse, path(2), Default::default(), go_on).unwrap();
        }
        "store" => {
            let options = trainyard_data::inspect(path(1), "table.csv").unwrap().options;
            let go_on = &mut |_| ControlFlow::Continue(());
            trainyard_data::store(path(1), &options, BadRows::Refuse, path(2), Default::default(), go_on).unwrap();
        }
        "inspect" => drop(trainyard_data::inspect(path(1), "table.csv").unwrap()),
        "profile" => drop(trainyard_data::profile(path(1), Default::default()).unwrap()),
        "checks" if arguments.len() > 3 => {
            let suite: Suite = serde_json::from_slice(&fs::read(path(2)).unwrap()).unwrap();
            let memory = Memory::new(arguments[3].parse().unwrap()).unwrap();
            for result in checks::run(path(1), &suite, memory).unwrap().results {
                println!("{}: {}", result.check.expectation.type_name(), result.observed.words);
            }
        }
        "checks" => assert_eq!(checks::run(path(1), &suite(), Default::default()).unwrap().outcome, None),
        other => panic!("'{other}' is none of generate, store, ingest, inspect, profile and checks"),
    }
    println!("{}", serde_json::json!({ "seconds": start.elapsed().as_secs_f64(), "peak_mib": peak_mib() }));
}
