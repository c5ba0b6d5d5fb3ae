//! No document makes the reader, the checks or the runner panic.

use super::{Bench, Ear, With};
use trainyard_types::pipeline::{layers, order, resolve};

/// Steele's splitmix64: the same documents in each run of the test.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

const SEED: &str = "\
name: p
parameters: {least: {type: integer, default: 1}, who: {default: a}}
schedule: {cron: 0 6 * * MON, timezone: Europe/Zurich}
partitions: {by: month, start: 2026-01-01}
triggers: [{on: webhook}]
steps:
  - {id: t, type: source, file: t.csv}
  - {id: f, type: filter, input: t, where: 'k >= ${least} AND v = ${who}', retry: {max_retries: 1, delay: 0}}
  - {id: j, type: join, input: [t, f], on: {k: k}, how: left}
  - {id: d, type: derive, input: j, columns: {n: k + 1}, timeout_seconds: 5}
  - {id: a, type: aggregate, input: d, by: [v], columns: {n: count(*)}}
  - {id: m, type: fill_missing, input: t, columns: {v: mode, k: {constant: 1}}}
  - {id: b, type: bin, input: t, column: k, edges: [1, 2.5]}
  - {id: c, type: check, input: t, checks: [{expectation: {type: not_be_null, column: k}}]}
  - {id: s, type: split, input: t, method: hash, column: k}
  - {id: w, type: write_out, input: s.train, after: [c], file: x.csv}
";

/// What a reader does with a text; `true` where it is a document in order. What is refused has a place: a line of the text,
/// or what it is in.
fn take(bench: &Bench, text: &str) -> bool {
    let document = match trainyard_pipeline::parse(text) {
        Ok(document) => document,
        Err(problem) => {
            assert!(problem.message.contains("line "), "{}\n{text}", problem.message);
            return false;
        }
    };
    let (order, layers) = (order(&document), layers(&document));
    assert_eq!(order.len(), layers.iter().map(Vec::len).sum::<usize>());
    let _ = resolve(&document, &Default::default());
    let printed = trainyard_pipeline::print(&document).unwrap();
    assert_eq!(trainyard_pipeline::parse(&printed).unwrap(), document, "{printed}");
    match trainyard_pipeline::read(text, &bench.registry) {
        Ok(_) => true,
        Err(problem) => {
            let placed = problem.fields.iter().all(|fault| !fault.field.is_empty() && !fault.message.is_empty());
            assert!(placed && !problem.fields.is_empty(), "{problem:?}\n{text}");
            false
        }
    }
}

#[test]
fn changed_bytes_never_panic() {
    let bench = Bench::new(&[]);
    assert!(take(&bench, SEED));
    let mut chance = Chance(1);
    let (mut good, pieces) = (
        0,
        [
            "${",
            "}",
            "[",
            "]",
            "{",
            ": ",
            "\n",
            "- ",
            "&a ",
            "*a",
            "'",
            "\"",
            "\0",
            "🚂",
            "|",
            "!!binary ",
            "999999999999999999999",
            "-",
            "1e400",
            "~",
        ],
    );
    for _ in 0..3_000 {
        let mut bytes = SEED.as_bytes().to_vec();
        for _ in 0..=chance.below(4) {
            let at = chance.below(bytes.len());
            match chance.below(5) {
                0 => bytes[at] = chance.next() as u8,
                1 => drop(bytes.remove(at)),
                2 => {
                    let piece = chance.of(&pieces);
                    bytes.splice(at..at, piece.bytes());
                }
                3 => {
                    let end = (at + chance.below(40)).min(bytes.len());
                    let part = bytes[at..end].to_vec();
                    let to = chance.below(bytes.len());
                    bytes.splice(to..to, part);
                }
                _ => {
                    let end = (at + chance.below(20)).min(bytes.len());
                    bytes.drain(at..end);
                }
            }
        }
        good += u32::from(take(&bench, &String::from_utf8_lossy(&bytes)));
    }
    // Some changes are harmless, most are not.
    assert!((50..2_500).contains(&good), "{good}");
}

