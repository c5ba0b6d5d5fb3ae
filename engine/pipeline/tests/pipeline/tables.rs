//! Steps that choose, compute and fill columns.

use super::Bench;

/// Three people; one age and one city are missing.
const PEOPLE: &str = "id,age,city\n1,30,Bern\n2,,Basel\n3,50,\n";

#[test]
fn columns_are_selected_renamed_and_cast() {
    let bench = Bench::new(&[("t.csv", PEOPLE)]);
    assert_eq!(bench.step("type: select\ncolumns: [city, id]"), ["city id", "Bern 1", "Basel 2", ". 3"]);
    assert_eq!(bench.step("type: select\ndrop: [city]"), ["id age", "1 30", "2 .", "3 50"]);
    assert_eq!(bench.step("type: rename\ncolumns: {city: town}")[0], "id age town");
    assert_eq!(bench.step("type: cast\ncolumns: {id: float, age: text}")[1], "1 30 Bern");
    let report = bench.run(&super::one("type: cast\ncolumns: {id: float, age: text}"));
    let kinds: Vec<&str> = super::report(&report, "x").outputs[0].columns.iter().map(|c| c.kind.as_str()).collect();
    assert_eq!(kinds, ["float", "text", "text"]);
    assert!(
        bench.fault("type: select\ncolumns: [town]").contains("has no column 'town'. Its columns are id, age, city.")
    );
    assert!(bench.fault("type: select\ncolumns: [id]\ndrop: [age]").contains("either"));
    assert!(bench.fault("type: rename\ncolumns: {city: age}").contains("Two columns would be named 'age'"));
    let texts = Bench::new(&[("t.csv", "a,d\nx1,2026-01-31\n7,2026-02-01\n")]);
    assert!(texts.fault("type: cast\ncolumns: {a: integer}").contains("x1"));
    assert_eq!(
        texts.step("type: cast\ncolumns: {a: integer}\non_error: missing")[1..],
        [". 2026-01-31", "7 2026-02-01"]
    );
}

#[test]
fn columns_are_derived_from_others() {
    let bench = Bench::new(&[("t.csv", PEOPLE)]);
    assert_eq!(
        bench.step("type: derive\ncolumns:\n  next: age + 1\n  city: upper(city)\n  old: age > 40"),
        ["id age city next old", "1 30 BERN 31 false", "2 . BASEL . .", "3 50 . 51 true"]
    );
    // A comment at the end does not swallow what is put behind.
    assert_eq!(bench.step("type: derive\ncolumns:\n  k: id * 2 -- twice")[1], "1 30 Bern 2");
    assert!(bench.fault("type: derive\ncolumns: {k: town + 1}").contains("town"));
    assert!(bench.fault("type: derive\ncolumns: {k: 'age +'}").contains("no SQL expression"));
    assert!(bench.fault("type: derive\ncolumns: {k: 'age, id'}").contains("no SQL expression"));
    assert!(bench.fault("type: derive\ncolumns: {}").contains("Name a column"));
}

#[test]
fn gaps_are_filled_by_figures_of_the_column() {
    // Mean of 1, 1, 4 is 2, median 1, most frequent 1; of the texts b is most frequent.
    let bench = Bench::new(&[("t.csv", "k,x,s\n1,1,a\n2,,b\n3,1,\n4,4,b\n5,,\n")]);
    let column = |settings: &str, at: usize| -> Vec<String> {
        let lines = bench.step(settings);
        lines[1..].iter().map(|line| line.split(' ').nth(at).unwrap().to_owned()).collect()
    };
    assert_eq!(column("type: fill_missing\ncolumns: {x: mean}", 1), ["1", "2", "1", "4", "2"]);
    assert_eq!(column("type: fill_missing\ncolumns: {x: median}", 1), ["1", "1", "1", "4", "1"]);
    assert_eq!(column("type: fill_missing\ncolumns: {x: mode}", 1), ["1", "1", "1", "4", "1"]);
    assert_eq!(column("type: fill_missing\ncolumns: {s: mode}", 2), ["a", "b", "b", "b", "b"]);
    assert_eq!(column("type: fill_missing\ncolumns: {s: {constant: none}}", 2), ["a", "b", "none", "b", "none"]);
    assert_eq!(column("type: fill_missing\ncolumns: {x: {constant: -1}}", 1), ["1", "-1", "1", "4", "-1"]);
    assert_eq!(column("type: fill_missing\ncolumns: {x: forward}\norder_by: k", 1), ["1", "1", "1", "4", "4"]);
    assert_eq!(
        bench.step("type: fill_missing\ncolumns: {x: {constant: 0}}\nindicator: true")[..3],
        ["k x s x_missing", "1 1 a false", "2 0 b true"]
    );
    assert!(bench.fault("type: fill_missing\ncolumns: {s: mean}").contains("'s' is text"));
    assert!(bench.fault("type: fill_missing\ncolumns: {x: forward}").contains("order_by"));
    let groups = Bench::new(&[("t.csv", "g,k,x\na,1,1\nb,1,\na,2,\nb,2,7\nb,3,\n")]);
    assert_eq!(
        groups.step("type: fill_missing\ncolumns: {x: forward}\norder_by: k\npartition_by: g"),
        ["g k x", "a 1 1", "a 2 1", "b 1 .", "b 2 7", "b 3 7"]
    );
    let empty = Bench::new(&[("t.csv", "k,x\n1,\n2,\n")]);
    assert!(empty.fault("type: fill_missing\ncolumns: {k: mean, x: mode}").contains("no value at all"));
}

