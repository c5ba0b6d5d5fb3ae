//! What each column alone says of a target.

use crate::{
    association::{self, Association},
    groups::{self, Cuts, Outcome},
    leakage::power,
};
use trainyard_infer::{
    Target,
    frame::{Column, Frame, MISSING, Values},
};
use trainyard_types::{
    catalog::GroupRow,
    relations::{ColumnRelation, MissingRelation, RelationType, TargetRelation},
    run::Task,
};

/// Columns looked at.
const WIDEST: usize = 200;
const BINS: Cuts = Cuts { categories: 12, values: 12, quantiles: 8 };
/// What chance does more often than this is no relation.
const CHANCE: f64 = 0.001;
/// Predictive power that a look at the data should not pass over, and that all but gives the answer away (Deepchecks).
const SOME: f64 = 0.05;
const GIVEN_AWAY: f64 = 0.7;
/// Of all the ups and downs from bin to bin, the part that leads one way.
const ONE_WAY: f64 = 0.7;

/// The target's outcome of every row of a sample.
#[derive(Clone, Copy, Debug)]
pub struct Aim<'a> {
    pub name: &'a str,
    pub task: Task,
    pub outcome: &'a Target,
    pub classes: &'a [String],
    /// Rows that have a target.
    pub usable: &'a [bool],
    /// Rows of the whole table.
    pub rows: u64,
}

/// Looks at a sample of a table, each column but the target by itself. `show` writes a value of a column.
pub fn relation(sample: &Frame, aim: &Aim<'_>, show: impl Fn(&Column, f64) -> String) -> TargetRelation {
    let rows: Vec<usize> = (0..sample.rows).filter(|&row| aim.usable[row]).collect();
    let counted = counted(aim, &rows);
    let values: Vec<f64> = (0..sample.rows)
        .map(|row| match (aim.usable[row], aim.outcome) {
            (false, _) => f64::NAN,
            (true, Target::Values(values)) => values[row],
            (true, Target::Classes(codes)) => f64::from(u8::from(Some(codes[row] as usize) == counted)),
        })
        .collect();
    let hits: Option<Vec<Option<bool>>> =
        counted.map(|_| values.iter().map(|value| (!value.is_nan()).then_some(*value == 1.0)).collect());
    let outcome = hits.as_deref().map_or(Outcome::Value(&values), Outcome::Class);
    let class = counted.and_then(|class| aim.classes.get(class).cloned());
    let mut columns: Vec<ColumnRelation> = sample
        .columns
        .iter()
        .filter(|column| column.name != aim.name)
        .take(WIDEST)
        .map(|column| {
            let bins = groups::by_cuts(column, &outcome, BINS, |value| show(column, value));
            let mut found = ColumnRelation {
                column: column.name.clone(),
                kind: column.kind,
                power: power::score(&column.values, aim.outcome, &rows),
                relation: relation_type(column, &values, &bins),
                missing: missing(column, &values),
                bins,
                sentence: String::new(),
            };
            found.sentence = sentence(&found, aim.name, class.as_deref());
            found
        })
        .collect();
    columns.sort_by(|a, b| b.power.total_cmp(&a.power).then_with(|| a.column.cmp(&b.column)));
    let overall = rows.iter().map(|&row| values[row]).sum::<f64>() / rows.len().max(1) as f64;
    let gist = gist(&columns, aim.name);
    TargetRelation {
        target: aim.name.to_owned(),
        task: aim.task,
        class,
        sample: rows.len() as u64,
        rows: aim.rows,
        overall,
        columns,
        sentence: gist,
    }
}

/// Of two classes the second is the one that models predict; of several the most frequent is counted.
fn counted(aim: &Aim<'_>, rows: &[usize]) -> Option<usize> {
    let Target::Classes(codes) = aim.outcome else { return None };
    if aim.task == Task::Binary {
        return Some(1);
    }
    let mut counts = vec![0_usize; aim.classes.len()];
    rows.iter().for_each(|&row| counts[codes[row] as usize] += 1);
    (0..counts.len()).max_by(|&a, &b| counts[a].cmp(&counts[b]).then(b.cmp(&a)))
}

