use super::*;
use crate::experiments::Attribute;

fn read(text: &str) -> Result<Filter, String> {
    text.parse()
}

#[test]
fn mlflows_examples_are_understood() {
    let filter = read("metrics.accuracy > 0.8 and params.family = 'trees'").map(|filter| filter.clauses);
    let expected = [
        Clause { field: Field::metric("accuracy"), test: Test::Number(Order::More, 0.8) },
        Clause { field: Field::param("family"), test: Test::Text { not: false, value: "trees".into() } },
    ];
    assert_eq!(filter, Ok(expected.to_vec()));
    for text in [
        "metric.`valid loss` <= 1e-3 AND tags.\"mlflow.source\" ILIKE '%git%'",
        "attributes.run_name LIKE 'My%' and status = 'succeeded' and start_time >= 1664067852747",
        "params.`learning rate` = '0.1' and tags.owner IS NOT NULL",
        "run_id NOT IN ('a', 'b') and params.depth IS NULL and metrics.loss:min != -.5",
        "created >= '2026-11-23'",
    ] {
        let filter = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(read(&filter.to_string()), Ok(filter.clone()), "{filter}");
    }
    assert_eq!(read("  "), Ok(Filter::default()));
    assert_eq!(
        read("created < '1970-01-02'").map(|f| f.clauses[0].clone()),
        Ok(Clause { field: Field::Attribute(Attribute::Created), test: Test::Number(Order::Less, 86_400_000.0) })
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_a_sentence() {
    for text in [
        "metrics.a",
        "metrics.a >",
        "metrics.a > 'b'",
        "metrics.a > nan",
        "metrics.a > inf",
        "metrics.a > 1e999",
        "metrics.a like 'b'",
        "metrics.a in ('b')",
        "params.a > 'b'",
        "params.a = b",
        "name = 3",
        "name = 'a' or name = 'b'",
        "name = 'a' name = 'b'",
        "name = 'a' and",
        "and",
        "tags = 'x'",
        "curve is null",
        "params.a in ()",
        "params.a in ('b'",
        "params.a is",
        "params.a not null",
        "created > 'yesterday'",
        "created > '2026-13-01'",
        "nothing = 1",
        "name = 'a",
        "name = '\0'",
        "name = 'a'; drop table runs",
        "metrics.a > 1 -- x",
        "\u{202e}",
    ] {
        let error = read(text).expect_err(text);
        assert!(error.ends_with('.') && error.len() < 400, "{text}: {error}");
    }
    let many = vec!["score > 1"; MOST_CLAUSES + 1].join(" and ");
    assert!(read(&many).is_err());
    let list = vec!["'x'"; MOST_VALUES + 1].join(",");
    assert!(read(&format!("name in ({list})")).is_err());
    assert!(read(&format!("name like '{}'", "%a".repeat(MOST_WILDCARDS + 1))).is_err());
    assert!(read(&"(".repeat(3_000)).is_err() && read(&" ".repeat(5_000)).is_err());
}

#[test]
fn any_text_is_read_back_from_between_its_quotes() {
    for value in ["", "'", "''", "a'b\"c`d", "%_\\", "\n\t", "名前", "'; drop table runs --", "x and y"] {
        for field in [Field::param(format!("k{value}")), Field::Attribute(Attribute::Name)] {
            let clause = Clause { field, test: Test::Text { not: true, value: value.to_owned() } };
            assert_eq!(read(&clause.to_string()).map(|f| f.clauses), Ok(vec![clause.clone()]), "{clause}");
        }
    }
}

#[test]
fn conditions_are_added_once_and_taken_away() {
    let filter = read("score > 1 and name = 'a'").unwrap_or_default();
    assert_eq!(filter.with(filter.clauses[0].clone()), filter);
    assert_eq!(filter.without(0).to_string(), "name = 'a'");
    assert_eq!(filter.without(7), filter);
}
