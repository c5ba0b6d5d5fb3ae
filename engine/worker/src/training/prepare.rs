//! From a table to three parts with outcomes: what is to be learned from, tuned on and judged by.

use std::collections::{BTreeMap, HashMap};
use trainyard_data::{
    split::{self, Part},
    target::{self, TargetInfo},
};
use trainyard_infer::{Column, Frame, MISSING, Target, Values};
use trainyard_types::{
    Problem,
    dataset::ColumnType,
    evaluation::PartRows,
    run::{SplitMethod, SplitSpec, Task, TrainSettings},
};

/// A classifier learns at most this many classes.
const MAX_CLASSES: usize = 100;
/// Where a separate test file is given, this share of the other rows validates.
const VALID_BESIDE_TEST_FILE: f64 = 0.2;

/// Rows with their outcomes. The frame holds the features only.
#[derive(Clone, Debug)]
pub struct Rows {
    pub frame: Frame,
    pub target: Target,
}

/// The parts of a training job.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub task: Task,
    /// Sorted: by value where all are numbers, else by letter. Empty for regression.
    pub classes: Vec<String>,
    pub train: Rows,
    pub valid: Rows,
    pub test: Rows,
    /// What was found and done, for the log.
    pub notes: Vec<String>,
}

impl Prepared {
    pub fn rows(&self) -> PartRows {
        let count = |rows: &Rows| rows.frame.rows as u64;
        PartRows { train: count(&self.train), valid: count(&self.valid), test: count(&self.test) }
    }
}

/// Divides a table as the settings say. With `test`, that table is the test part and a fifth of `data` validates.
///
/// # Errors
/// A column that the settings name is not there, the target can't be learned, a part is empty, or a class is met outside the
/// train part only.
pub fn prepare(data: &Frame, test: Option<&Frame>, settings: &TrainSettings) -> Result<Prepared, Problem> {
    let column = target_column(data, settings, "The data set")?;
    let info = target::infer_task(column).map_err(|problem| name_field(problem, "target"))?;
    let (task, mut notes) = task(column, settings, &info)?;
    let features = features(data, settings)?;
    let outcomes = outcomes(column, task)?;
    if outcomes.missing > 0 {
        notes.push(format!(
            "{} of {} rows have no value in '{}' and are left out.",
            outcomes.missing, data.rows, settings.target
        ));
    }

    let parts = match test {
        None => split::split(data, &settings.split, &settings.target, task, &outcomes.usable)?,
        Some(_) => {
            let mut parts = split::split(data, &beside_test_file(&settings.split), &settings.target, task, &outcomes.usable)?;
            // Both shares that are held out validate: the test rows come from the other file.
            parts.iter_mut().filter(|part| **part == Some(Part::Test)).for_each(|part| *part = Some(Part::Valid));
            parts
        }
    };
    let pick = |part| -> Vec<usize> { (0..data.rows).filter(|&row| parts[row] == Some(part)).collect() };
    let table = only(data, &features);
    let (train_rows, valid_rows, test_rows) = (pick(Part::Train), pick(Part::Valid), pick(Part::Test));
    for (rows, part) in [(&train_rows, "train"), (&valid_rows, "validation")] {
        if rows.is_empty() {
            return Err(Problem::invalid(format!("The {part} part has no rows. Change the split, or add rows.")));
        }
    }

    let classes = match &outcomes.found {
        Found::Labels { codes, labels } => sorted_classes(codes, labels, &train_rows),
        Found::Values(_) => Vec::new(),
    };
    if task.is_classification() && classes.len() < 2 {
        return Err(Problem::field(
            "target",
            format!("All train rows have the same value in '{}'. Change the split so that every class is in it.", settings.target),
        ));
    }
    let part = |rows: &[usize], what: &str| -> Result<Rows, Problem> {
        let target = outcomes.target(rows, &classes, &settings.target, what)?;
        Ok(Rows { frame: table.take(rows), target })
    };
    let train = part(&train_rows, "train")?;
    let valid = part(&valid_rows, "validation")?;
    let test = match test {
        None => part(&test_rows, "test")?,
        Some(test) => separate_test(test, data, settings, &features, task, &classes, &mut notes)?,
    };
    if test.frame.rows == 0 {
        return Err(Problem::invalid("The test part has no rows. Change the split, or add rows."));
    }
    if task == Task::Regression
        && let Target::Values(values) = &train.target
        && values.iter().all(|v| *v == values[0])
    {
        return Err(Problem::field("target", format!("All train rows have the same value in '{}': there is nothing to learn.", settings.target)));
    }
    Ok(Prepared { task, classes, train, valid, test, notes })
}

