//! What a column makes of a task when it is the target, and its outcomes as numbers.

use crate::{
    cell,
    limits::{MAX_CLASSES, MAX_INTEGER_CLASSES},
    words,
};
use std::collections::BTreeMap;
use trainyard_infer::{
    frame::{Column, MISSING, Values},
    target::Target,
};
use trainyard_types::{Problem, dataset::ColumnType, run::Task};

/// A target and the task it makes.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetInfo {
    pub task: Task,
    /// Classification: the classes with their rows, texts in order of their characters, numbers in order of size. Of
    /// two, the second is the positive one, as in scikit-learn. Empty for regression.
    pub classes: Vec<(String, u64)>,
    /// Rows without a target, which are not used.
    pub missing: u64,
    /// One sentence: "Binary classification of `income`: 23.9 % are `>50K`."
    pub summary: String,
}

/// Infers the task: two different values make a binary task, texts and booleans with more (100 at most) a multiclass
/// one, whole numbers (also written as floats) with at most 20 different values too, provided that each has ten rows
/// on average; all other numbers a regression.
///
/// # Errors
/// In words, where the column can't be a target: all missing, only one value, a time, or texts with more than 100
/// different values.
pub fn infer_task(column: &Column) -> Result<TargetInfo, Problem> {
    target_info(column, None)
}

/// As [`infer_task`], with the task given by a person where `wanted` is present.
///
/// # Errors
/// As [`infer_task`], and where the column does not fit the wanted task.
pub fn target_info(column: &Column, wanted: Option<Task>) -> Result<TargetInfo, Problem> {
    let mut count = TargetCount::new(&column.name, column.kind);
    count.add(&column.values);
    count.info(wanted)
}

/// A target that comes block by block: what [`target_info`] says of all of them together.
#[derive(Debug)]
pub struct TargetCount {
    name: String,
    kind: ColumnType,
    counted: Counted,
}

impl TargetCount {
    pub fn new(name: &str, kind: ColumnType) -> Self {
        Self { name: name.to_owned(), kind, counted: Counted::default() }
    }

    /// Counts the next rows.
    pub fn add(&mut self, values: &Values) {
        match values {
            Values::Categories { codes, levels } => self.counted.add_texts(codes, levels),
            Values::Numbers(numbers) => self.counted.add_numbers(numbers),
        }
    }

    /// # Errors
    /// As [`target_info`].
    pub fn info(self, wanted: Option<Task>) -> Result<TargetInfo, Problem> {
        info(&self.name, self.kind, self.counted.end(), wanted)
    }
}

fn info(name: &str, kind: ColumnType, counted: Counts, wanted: Option<Task>) -> Result<TargetInfo, Problem> {
    let name = words::clip(name);
    let refuse = |message: String| Problem::field("target", message);
    if kind == ColumnType::Datetime {
        return Err(refuse(format!("`{name}` is a date or time, which can't be predicted. Choose another target.")));
    }
    if counted.present == 0 {
        return Err(refuse(format!(
            "All values of `{name}` are missing, so that there is nothing to learn from. Choose another target."
        )));
    }
    if counted.values.len() == 1 && !counted.more {
        return Err(refuse(format!(
            "`{name}` is `{}` in every row, so that there is nothing to tell apart. Choose another target.",
            words::clip(&counted.values[0].0)
        )));
    }
    let classes = counted.values.len();
    let grades =
        counted.whole && !counted.more && classes <= MAX_INTEGER_CLASSES && counted.present >= 10 * classes as u64;
    let task = wanted.unwrap_or(if !counted.more && classes == 2 {
        Task::Binary
    } else if counted.texts || grades {
        Task::Multiclass
    } else {
        Task::Regression
    });
    let different =
        if counted.more { format!("more than {}", words::count(classes as u64)) } else { words::count(classes as u64) };
    match task {
        Task::Regression if counted.texts => {
            return Err(refuse(format!(
                "`{name}` holds texts, which can't be predicted as numbers. Choose another target or task."
            )));
        }
        Task::Binary if classes != 2 || counted.more => {
            return Err(refuse(format!(
                "`{name}` has {different} different values; a binary task needs two. Choose another task."
            )));
        }
        Task::Multiclass if classes > MAX_CLASSES || counted.more => {
            return Err(refuse(format!(
                "`{name}` has {different} different values; a target can have {MAX_CLASSES} classes at most. Group the rare ones, {}.",
                if counted.texts { "or choose another target" } else { "or choose regression" }
            )));
        }
        _ => {}
    }
    let summary = counted.summary(&name, task);
    let classes = if task == Task::Regression { Vec::new() } else { counted.values };
    Ok(TargetInfo { task, classes, missing: counted.missing, summary })
}

