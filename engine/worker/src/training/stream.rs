//! Training on a table that is larger than the memory limit. A sample of its rows stands in for it wherever rows have to be
//! in memory; nets see all train rows besides, in buffers.

use super::{
    Tables,
    aside::Rule,
    prepare::{Prepared, split_spec},
};
use std::sync::Arc;
use trainyard_data::{
    Memory, Part, Shuffled, StoredTable, copies, frame,
    memory::in_words,
    split::{divide, drawn},
    stored_table::COPIES,
    target,
};
use trainyard_infer::Frame;
use trainyard_learn::{RowStream, StreamedRows};
use trainyard_types::{
    Code, Problem,
    run::{Task, TrainSettings},
    words::count,
};

/// Fewer train rows than this are no buffer.
const LEAST: usize = 1_000;

/// What training on whole tables takes, bytes, with the program.
///
/// # Errors
/// Never: all columns are there.
pub fn whole<'t>(tables: impl IntoIterator<Item = &'t StoredTable>) -> Result<u64, Problem> {
    tables.into_iter().try_fold(Memory::PROGRAM, |bytes, table| Ok(bytes.saturating_add(table.training_bytes()?)))
}

/// Rows that may be in memory at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rooms {
    /// Train rows that columns are prepared by and the families but nets are fitted on: a quarter of the room.
    pub sample: usize,
    /// Validation rows, and test rows: a sixteenth each.
    pub judged: usize,
    /// Train rows of a buffer, of which one trains while the next is read: an eighth each.
    pub buffer: usize,
}

impl Rooms {
    /// What the limit leaves for a table. The rest is for what comes and goes.
    ///
    /// # Errors
    /// In words: the limit is too low for the table.
    pub fn of(memory: Memory, table: &StoredTable) -> Result<Self, Problem> {
        let a_row = table.bytes_a_row(None)?.max(1) * COPIES;
        // Each row of the table has its part.
        let room = memory.room().saturating_sub(table.rows() as u64);
        let rows = |share: u64| usize::try_from(room / share / a_row).unwrap_or(usize::MAX);
        let rooms = Self { sample: rows(4), judged: rows(16), buffer: rows(8) };
        if rooms.buffer < LEAST {
            return Err(Problem::new(
                Code::TooLarge,
                format!(
                    "The table can't be trained on within {memory} of memory, also not in a stream: {} rows of about {} bytes \
                     are too much. Raise the memory limit for training, leave out columns in a pipeline, or train on a sample \
                     of the rows.",
                    count(table.rows() as u64),
                    a_row / COPIES
                ),
            ));
        }
        Ok(rooms)
    }
}

