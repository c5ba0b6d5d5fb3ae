//! Tables for `cargo xtask bench data`: `generate ROWS CSV` writes one; `ingest CSV PARQUET` and `profile PARQUET` print
//! one JSON object with `seconds` and `peak_mib`, the most memory that was resident.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use rand::{RngExt, SeedableRng};
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    ops::ControlFlow,
    path::Path,
    time::Instant,
};
use trainyard_types::dataset::BadRows;

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
            trainyard_data::ingest(path(1), &options, BadRows::Refuse, path(2), go_on).unwrap();
        }
        "profile" => drop(trainyard_data::profile(path(1)).unwrap()),
        other => panic!("'{other}' is none of generate, ingest and profile"),
    }
    println!("{}", serde_json::json!({ "seconds": start.elapsed().as_secs_f64(), "peak_mib": peak_mib() }));
}
