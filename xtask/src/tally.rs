//! Counting what the test runners report.

use anyhow::{Context, Result};
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    thread,
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// One check that holds or does not.
    pub fn one(held: bool) -> Self {
        Self { passed: u64::from(held), failed: u64::from(!held), skipped: 0 }
    }
}

/// Reads one line of a runner's output. libtest: `test result: ok. 5 passed; 1 failed; 2 ignored; …` and our own
/// `SKIPPED name: reason` of a test that passed for want of what it needs; node: `# pass 5` or `ℹ pass 5`, and so on.
pub fn read_line(line: &str, tally: &mut Tally) {
    if let Some(rest) = line.strip_prefix("test result: ") {
        let count = |word: &str| {
            rest.split([';', '.'])
                .find_map(|part| part.trim().strip_suffix(word).and_then(|number| number.trim().parse().ok()))
                .unwrap_or(0u64)
        };
        tally.passed += count(" passed");
        tally.failed += count(" failed");
        tally.skipped += count(" ignored");
    } else if line.starts_with("SKIPPED ") {
        tally.skipped += 1;
        tally.passed = tally.passed.saturating_sub(1);
    } else if let Some(rest) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) {
        let mut words = rest.split(' ');
        if let (Some(word), Some(Ok(number)), None) = (words.next(), words.next().map(str::parse::<u64>), words.next())
        {
            match word {
                "pass" => tally.passed += number,
                "fail" | "cancelled" => tally.failed += number,
                "skipped" | "todo" => tally.skipped += number,
                _ => {}
            }
        }
    }
}

/// Runs a test runner, shows its output and counts. A runner that fails without having counted a failure counts as one.
pub fn run(command: &mut Command) -> Result<Tally> {
    let mut child =
        command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().context("can't start the test runner")?;
    let stdout = child.stdout.take().context("the test runner has no output")?;
    let reader = thread::spawn(move || {
        let mut tally = Tally::default();
        // SKIPPED lines stand before their binary's result line, so they are settled after it.
        let mut skipped = 0;
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            println!("{line}");
            if line.starts_with("SKIPPED ") {
                skipped += 1;
            } else {
                read_line(&line, &mut tally);
            }
        }
        for _ in 0..skipped {
            read_line("SKIPPED ", &mut tally);
        }
        tally
    });
    let status = child.wait()?;
    let mut tally = reader.join().map_err(|_| anyhow::anyhow!("the output's reader stopped"))?;
    if !status.success() && tally.failed == 0 {
        tally.failed = 1;
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_libtest_node_and_own_skips() {
        let mut tally = Tally::default();
        for line in [
            "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s",
            "SKIPPED store_on_postgres: no server",
            "# tests 9",
            "# pass 7",
            "ℹ fail 2",
            "# skipped 1",
            "# pass these on",
        ] {
            read_line(line, &mut tally);
        }
        assert_eq!(tally, Tally { passed: 11, failed: 2, skipped: 3 });
    }
}