/// All train rows of a table, for nets, and what is said of the rest.
#[derive(Debug)]
pub struct Streamed {
    shuffled: Shuffled,
    memory: Memory,
    notes: Vec<String>,
    parameters: Vec<(&'static str, String)>,
}

/// Divides a stored table and takes the rows that stand in for it. `kept` is the part of each row where a stored split says
/// so; with `test`, that table is the test part. Gives the settings with the task that the whole target makes.
///
/// # Errors
/// As dividing a table in memory; the limit is too low; copies are to be left out.
pub fn tables(
    table: StoredTable,
    test: Option<&StoredTable>,
    kept: Option<Vec<Option<Part>>>,
    settings: &TrainSettings,
    memory: Memory,
    rooms: Rooms,
) -> Result<(Tables, TrainSettings), Problem> {
    if settings.distinct {
        return Err(copies::too_many());
    }
    let all = std::iter::once(&table).chain(test);
    let size = format!("The table would take about {} in memory, and the limit is {memory}", in_words(whole(all)?));
    let spec = split_spec(settings, test.is_some());
    let divided = divide(&table, &spec, (settings.target.as_str(), settings.asked_task()), kept, memory)?;
    let mut rows: Vec<(usize, Part)> = divided.of_classes.iter().map(|&row| (row, Part::Train)).collect();
    for (part, most) in [(Part::Train, rooms.sample), (Part::Valid, rooms.judged), (Part::Test, rooms.judged)] {
        rows.extend(drawn(&divided.parts, part, most, settings.seed).into_iter().map(|row| (row, part)));
    }
    rows.sort_unstable();
    rows.dedup();
    let (wanted, parts): (Vec<usize>, Vec<Part>) = rows.into_iter().unzip();
    let data = table.load(None, &wanted)?;
    let mut notes = vec![divided.info.summary, format!("{size}: it is trained in a stream.")];
    notes.extend(divided.notes);
    let of = |part: Part| {
        let here = parts.iter().filter(|own| **own == part).count() as u64;
        let all = divided.rows[part as usize];
        if here == all { count(all) } else { format!("{} of {}", count(here), count(all)) }
    };
    let (train, valid) = (of(Part::Train), of(Part::Valid));
    let (test, tested) = match test {
        None => (None, of(Part::Test)),
        Some(test) => {
            let rows = frame::sampled_rows(test.rows(), rooms.judged);
            let tested = match rows.len() {
                all if all == test.rows() => count(all as u64),
                some => format!("{} of {}", count(some as u64), count(test.rows() as u64)),
            };
            (Some(test.load(None, &rows)?), tested)
        }
    };
    let shuffled = Shuffled::new(table, divided.parts, rooms.buffer, settings.seed);
    let buffers =
        format!("{} buffers of up to {} rows", count(shuffled.buffers() as u64), count(shuffled.largest() as u64));
    notes.push(format!(
        "Columns are prepared by {train} train rows, drawn at random, and linear models and trees are fitted on them. RealMLP \
         and TabM see all train rows, in {buffers}."
    ));
    notes.push(format!("Models are chosen on {valid} validation rows and judged on {tested} test rows."));
    let parameters = vec![
        ("streamed", format!("{size}: RealMLP and TabM see the train rows in {buffers}")),
        ("train_rows_in_memory", train),
        ("validation_rows_in_memory", valid),
        ("test_rows_in_memory", tested),
    ];
    let tables = Tables {
        data,
        test,
        parts: Some(parts.into_iter().map(Some).collect()),
        streamed: Some(Streamed { shuffled, memory, notes, parameters }),
    };
    Ok((tables, TrainSettings { task: Some(divided.info.task), ..settings.clone() }))
}

impl Streamed {
    /// Hands the stream to what the sample was made into.
    pub fn join(self, prepared: &mut Prepared, settings: &TrainSettings) {
        let Self { shuffled, memory, notes, parameters } = self;
        let features = &prepared.train.frame.columns;
        let mut columns: Vec<String> = features.iter().map(|column| column.name.clone()).collect();
        let features = columns.len();
        columns.push(settings.target.clone());
        columns.extend(settings.weight_column.clone());
        // What the sample says of the target, the whole table says better.
        let of_sample = std::mem::take(&mut prepared.notes).into_iter().skip(1);
        prepared.notes = notes.into_iter().chain(of_sample).collect();
        prepared.stream = Some(Arc::new(TrainRows {
            shuffled,
            memory,
            columns,
            features,
            target: settings.target.clone(),
            task: prepared.task,
            classes: prepared.classes.clone(),
            rule: prepared.weights.as_ref().map(|weights| weights.rule.clone()),
            parameters,
        }));
    }
}

/// All train rows, in buffers.
#[derive(Debug)]
pub struct TrainRows {
    shuffled: Shuffled,
    memory: Memory,
    /// The features, the target, and the column of weights where there is one.
    columns: Vec<String>,
    features: usize,
    target: String,
    task: Task,
    classes: Vec<String>,
    rule: Option<Rule>,
    /// For people.
    pub parameters: Vec<(&'static str, String)>,
}

impl TrainRows {
    /// Bytes that a family may take beside its rows: a quarter of the room, where [`Rooms`] leaves more than that.
    pub fn beside_rows(&self) -> u64 {
        self.memory.room() / 4
    }
}

impl RowStream for TrainRows {
    fn rows(&self) -> u64 {
        self.shuffled.rows() as u64
    }
    fn buffers(&self) -> usize {
        self.shuffled.buffers()
    }
    fn largest(&self) -> usize {
        self.shuffled.largest()
    }
    fn seen(&self, buffers: u64) -> u64 {
        self.shuffled.seen(buffers)
    }
    fn read(&self, pass: u64, buffer: usize) -> Result<StreamedRows, Problem> {
        let mut frame: Frame = self.shuffled.read(&self.columns, pass, buffer)?;
        let changed =
            || Problem::internal("The table's rows are not what they were when they were divided. Retry the run.");
        let column = frame.column(&self.target).ok_or_else(changed)?;
        let (target, known) = target::encode(column, self.task, &self.classes)?;
        if known.contains(&false) {
            return Err(changed());
        }
        let weigh = |rule: &Rule| rule.weigh(&frame, 0..frame.rows, &target);
        let weights = self.rule.as_ref().map(weigh).transpose()?;
        frame.columns.truncate(self.features);
        Ok((frame, target, weights))
    }
}
