//! Steps that choose, join, sum up and divide rows.

use super::{Bench, report};

#[test]
fn rows_are_filtered_and_made_unique() {
    let bench = Bench::new(&[("t.csv", "k,v\n1,a\n2,b\n1,a\n1,c\n")]);
    assert_eq!(bench.step("type: filter\nwhere: k = 1 AND v <> 'a'"), ["k v", "1 c"]);
    assert_eq!(bench.step("type: filter\nwhere: k > 5"), ["k v"]);
    assert_eq!(bench.step("type: deduplicate"), ["k v", "1 a", "2 b", "1 c"]);
    assert_eq!(bench.step("type: deduplicate\ncolumns: [k]"), ["k v", "1 a", "2 b"]);
    assert_eq!(bench.step("type: deduplicate\ncolumns: [k]\nkeep: last"), ["k v", "2 b", "1 c"]);
    assert_eq!(bench.step("type: deduplicate\ncolumns: [k]\nkeep: last\norder_by: v")[1..], ["2 b", "1 c"]);
    assert!(bench.fault("type: filter\nwhere: k = 1) OR (1 = 1").contains("no SQL expression"));
    assert!(
        bench.fault("type: filter\nwhere: k").contains("Cannot create filter")
            || !bench.fault("type: filter\nwhere: v").is_empty()
    );
}

#[test]
fn tables_are_joined() {
    let bench = Bench::new(&[("t.csv", "k,v\n1,a\n2,b\n3,c\n"), ("u.csv", "k,v,w\n2,B,x\n2,C,y\n4,D,z\n")]);
    let join = |how: &str| -> Vec<String> {
        let outcome = bench.run(&format!(
            "  - {{id: t, type: source, file: t.csv}}\n  - {{id: u, type: source, file: u.csv}}\n  \
             - {{id: x, type: join, input: [t, u], on: k, how: {how}}}\n"
        ));
        let mut lines = bench.lines(report(&outcome, "x"), "");
        lines[1..].sort();
        lines
    };
    assert_eq!(join("inner"), ["k v v_right w", "2 b B x", "2 b C y"]);
    assert_eq!(join("left"), ["k v v_right w", "1 a . .", "2 b B x", "2 b C y", "3 c . ."]);
    assert_eq!(join("right"), ["k v v_right w", "2 b B x", "2 b C y", "4 . D z"]);
    assert_eq!(join("full"), ["k v v_right w", "1 a . .", "2 b B x", "2 b C y", "3 c . .", "4 . D z"]);
    assert_eq!(join("semi"), ["k v", "2 b"]);
    assert_eq!(join("anti"), ["k v", "1 a", "3 c"]);
    let texts = Bench::new(&[("t.csv", "k\n1\n"), ("u.csv", "k\nx\n")]);
    let outcome = texts.run(
        "  - {id: t, type: source, file: t.csv}\n  - {id: u, type: source, file: u.csv}\n  \
         - {id: x, type: join, input: [t, u], on: k}\n",
    );
    assert!(outcome.problem.unwrap().message.contains("Make them alike by a cast step"));
}

#[test]
fn groups_are_summed_up() {
    let bench = Bench::new(&[("t.csv", "g,x\nb,1\na,2\nb,3\na,\n")]);
    assert_eq!(
        bench.step("type: aggregate\nby: [g]\ncolumns: {n: count(*), total: sum(x), mean: avg(x)}"),
        ["g mean n total", "a 2 2 2", "b 2 2 4"]
    );
    assert_eq!(bench.step("type: aggregate\ncolumns: {n: count(x)}"), ["n", "3"]);
    assert!(bench.fault("type: aggregate\nby: [h]\ncolumns: {n: count(*)}").contains("no column 'h'"));
    assert!(bench.fault("type: aggregate\nby: [g]\ncolumns: {g: count(*)}").contains("Choose another name"));
}