#[test]
fn documents_by_chance_never_panic() {
    let bench = Bench::new(&[]);
    let mut chance = Chance(2);
    let kinds: Vec<&str> = bench.registry.names().collect();
    let values = [
        "1",
        "-1",
        "0.5",
        "k",
        "'k'",
        "[k]",
        "[]",
        "{}",
        "{k: v}",
        "{k: mean}",
        "true",
        "''",
        "~",
        "[1, 2]",
        "${p}",
        "'${p} x'",
        "SELECT * FROM a",
        "k > 1",
        "x.csv",
        "random",
        "nan",
    ];
    let fields: Vec<String> = bench
        .registry
        .views()
        .into_iter()
        .flat_map(|kind| kind.fields)
        .map(|field| field.name)
        .chain(["retry", "after", "cache", "timeout_seconds", "nonsense"].map(str::to_owned))
        .collect();
    for _ in 0..3_000 {
        let mut text = String::from("name: p\nparameters: {p: {default: k}}\nsteps:\n");
        let steps = 1 + chance.below(6);
        for step in 0..steps {
            text.push_str(&format!("  - id: s{step}\n    type: {}\n", chance.of(&kinds)));
            if chance.below(3) > 0 {
                text.push_str(&format!("    input: [s{}, s{}.train]\n", chance.below(steps + 1), chance.below(steps)));
            }
            for _ in 0..chance.below(4) {
                let field = fields[chance.below(fields.len())].as_str();
                text.push_str(&format!("    {field}: {}\n", chance.of(&values)));
            }
        }
        take(&bench, &text);
    }
}

/// Documents that pass are run too: a step may fail, the process may not.
#[test]
fn settings_by_chance_never_panic_in_a_run() {
    let bench = Bench::new(&[("t.csv", "k,v,x\n1,a,0.5\n2,b,\n3,,1.5\n1,a,0.5\n")]);
    let mut chance = Chance(3);
    let columns = ["k", "v", "x", "nope"];
    let (mut ran, mut failed) = (0, 0);
    for _ in 0..150 {
        let c = chance.of(&columns);
        let number = chance.of(&["0", "1", "2", "0.5", "-3", "1e308"]);
        let settings = match chance.below(12) {
            0 => format!("type: select\n{}: [{c}]", chance.of(&["columns", "drop"])),
            1 => format!(
                "type: cast\ncolumns: {{{c}: {}}}",
                chance.of(&["integer", "float", "boolean", "text", "datetime"])
            ),
            2 => format!(
                "type: fill_missing\ncolumns: {{{c}: {}}}",
                chance.of(&["mean", "median", "mode", "{constant: a}", "{constant: 1}"])
            ),
            3 => format!("type: bin\ncolumn: {c}\n{}", chance.of(&["edges: [1]", "equal_width: 3", "quantiles: 5"])),
            4 => format!(
                "type: encode\ncolumns: [{c}]\nmethod: {}\ntarget: x",
                chance.of(&["one_hot", "ordinal", "target"])
            ),
            5 => format!(
                "type: rebalance\ncolumn: {c}\nmethod: {}\nratio: {number}",
                chance.of(&["under", "over", "weights"])
            ),
            6 => format!("type: sample\nfraction: {number}\nby: {c}"),
            7 => format!(
                "type: split\nmethod: {}\ncolumn: {c}\ntest: {number}",
                chance.of(&["random", "time", "group", "hash", "given"])
            ),
            8 => {
                format!("type: derive\ncolumns: {{y: {c} {} {number}}}", chance.of(&["+", "/", "%", "||", "<", "AND"]))
            }
            9 => format!(
                "type: window\norder_by: [{c}]\ncolumns: {{w: {}(x)}}",
                chance.of(&["lag", "sum", "nope", "ntile"])
            ),
            10 => format!(
                "type: aggregate\nby: [{c}]\ncolumns: {{n: {}({c})}}",
                chance.of(&["count", "sum", "avg", "lag"])
            ),
            _ => format!("type: deduplicate\ncolumns: [{c}]\norder_by: {}", chance.of(&columns)),
        };
        let Ok(document) = bench.read(&super::one(&settings)) else { continue };
        let outcome = bench.run_with(&document, &With::default(), &Ear::default());
        ran += 1;
        if let Some(problem) = outcome.problem {
            failed += 1;
            assert!(!problem.message.contains("error in the program"), "{settings}: {problem}");
            assert!(problem.message.lines().count() == 1, "{settings}: {problem}");
        }
    }
    assert!(ran > 80 && failed > 20 && failed < ran, "{failed} of {ran}");
}