/// The label of a numeric class: `1` for 1.0.
pub fn class_label(value: f64) -> String {
    cell::show_float(value)
}

/// The outcomes of all rows, and which rows can be used. Rows without a target (or, for classification, with a value
/// that is none of `classes`) are not usable and hold class 0 or NaN.
///
/// # Errors
/// If the column can't be read for the task: a regression on texts.
pub fn encode(column: &Column, task: Task, classes: &[String]) -> Result<(Target, Vec<bool>), Problem> {
    if task == Task::Regression {
        let Values::Numbers(numbers) = &column.values else {
            return Err(Problem::field(
                "target",
                format!("`{}` holds texts, which can't be predicted as numbers.", words::clip(&column.name)),
            ));
        };
        let usable = numbers.iter().map(|value| value.is_finite()).collect();
        return Ok((Target::Values(numbers.clone()), usable));
    }
    let class_of = |label: &str| classes.iter().position(|class| class == label).map(|class| class as u32);
    let found: Vec<Option<u32>> = match &column.values {
        Values::Categories { codes, levels } => {
            let by_code: Vec<Option<u32>> = levels.iter().map(|level| class_of(level)).collect();
            codes.iter().map(|&code| by_code.get(code as usize).copied().flatten()).collect()
        }
        Values::Numbers(numbers) => {
            let mut known: BTreeMap<u64, Option<u32>> = BTreeMap::new();
            numbers
                .iter()
                .map(|&value| {
                    if value.is_nan() {
                        return None;
                    }
                    *known.entry(value.to_bits()).or_insert_with(|| class_of(&class_label(value)))
                })
                .collect()
        }
    };
    let usable = found.iter().map(Option::is_some).collect();
    Ok((Target::Classes(found.into_iter().map(|class| class.unwrap_or(0)).collect()), usable))
}

/// What was counted so far.
#[derive(Debug)]
struct Counted {
    /// By text, and by the number's order; numbers stop being counted when there are far too many for classes.
    texts: BTreeMap<String, u64>,
    numbers: BTreeMap<u64, (f64, u64)>,
    any_texts: bool,
    more: bool,
    rows: u64,
    present: u64,
    whole: bool,
    sum: f64,
    min: f64,
    max: f64,
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            texts: BTreeMap::new(),
            numbers: BTreeMap::new(),
            any_texts: false,
            more: false,
            rows: 0,
            present: 0,
            whole: true,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }
}

impl Counted {
    fn add_texts(&mut self, codes: &[u32], levels: &[String]) {
        self.any_texts = true;
        self.rows += codes.len() as u64;
        let mut counts = vec![0_u64; levels.len()];
        codes.iter().filter(|&&code| code != MISSING).for_each(|&code| counts[code as usize] += 1);
        for (level, count) in levels.iter().zip(counts).filter(|(_, count)| *count > 0) {
            self.present += count;
            match self.texts.get_mut(level) {
                Some(known) => *known += count,
                None => {
                    self.texts.insert(level.clone(), count);
                }
            }
        }
    }