/// The split of the other rows where the test part comes from a file: the same method, a fifth held out in all.
fn beside_test_file(spec: &SplitSpec) -> SplitSpec {
    let half = VALID_BESIDE_TEST_FILE / 2.0;
    SplitSpec { valid: half, test: half, ..spec.clone() }
}

fn target_column<'a>(frame: &'a Frame, settings: &TrainSettings, what: &str) -> Result<&'a Column, Problem> {
    frame.column(&settings.target).ok_or_else(|| {
        Problem::field("target", format!("{what} has no column '{}'. Its columns are {}.", settings.target, names(frame)))
    })
}

fn names(frame: &Frame) -> String {
    let mut list: Vec<String> = frame.columns.iter().take(20).map(|c| format!("'{}'", c.name)).collect();
    if frame.columns.len() > 20 {
        list.push(format!("and {} more", frame.columns.len() - 20));
    }
    list.join(", ")
}

fn name_field(mut problem: Problem, field: &str) -> Problem {
    if problem.fields.is_empty() {
        problem.fields.push(trainyard_types::FieldProblem { field: field.into(), message: problem.message.clone() });
    }
    problem
}

/// What is to be done with the target: as asked for where that is possible, else as inferred.
fn task(column: &Column, settings: &TrainSettings, info: &TargetInfo) -> Result<(Task, Vec<String>), Problem> {
    let Some(asked) = settings.task else { return Ok((info.task, vec![info.summary.clone()])) };
    let numeric = matches!(column.values, Values::Numbers(_));
    match asked {
        Task::Regression if !numeric => Err(Problem::field(
            "task",
            format!("'{}' holds text, so its values can't be predicted as numbers. Choose classification.", column.name),
        )),
        Task::Regression => Ok((Task::Regression, vec![format!("Regression of '{}', as asked for.", column.name)])),
        // Two classes are binary and more are multiclass, whichever of both was asked for.
        Task::Binary | Task::Multiclass => {
            let classes = distinct(column);
            match classes {
                0 | 1 => Err(Problem::field("target", format!("'{}' has one value only: there is nothing to learn.", column.name))),
                2 => Ok((Task::Binary, vec![format!("Binary classification of '{}', as asked for.", column.name)])),
                3..=MAX_CLASSES if asked == Task::Multiclass => {
                    Ok((Task::Multiclass, vec![format!("Classification of '{}' in {classes} classes, as asked for.", column.name)]))
                }
                3..=MAX_CLASSES => Err(Problem::field(
                    "task",
                    format!("'{}' has {classes} different values, which is more than two. Choose multiclass.", column.name),
                )),
                _ => Err(Problem::field(
                    "task",
                    format!("'{}' has more than {MAX_CLASSES} different values, too many for classes. Choose regression, or another column.", column.name),
                )),
            }
        }
    }
}

/// Different values, counted up to one more than there may be classes.
fn distinct(column: &Column) -> usize {
    match &column.values {
        Values::Numbers(numbers) => {
            let mut seen = std::collections::HashSet::new();
            for value in numbers.iter().filter(|v| v.is_finite()) {
                seen.insert(canonical(*value));
                if seen.len() > MAX_CLASSES {
                    break;
                }
            }
            seen.len()
        }
        Values::Categories { codes, levels } => {
            let mut used = vec![false; levels.len()];
            codes.iter().filter(|&&c| c != MISSING).for_each(|&c| used[c as usize] = true);
            used.iter().filter(|u| **u).count()
        }
    }
}

/// A number's bits with one zero only.
fn canonical(value: f64) -> u64 {
    if value == 0.0 { 0 } else { value.to_bits() }
}