#[test]
fn windows_look_at_neighbours() {
    let bench = Bench::new(&[("t.csv", "g,t,x\na,1,10\nb,1,1\na,2,20\na,3,60\nb,2,3\n")]);
    let mut lines = bench
        .step("type: window\npartition_by: [g]\norder_by: [t]\npreceding: 1\ncolumns: {mean: avg(x), before: lag(x)}");
    lines[1..].sort();
    assert_eq!(lines, ["g t x before mean", "a 1 10 . 10", "a 2 20 10 15", "a 3 60 20 40", "b 1 1 . 1", "b 2 3 1 2"]);
    let mut lines = bench.step("type: window\norder_by: [-x]\ncolumns: {rank: rank()}");
    lines[1..].sort();
    assert_eq!(lines[1..], ["a 1 10 3", "a 2 20 2", "a 3 60 1", "b 1 1 5", "b 2 3 4"]);
    assert!(bench.fault("type: window\npreceding: 1\ncolumns: {m: avg(x)}").contains("order_by"));
}

#[test]
fn sql_asks_all_inputs() {
    let bench = Bench::new(&[("t.csv", "k,v\n1,a\n2,b\n")]);
    assert_eq!(
        bench.step(
            "type: sql\nquery: |\n  WITH twice AS (SELECT k * 2 AS d FROM t)\n  SELECT max(d) AS most FROM twice"
        ),
        ["most", "4"]
    );
    for (query, words) in [
        ("SELECT nope FROM t", "nope"),
        ("SELECT * FROM other", "other"),
        ("SELEC 1", "SELEC"),
        ("DROP TABLE t", "Only a query"),
        ("COPY t TO 'x.csv'", "Only a query"),
        ("SET a = 1", "Only a query"),
        ("CREATE EXTERNAL TABLE p STORED AS CSV LOCATION '/etc/passwd'", "Only a query"),
        ("SELECT 1; SELECT 2", ""),
        ("SELECT * FROM '/etc/passwd'", ""),
        ("SELECT [k] AS list FROM t", "which a table can't hold"),
        ("SELECT k, k FROM t", ""),
    ] {
        let fault = bench.fault(&format!("type: sql\nquery: {}", serde_json::to_string(query).unwrap()));
        assert!(fault.contains("Step 'x'") && fault.contains(words) && fault.lines().count() == 1, "{query}: {fault}");
    }
}

#[test]
fn samples_are_the_same_for_the_same_seed() {
    let text: String =
        (0..100).fold("k,g\n".into(), |text, k| format!("{text}{k},{}\n", if k < 20 { "a" } else { "b" }));
    let bench = Bench::new(&[("t.csv", &text)]);
    let sample = bench.step("type: sample\nrows: 30\nseed: 7");
    assert_eq!(sample.len(), 31);
    assert_eq!(sample, bench.step("type: sample\nrows: 30\nseed: 7\n"));
    assert_ne!(sample, bench.step("type: sample\nrows: 30\nseed: 8"));
    let order: Vec<u32> = sample[1..].iter().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
    assert!(order.is_sorted());
    let by = bench.step("type: sample\nfraction: 0.25\nby: g");
    assert_eq!((by.len(), by.iter().filter(|line| line.ends_with('a')).count()), (26, 5));
    assert!(bench.fault("type: sample\nfraction: 1.5").contains("fraction"));
}

#[test]
fn classes_are_evened_out() {
    let text: String = (0..10).fold("k,c\n".into(), |text, k| format!("{text}{k},{}\n", if k < 2 { "a" } else { "b" }));
    let bench = Bench::new(&[("t.csv", &text)]);
    let counts = |settings: &str| {
        let lines = bench.step(&format!("type: rebalance\ncolumn: c\n{settings}"));
        (lines.iter().filter(|l| l.ends_with(" a")).count(), lines.iter().filter(|l| l.ends_with(" b")).count())
    };
    assert_eq!(counts("method: under"), (2, 2));
    assert_eq!(counts("method: under\nratio: 0.5"), (2, 4));
    assert_eq!(counts("method: over"), (8, 8));
    assert_eq!(counts("method: over\nratio: 0.5"), (4, 8));
    // n / (classes * rows of the class): 10 / (2 * 2) and 10 / (2 * 8).
    let lines = bench.step("type: rebalance\ncolumn: c\nmethod: weights");
    assert_eq!((lines[0].as_str(), lines[1].as_str(), lines[3].as_str()), ("k c weight", "0 a 2.5", "2 b 0.625"));
}