fn is_missing(column: &Column, row: usize) -> bool {
    match &column.values {
        Values::Numbers(numbers) => numbers[row].is_nan(),
        Values::Categories { codes, .. } => codes[row] == MISSING,
    }
}

fn relation_type(column: &Column, values: &[f64], bins: &[GroupRow]) -> RelationType {
    let (group_of, names) = groups::grouped(column, BINS, |_| String::new());
    let rows =
        values.iter().enumerate().map(|(row, value)| ((!is_missing(column, row)).then_some(group_of[row]), *value));
    let found = association::correlation_ratio(rows, names.len());
    if found.is_none_or(|Association { p, .. }| p >= CHANCE) {
        return RelationType::None;
    }
    if matches!(column.values, Values::Categories { .. }) {
        return RelationType::ByCategory;
    }
    let rates: Vec<f64> = bins.iter().filter(|bin| bin.group != "missing").map(|bin| bin.rate).collect();
    let ways: f64 = rates.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
    let way = rates.last().copied().unwrap_or(0.0) - rates.first().copied().unwrap_or(0.0);
    match way {
        way if way.abs() < ONE_WAY * ways => RelationType::Curved,
        way if way > 0.0 => RelationType::Rising,
        _ => RelationType::Falling,
    }
}

fn missing(column: &Column, values: &[f64]) -> Option<MissingRelation> {
    let of = |row: usize| usize::from(is_missing(column, row));
    let (mut count, mut sum) = ([0.0; 2], [0.0; 2]);
    for (row, value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
        count[of(row)] += 1.0;
        sum[of(row)] += value;
    }
    if count.contains(&0.0) {
        return None;
    }
    let rows = values.iter().enumerate().map(|(row, value)| (Some(of(row)), *value));
    let p = association::correlation_ratio(rows, 2).map_or(1.0, |found| found.p);
    Some(MissingRelation {
        share: count[1] / (count[0] + count[1]),
        missing: sum[1] / count[1],
        known: sum[0] / count[0],
        p,
        telling: p < CHANCE,
    })
}

fn sentence(found: &ColumnRelation, target: &str, class: Option<&str>) -> String {
    let known: Vec<&GroupRow> = found.bins.iter().filter(|bin| bin.group != "missing").collect();
    let figure = |value: f64| match class {
        Some(_) => format!("{:.1} %", value * 100.0),
        None => crate::leakage::brief(value),
    };
    let what = class.map_or_else(|| format!("The mean of `{target}`"), |class| format!("The share of `{class}`"));
    let mut text = match (
        known.iter().min_by(|a, b| a.rate.total_cmp(&b.rate)),
        known.iter().max_by(|a, b| a.rate.total_cmp(&b.rate)),
    ) {
        (Some(low), Some(high)) if found.relation != RelationType::None && low.group != high.group => format!(
            "{what} goes from {} for `{}` to {} for `{}`.",
            figure(low.rate),
            low.group,
            figure(high.rate),
            high.group
        ),
        _ => format!("{what} hardly differs with `{}`.", found.column),
    };
    if let Some(missing) = found.missing.as_ref().filter(|missing| missing.telling) {
        text.push_str(&format!(
            " Where `{}` is missing it is {}, otherwise {}: that it is missing says something by itself.",
            found.column,
            figure(missing.missing),
            figure(missing.known)
        ));
    }
    text
}