/// The columns to learn from, in the table's order.
fn features(data: &Frame, settings: &TrainSettings) -> Result<Vec<String>, Problem> {
    if let Some(unknown) = settings.drop.iter().find(|name| data.column(name).is_none()) {
        return Err(Problem::field("drop", format!("The data set has no column '{unknown}' to leave out. Its columns are {}.", names(data))));
    }
    let split_column = match &settings.split.method {
        SplitMethod::Group { column } | SplitMethod::Given { column } => Some(column),
        SplitMethod::Random | SplitMethod::Time { .. } => None,
    };
    let features: Vec<String> = data
        .columns
        .iter()
        .map(|column| &column.name)
        .filter(|name| **name != settings.target && !settings.drop.contains(name) && split_column != Some(name))
        .cloned()
        .collect();
    if features.is_empty() {
        return Err(Problem::field("drop", "No column is left to learn from. Leave out fewer columns, or add some to the data set."));
    }
    Ok(features)
}

fn only(frame: &Frame, features: &[String]) -> Frame {
    let columns = features.iter().filter_map(|name| frame.column(name)).cloned().collect();
    Frame { columns, rows: frame.rows }
}

/// Outcomes row by row, before it is known which classes are in the train part.
struct Outcomes {
    found: Found,
    usable: Vec<bool>,
    missing: usize,
}

enum Found {
    /// Index into `labels`; meaningless where the row is not usable.
    Labels { codes: Vec<u32>, labels: Vec<String> },
    Values(Vec<f64>),
}

fn outcomes(column: &Column, task: Task) -> Result<Outcomes, Problem> {
    let usable: Vec<bool> = match &column.values {
        Values::Numbers(numbers) => numbers.iter().map(|v| v.is_finite()).collect(),
        Values::Categories { codes, .. } => codes.iter().map(|&c| c != MISSING).collect(),
    };
    let missing = usable.iter().filter(|u| !**u).count();
    let found = match (&column.values, task) {
        (Values::Numbers(numbers), Task::Regression) => Found::Values(numbers.clone()),
        (Values::Categories { .. }, Task::Regression) => {
            return Err(Problem::field("target", format!("'{}' holds text, so its values can't be predicted as numbers.", column.name)));
        }
        (Values::Categories { codes, levels }, _) => Found::Labels { codes: codes.clone(), labels: levels.clone() },
        (Values::Numbers(numbers), _) => {
            let mut places: HashMap<u64, u32> = HashMap::new();
            let mut labels = Vec::new();
            let codes = numbers
                .iter()
                .map(|&value| {
                    if !value.is_finite() {
                        return MISSING;
                    }
                    *places.entry(canonical(value)).or_insert_with(|| {
                        labels.push(if value == 0.0 { "0".to_owned() } else { value.to_string() });
                        labels.len() as u32 - 1
                    })
                })
                .collect();
            Found::Labels { codes, labels }
        }
    };
    Ok(Outcomes { found, usable, missing })
}

/// The labels that the train rows use, by value where all are numbers, else by letter.
fn sorted_classes(codes: &[u32], labels: &[String], train: &[usize]) -> Vec<String> {
    let mut used = vec![false; labels.len()];
    train.iter().for_each(|&row| used[codes[row] as usize] = true);
    let mut classes: Vec<String> = labels.iter().zip(used).filter(|(_, used)| *used).map(|(label, _)| label.clone()).collect();
    let number = |label: &String| label.parse::<f64>().ok().filter(|v| v.is_finite());
    if classes.iter().all(|label| number(label).is_some()) {
        classes.sort_by(|a, b| number(a).partial_cmp(&number(b)).unwrap_or(std::cmp::Ordering::Equal));
    } else {
        classes.sort();
    }
    classes
}