    fn add_numbers(&mut self, numbers: &[f64]) {
        // The order of the keys is the order of the numbers: offset binary.
        let key = |value: f64| {
            let bits = (value + 0.0).to_bits();
            if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
        };
        self.rows += numbers.len() as u64;
        for &value in numbers.iter().filter(|value| value.is_finite()) {
            self.present += 1;
            self.sum += value;
            self.whole &= value.fract() == 0.0;
            (self.min, self.max) = (self.min.min(value), self.max.max(value));
            if self.more {
                continue;
            }
            self.numbers.entry(key(value)).or_insert((value, 0)).1 += 1;
            self.more = self.numbers.len() > 10 * MAX_CLASSES;
        }
    }

    fn end(self) -> Counts {
        let missing = self.rows - self.present;
        let Self { more, present, .. } = self;
        if self.any_texts {
            // A map of texts is in their order.
            let values = self.texts.into_iter().collect();
            return Counts { values, more, missing, present, texts: true, whole: false, mean: 0.0, min: 0.0, max: 0.0 };
        }
        let values = self.numbers.into_values().map(|(value, count)| (class_label(value + 0.0), count)).collect();
        let mean = self.sum / present.max(1) as f64;
        let Self { whole, min, max, .. } = self;
        Counts { values, more, missing, present, texts: false, whole, mean, min, max }
    }
}

struct Counts {
    /// Different values with their rows, in order.
    values: Vec<(String, u64)>,
    more: bool,
    missing: u64,
    present: u64,
    texts: bool,
    /// All numbers are whole.
    whole: bool,
    mean: f64,
    min: f64,
    max: f64,
}

impl Counts {
    fn summary(&self, name: &str, task: Task) -> String {
        let share = |count: u64| words::percent(count as f64 / self.present as f64);
        let mut text = match task {
            Task::Binary => {
                let (label, count) = &self.values[1];
                format!("Binary classification of `{name}`: {} are `{}`.", share(*count), words::clip(label))
            }
            Task::Multiclass => {
                let largest = self.values.iter().max_by_key(|(_, count)| *count);
                let (label, count) = largest.map_or(("", 0), |(label, count)| (label.as_str(), *count));
                format!(
                    "Classification of `{name}` into {} classes: the largest, `{}`, has {}.",
                    self.values.len(),
                    words::clip(label),
                    share(count)
                )
            }
            Task::Regression => format!(
                "Regression of `{name}`: from {} to {}, {} on average.",
                short(self.min),
                short(self.max),
                short(self.mean)
            ),
        };
        if self.missing > 0 {
            let (what, are) = if self.missing == 1 { ("row", "is") } else { ("rows", "are") };
            text.push_str(&format!(" {} {what} without it {are} left out.", words::count(self.missing)));
        }
        text
    }
}