#[test]
fn texts_are_tidied() {
    let bench = Bench::new(&[("t.csv", "s\n\"  Alpha   Beta \"\nn/a\n\"x-1\"\n-\n")]);
    assert_eq!(bench.step("type: text_clean\ncolumns: [s]\ncase: lower")[1..], ["alpha beta", "n/a", "x-1", "-"]);
    assert_eq!(
        bench.step("type: text_clean\ncolumns: [s]\nremove: '[0-9]+'\nreplace: {n/a: unknown}\nmissing: ['-']")[1..],
        ["Alpha Beta", "unknown", "x-", "."]
    );
    let numbers = Bench::new(&[("t.csv", "n\n1\n")]);
    assert!(numbers.fault("type: text_clean\ncolumns: [n]").contains("not text"));
}

#[test]
fn numbers_are_divided_into_bins() {
    let bench = Bench::new(&[("t.csv", "x\n0\n2\n5\n9\n\n10\n")]);
    let bins = |settings: &str| -> Vec<String> {
        let lines = bench.step(&format!("type: bin\ncolumn: x\n{settings}"));
        lines[1..].iter().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
    };
    // A value on an edge belongs to the bin above.
    assert_eq!(bins("edges: [2, 9]\nlabels: [low, mid, high]"), ["low", "mid", "mid", "high", "high"]);
    // 0 to 10 in two: the edge is 5.
    assert_eq!(bins("equal_width: 2"), ["0", "0", "1", "1", "1"]);
    assert!(bench.fault("type: bin\ncolumn: x\nedges: [2]\nequal_width: 2").contains("one of"));
    assert!(bench.fault("type: bin\ncolumn: x\nedges: [2, 1]").contains("rise"));
    assert!(bench.fault("type: bin\ncolumn: x\nedges: [2]\nlabels: [a]").contains("2 bins and 1 labels"));
    let eight = Bench::new(&[("t.csv", "x\n1\n2\n3\n4\n5\n6\n7\n8\n")]);
    let lines = eight.step("type: bin\ncolumn: x\nquantiles: 4");
    assert_eq!(lines[1..], ["1 0", "2 0", "3 1", "4 1", "5 2", "6 2", "7 3", "8 3"]);
}

#[test]
fn categories_become_numbers() {
    let bench = Bench::new(&[("t.csv", "c,y\nb,1\na,0\nb,0\n,1\nc,1\n")]);
    assert_eq!(
        bench.step("type: encode\nmethod: one_hot\ncolumns: [c]"),
        ["y c_b c_a c_c", "1 1 0 0", "0 0 1 0", "0 1 0 0", "1 0 0 0", "1 0 0 1"]
    );
    assert_eq!(bench.step("type: encode\nmethod: one_hot\ncolumns: [c]\nmax_categories: 1")[0], "y c_b");
    assert_eq!(
        bench.step("type: encode\nmethod: ordinal\ncolumns: [c]\nkeep: true"),
        ["c y c_code", "b 1 1", "a 0 0", "b 0 1", ". 1 .", "c 1 2"]
    );
    assert_eq!(bench.step("type: encode\nmethod: ordinal\ncolumns: [c]\norder: [c, b]")[1..3], ["1 1", "0 ."]);
    assert!(bench.fault("type: encode\nmethod: target\ncolumns: [c]").contains("needs the 'target'"));
}

/// Each row's value comes from the rows of the other folds: with as many folds as make every row its own, the value of a
/// category that occurs twice is the other row's target.
#[test]
fn a_target_mean_never_holds_the_rows_own_target() {
    let mut text = String::from("c,y\n");
    for pair in 0..40 {
        text.push_str(&format!("p{pair},{}\np{pair},{}\n", 1, 0));
    }
    let bench = Bench::new(&[("t.csv", &text)]);
    let lines = bench.step("type: encode\nmethod: target\ncolumns: [c]\ntarget: y\nsmoothing: 0\nfolds: 50");
    let mut opposite = 0;
    for line in &lines[1..] {
        let (y, mean) = line.split_once(' ').unwrap();
        match mean {
            // Both rows of the pair in one fold: nothing is known of it elsewhere.
            "." => {}
            mean => {
                opposite += 1;
                assert_ne!(mean.parse::<f64>().unwrap(), y.parse::<f64>().unwrap(), "{line}");
            }
        }
    }
    assert!(opposite > 60, "{opposite}");
}