impl Outcomes {
    /// The outcomes of the rows; each class must be one of `classes`.
    fn target(&self, rows: &[usize], classes: &[String], name: &str, part: &str) -> Result<Target, Problem> {
        let (codes, labels) = match &self.found {
            Found::Values(values) => return Ok(Target::Values(rows.iter().map(|&row| values[row]).collect())),
            Found::Labels { codes, labels } => (codes, labels),
        };
        let index: HashMap<&str, u32> = classes.iter().enumerate().map(|(i, c)| (c.as_str(), i as u32)).collect();
        let places: Vec<Option<u32>> = labels.iter().map(|label| index.get(label.as_str()).copied()).collect();
        let mut unknown: BTreeMap<&str, (u64, usize)> = BTreeMap::new();
        let mut out = Vec::with_capacity(rows.len());
        for &row in rows {
            let code = codes[row] as usize;
            match places[code] {
                Some(class) => out.push(class),
                None => unknown.entry(&labels[code]).or_insert((0, row)).0 += 1,
            }
        }
        if unknown.is_empty() {
            return Ok(Target::Classes(out));
        }
        let total: u64 = unknown.values().map(|(count, _)| count).sum();
        let list: Vec<String> = unknown
            .iter()
            .take(5)
            .map(|(label, (count, row))| format!("'{label}' ({count}, first in row {})", row + 1))
            .collect();
        Err(Problem::field(
            "target",
            format!(
                "{total} rows of the {part} part have values of '{name}' that no train row has: {}{}. Remove these rows, or choose a split that has every class in the train part.",
                list.join(", "),
                if unknown.len() > 5 { " and others" } else { "" }
            ),
        ))
    }
}

/// The test part from its own file.
fn separate_test(
    test: &Frame,
    data: &Frame,
    settings: &TrainSettings,
    features: &[String],
    task: Task,
    classes: &[String],
    notes: &mut Vec<String>,
) -> Result<Rows, Problem> {
    let column = target_column(test, settings, "The test file")?;
    let missing: Vec<String> = features.iter().filter(|name| test.column(name).is_none()).map(|n| format!("'{n}'")).collect();
    if !missing.is_empty() {
        return Err(Problem::invalid(format!(
            "The test file has no column {}. It needs all columns of the training file.",
            missing.join(", ")
        )));
    }
    // A file's types are guessed from its own rows: classes may be text in one file and numbers in the other.
    let text_expected = data.column(&settings.target).is_some_and(|c| matches!(c.kind, ColumnType::Text | ColumnType::Boolean));
    let outcomes = outcomes(column, task)?;
    if task.is_classification()
        && text_expected != matches!(column.values, Values::Categories { .. })
        && let Found::Labels { labels, .. } = &outcomes.found
        && !labels.iter().any(|label| classes.contains(label))
    {
        return Err(Problem::field(
            "target",
            format!("No value of '{}' in the test file is one of the training file's classes. Write both files the same way.", settings.target),
        ));
    }
    if outcomes.missing > 0 {
        notes.push(format!("{} of {} rows of the test file have no value in '{}' and are left out.", outcomes.missing, test.rows, settings.target));
    }
    let rows: Vec<usize> = (0..test.rows).filter(|&row| outcomes.usable[row]).collect();
    let target = outcomes.target(&rows, classes, &settings.target, "test")?;
    Ok(Rows { frame: only(test, features).take(&rows), target })
}

/// A nested share of the rows, the same for the same seed: of a classification's rows, the same share of each class and at
/// least one row of it.
pub fn subset(target: &Target, share: f64, seed: u64) -> Vec<usize> {
    use rand::{SeedableRng, seq::SliceRandom};
    let mut order: Vec<usize> = (0..target.len()).collect();
    let mut random = rand::rngs::StdRng::seed_from_u64(seed ^ 0x5EED_5AB5_E700_0001);
    order.shuffle(&mut random);
    let mut kept: Vec<usize> = match target {
        Target::Values(_) => {
            let count = ((target.len() as f64 * share).round() as usize).clamp(1, target.len().max(1));
            order.into_iter().take(count).collect()
        }
        Target::Classes(classes) => {
            let mut totals: HashMap<u32, usize> = HashMap::new();
            classes.iter().for_each(|class| *totals.entry(*class).or_default() += 1);
            let mut taken: HashMap<u32, usize> = HashMap::new();
            order
                .into_iter()
                .filter(|&row| {
                    let class = classes[row];
                    let limit = ((totals.get(&class).copied().unwrap_or(0) as f64 * share).round() as usize).max(1);
                    let so_far = taken.entry(class).or_default();
                    *so_far += 1;
                    *so_far <= limit
                })
                .collect()
        }
    };
    kept.sort_unstable();
    kept
}