#[test]
fn rows_are_divided_into_parts() {
    let text: String = (0..100).fold("k,y\n".into(), |text, k| format!("{text}{k},{}\n", k % 2));
    let bench = Bench::new(&[("t.csv", &text)]);
    let outcome = bench.run(&super::one("type: split\ntarget: y\nvalid: 0.1\ntest: 0.3"));
    let step = report(&outcome, "x");
    let size = |part: &str| bench.lines(step, part).len() - 1;
    assert_eq!((size(""), size("train"), size("valid"), size("test")), (100, 60, 10, 30));
    assert_eq!(bench.lines(step, "")[0], "k y split");
    assert_eq!(bench.lines(step, "test")[0], "k y");
    let ones = bench.lines(step, "test").iter().filter(|line| line.ends_with(" 1")).count();
    assert_eq!(ones, 15);
    let mut all: Vec<String> =
        ["train", "valid", "test"].iter().flat_map(|p| bench.lines(step, p)[1..].to_vec()).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 100);
    let time = bench.run(&super::one("type: split\nmethod: time\ncolumn: k"));
    assert_eq!(bench.lines(report(&time, "x"), "test")[1], "80 0");
    assert!(bench.fault("type: split\nmethod: group").contains("Name the 'column'"));
}

#[test]
fn checks_are_a_gate() {
    let bench = Bench::new(&[("t.csv", "k,v\n1,a\n2,\n")]);
    let gate = |severity: &str, more: &str| {
        format!(
            "type: check\nchecks: [{{expectation: {{type: not_be_null, column: v}}, severity: {severity}}}]\n{more}"
        )
    };
    assert!(bench.fault(&gate("warning", "")).contains("don't pass"));
    assert!(bench.fault(&gate("critical", "stop_at: critical")).contains("not_be_null of v"));
    assert_eq!(bench.step(&gate("warning", "stop_at: critical")), ["k v", "1 a", "2 ."]);
    assert!(bench.fault("type: check\nchecks: [{expectation: {type: not_null, column: v}}]").contains("not_null"));
    assert!(bench.fault("type: check\nchecks: [{expectation: {type: not_be_null, column: z}}]").contains('z'));
    bench.write("suite.yaml", "name: s\nchecks: [{expectation: {type: not_be_null, column: k}}]\n");
    assert_eq!(bench.step("type: check\nsuite: suite.yaml").len(), 3);
    assert!(bench.fault("type: check\nsuite: ../suite.yaml").contains("leads out"));
}

#[test]
fn tables_are_written_out_as_files() {
    let bench =
        Bench::new(&[("t.csv", "k,v,at\n1,\"a,\"\"b\",2026-01-31T10:00:00Z\n2,,\n3,c,2026-02-01T00:00:00.5Z\n")]);
    for file in ["x.csv", "sub/x.tsv", "x.jsonl", "x.parquet"] {
        let outcome = bench.run(&super::one(&format!("type: write_out\nfile: {file}")));
        assert!(outcome.problem.is_none(), "{:?}", outcome.problem);
    }
    let read = |name: &str| std::fs::read_to_string(bench.path("out").join(name)).unwrap();
    assert_eq!(read("x.csv"), "k,v,at\n1,\"a,\"\"b\",2026-01-31T10:00:00Z\n2,,\n3,c,2026-02-01T00:00:00.500Z\n");
    assert_eq!(read("x.jsonl").lines().next().unwrap(), r#"{"k":1,"v":"a,\"b","at":"2026-01-31T10:00:00Z"}"#);
    assert!(read("sub/x.tsv").starts_with("k\tv\tat\n1\t\"a,\"\"b\"\t"));
    assert_eq!(trainyard_data::rows(&bench.path("out/x.parquet"), 0, 5).unwrap().total, 3);
    assert!(bench.fault("type: write_out\nfile: x.xls").contains("no known ending"));
    assert!(bench.fault("type: write_out\nfile: ../x.csv").contains("leads out"));
    assert!(bench.fault("type: write_out\nfile: /tmp/x.csv").contains("leads out"));
}
