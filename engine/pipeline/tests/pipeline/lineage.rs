//! Which columns a column comes from.

use super::{Bench, report};
use std::collections::BTreeMap;

fn lineage(bench: &Bench, steps: &str) -> BTreeMap<String, Vec<String>> {
    let outcome = bench.run(steps);
    assert!(outcome.problem.is_none(), "{:?}", outcome.problem);
    report(&outcome, "x").lineage.clone()
}

fn is(found: &BTreeMap<String, Vec<String>>, column: &str, from: &[&str]) {
    assert_eq!(found[column], from, "{column}");
}

#[test]
fn columns_of_queries_name_their_origins() {
    let bench = Bench::new(&[("t.csv", "k,a,b\n1,2,3\n"), ("u.csv", "k,c\n1,5\n")]);
    let sources = "  - {id: t, type: source, file: t.csv}\n  - {id: u, type: source, file: u.csv}\n";
    let found = lineage(
        &bench,
        &format!(
            "{sources}  - id: x\n    type: sql\n    input: [t, u]\n    query: |\n      \
             WITH s AS (SELECT k, a + b AS ab FROM t WHERE b > 0)\n      \
             SELECT s.k, s.ab * u.c AS all_three, 1 AS one, CASE WHEN c > 1 THEN ab END AS some,\n        \
             (SELECT max(a) FROM t) AS most FROM s JOIN u ON s.k = u.k ORDER BY 1\n"
        ),
    );
    is(&found, "k", &["t.k"]);
    is(&found, "all_three", &["t.a", "t.b", "u.c"]);
    is(&found, "one", &[]);
    is(&found, "some", &["t.a", "t.b", "u.c"]);
    is(&found, "most", &["t.a"]);
    let found = lineage(
        &bench,
        &format!(
            "{sources}  - id: x\n    type: sql\n    input: [t, u]\n    query: |\n      \
             SELECT k, sum(a) AS total, row_number() OVER (ORDER BY k) AS nth FROM t GROUP BY k UNION ALL SELECT k, c, 0 FROM u\n"
        ),
    );
    is(&found, "k", &["t.k", "u.k"]);
    is(&found, "total", &["t.a", "u.c"]);
    is(&found, "nth", &["t.k"]);
}

#[test]
fn columns_of_steps_name_their_origins() {
    let bench = Bench::new(&[("t.csv", "k,a,b\n1,2,3\n"), ("u.csv", "k,c\n1,5\n")]);
    let sources = "  - {id: t, type: source, file: t.csv}\n  - {id: u, type: source, file: u.csv}\n";
    let of = |step: &str| lineage(&bench, &format!("{sources}  - {{id: x, {step}}}\n"));
    let joined = of("type: join, input: [t, u], on: k, how: full");
    is(&joined, "k", &["t.k", "u.k"]);
    is(&joined, "c", &["u.c"]);
    is(&of("type: rename, input: t, columns: {a: z}"), "z", &["t.a"]);
    is(&of("type: derive, input: t, columns: {z: a * b}"), "z", &["t.a", "t.b"]);
    is(&of("type: deduplicate, input: t, columns: [k]"), "b", &["t.b"]);
    is(&of("type: aggregate, input: t, by: [k], columns: {z: avg(b)}"), "z", &["t.b"]);
    is(&of("type: sample, input: t, rows: 1"), "a", &["t.a"]);
}