fn gist(columns: &[ColumnRelation], target: &str) -> String {
    let away: Vec<String> =
        columns.iter().filter(|c| c.power >= GIVEN_AWAY).take(3).map(|c| format!("`{}`", c.column)).collect();
    match columns.first() {
        Some(first) if !away.is_empty() => format!(
            "{} alone {} `{target}` with a power of {:.2} of 1. Make sure that {} known before the prediction is needed.",
            away.join(", "),
            if away.len() == 1 { "tells" } else { "each tell" },
            first.power,
            if away.len() == 1 { "it is" } else { "they are" }
        ),
        Some(first) if first.power >= SOME => format!(
            "`{}` alone ranks first with a power of {:.2} of 1; no single column gives the answer away.",
            first.column, first.power
        ),
        _ => format!("No column alone says much of `{target}`; together they may."),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use trainyard_types::dataset::ColumnType;

    fn weyl(s: f64) -> Vec<f64> {
        (0..4_000).map(|i| (f64::from(i) * s.sqrt()) % 1.0).collect()
    }

    fn number(name: &str, values: Vec<f64>) -> Column {
        Column { name: name.into(), kind: ColumnType::Float, values: Values::Numbers(values) }
    }

    fn looked(columns: Vec<Column>, outcome: &Target, classes: &[String]) -> TargetRelation {
        let usable = vec![true; 4_000];
        let task = if classes.is_empty() { Task::Regression } else { Task::Binary };
        let aim = Aim { name: "y", task, outcome, classes, usable: &usable, rows: 9_000 };
        relation(&Frame { columns, rows: 4_000 }, &aim, |_, value| format!("{value:.2}"))
    }

    #[test]
    fn columns_are_ranked_and_their_ways_named() {
        let (x, u, noise) = (weyl(2.0), weyl(3.0), weyl(5.0));
        let y: Vec<f64> = x.iter().zip(&u).map(|(x, u)| x * x + 0.3 * (1.0 - u)).collect();
        let bent: Vec<f64> = x.iter().map(|x| (x - 0.5).abs()).collect();
        let gaps: Vec<f64> =
            y.iter().zip(&noise).map(|(y, z)| if *y > 0.6 && *z > 0.2 { f64::NAN } else { *z }).collect();
        let text = Column {
            name: "band".into(),
            kind: ColumnType::Text,
            values: Values::Categories {
                codes: x.iter().map(|x| (x * 6.0) as u32).collect(),
                levels: ["a", "b", "c", "d", "e", "f"].map(str::to_owned).to_vec(),
            },
        };
        let columns = vec![
            number("noise", noise),
            number("u", u),
            number("bent", bent),
            number("x", x),
            text,
            number("gaps", gaps),
            number("y", y.clone()),
        ];
        let found = looked(columns.clone(), &Target::Values(y.clone()), &[]);
        let seen: Vec<(&str, RelationType)> = found.columns.iter().map(|c| (c.column.as_str(), c.relation)).collect();
        assert_eq!(seen[..2], [("x", RelationType::Rising), ("band", RelationType::ByCategory)]);
        let of = |name: &str| found.columns.iter().find(|c| c.column == name).unwrap();
        assert_eq!(of("u").relation, RelationType::Falling);
        assert_eq!(of("noise").relation, RelationType::None);
        assert_eq!((of("x").bins.len(), of("band").bins.len()), (8, 6));
        assert_eq!((found.sample, found.rows, found.columns.len()), (4_000, 9_000, 6));
        assert!(of("gaps").missing.as_ref().unwrap().telling && of("x").missing.is_none());
        assert!(of("gaps").sentence.contains("that it is missing says something"), "{}", of("gaps").sentence);
        assert!(found.sentence.starts_with("`x` alone ranks first"), "{}", found.sentence);

        let bent_by = |x: f64| u32::from((x - 0.5).abs() > 0.3);
        let codes: Vec<u32> = weyl(2.0).into_iter().map(bent_by).collect();
        let classes = ["no".to_owned(), "yes".to_owned()];
        let found = looked(columns, &Target::Classes(codes), &classes);
        assert_eq!((found.class.as_deref(), found.columns[0].column.as_str()), (Some("yes"), "bent"));
        assert_eq!(found.columns.iter().find(|c| c.column == "x").unwrap().relation, RelationType::Curved);
        assert!(found.sentence.contains("Make sure that they are known"), "{}", found.sentence);
        assert!((found.overall - 0.4).abs() < 0.01);
    }
}