/// A number to four significant digits, for a sentence.
fn short(value: f64) -> String {
    if value != 0.0 && value.abs() < 1e6 && value.abs() >= 1e-3 {
        let digits = (3 - value.abs().log10().floor() as i32).max(0) as usize;
        let text = format!("{value:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    } else if value == 0.0 {
        "0".into()
    } else {
        format!("{value:.3e}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn texts(values: &[&str]) -> Column {
        let mut levels: Vec<String> = Vec::new();
        let codes = values
            .iter()
            .map(|value| {
                if value.is_empty() {
                    return MISSING;
                }
                levels.iter().position(|level| level == value).unwrap_or_else(|| {
                    levels.push((*value).to_owned());
                    levels.len() - 1
                }) as u32
            })
            .collect();
        Column { name: "y".into(), kind: ColumnType::Text, values: Values::Categories { codes, levels } }
    }
    fn numbers(values: Vec<f64>) -> Column {
        Column { name: "y".into(), kind: ColumnType::Float, values: Values::Numbers(values) }
    }

    #[test]
    fn tasks_follow_the_values() {
        let info = infer_task(&texts(&["no", "yes", "no", "", "no"])).unwrap();
        assert_eq!(info.task, Task::Binary);
        assert_eq!(info.classes, [("no".into(), 3), ("yes".into(), 1)]);
        assert_eq!(info.summary, "Binary classification of `y`: 25.0 % are `yes`. 1 row without it is left out.");
        assert_eq!(infer_task(&texts(&["a", "b", "c"])).unwrap().task, Task::Multiclass);
        assert_eq!(infer_task(&numbers(vec![1.0, 0.0, f64::NAN])).unwrap().classes[1], ("1".into(), 1));
        let grades: Vec<f64> = (0..100).map(|i| f64::from(i % 5) - 1.0).collect();
        let info = infer_task(&numbers(grades)).unwrap();
        assert_eq!((info.task, info.classes[0].0.as_str()), (Task::Multiclass, "-1"));
        assert_eq!(infer_task(&numbers((0..15).map(f64::from).collect())).unwrap().task, Task::Regression);
        assert_eq!(
            infer_task(&numbers((0..100).map(|i| f64::from(i) / 7.0).collect())).unwrap().task,
            Task::Regression
        );
    }

    #[test]
    fn impossible_targets_are_refused_in_words() {
        let many: Vec<String> = (0..5000).map(|i| format!("class {i}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (column, word) in [
            (texts(&["", ""]), "missing"),
            (numbers(vec![f64::NAN]), "missing"),
            (texts(&["a", "a", ""]), "every row"),
            (numbers(vec![3.0, 3.0]), "every row"),
            (texts(&many), "5,000 different values"),
        ] {
            let problem = infer_task(&column).unwrap_err();
            assert!(problem.message.contains(word), "{}", problem.message);
            assert_eq!(problem.fields[0].field, "target");
        }
        let mut time = numbers(vec![0.0, 1.0]);
        time.kind = ColumnType::Datetime;
        assert!(infer_task(&time).unwrap_err().message.contains("time"));
        assert!(target_info(&texts(&["a", "b"]), Some(Task::Regression)).is_err());
        assert!(target_info(&texts(&["a", "b", "c"]), Some(Task::Binary)).is_err());
        assert!(target_info(&numbers((0..2000).map(f64::from).collect()), Some(Task::Multiclass)).is_err());
        assert!(target_info(&numbers((0..50).map(f64::from).collect()), Some(Task::Multiclass)).is_ok());
    }

    #[test]
    fn a_target_in_blocks_is_what_it_is_as_a_whole() {
        let values: Vec<f64> = (0..900).map(|i| if i % 13 == 0 { f64::NAN } else { f64::from(i % 7) - 3.0 }).collect();
        let whole = target_info(&numbers(values.clone()), None).unwrap();
        let mut count = TargetCount::new("y", ColumnType::Float);
        values.chunks(100).for_each(|block| count.add(&Values::Numbers(block.to_vec())));
        assert_eq!(count.info(None).unwrap(), whole);
        // Blocks of texts have levels of their own.
        let whole = target_info(&texts(&["b", "a", "", "a", "b", "a"]), None).unwrap();
        let mut count = TargetCount::new("y", ColumnType::Text);
        for block in [&["b", "a", ""][..], &["a", "b", "a"]] {
            count.add(&texts(block).values);
        }
        assert_eq!(count.info(None).unwrap(), whole);
    }

    #[test]
    fn outcomes_become_numbers() {
        let classes = ["no".to_owned(), "yes".to_owned()];
        let (target, usable) = encode(&texts(&["yes", "", "no", "other"]), Task::Binary, &classes).unwrap();
        assert_eq!(target, Target::Classes(vec![1, 0, 0, 0]));
        assert_eq!(usable, [true, false, true, false]);
        let classes = ["0".to_owned(), "1".to_owned()];
        let (target, usable) = encode(&numbers(vec![1.0, f64::NAN, 0.0]), Task::Binary, &classes).unwrap();
        assert_eq!((target, usable), (Target::Classes(vec![1, 0, 0]), vec![true, false, true]));
        let (target, usable) = encode(&numbers(vec![1.5, 2.0]), Task::Regression, &[]).unwrap();
        assert_eq!((target, usable), (Target::Values(vec![1.5, 2.0]), vec![true, true]));
    }
}
