//! Stored tables one after the other as one: what appending to a data set is, and what a folder of files makes.

use crate::{
    block::{Cells, Stop},
    ingest::Ingested,
    limits::MAX_ROWS,
    memory::Memory,
    parquet_source::{ParquetFile, ParquetSource, guarded},
    profile::{TableStats, folder_of, stored_schema},
    words,
    write::TableWriter,
};
use std::{ops::ControlFlow, path::Path};
use trainyard_types::{
    Code, Problem,
    dataset::{BadRowReport, ColumnSchema, ColumnType},
};

/// Writes the rows of several tables that [`crate::ingest()`] stored, one after the other, to `dest_parquet`, with a
/// profile of the whole. The columns are the first table's, in its order; the others may have them in another order.
/// `progress` gets the share done, 0 to 1, and ends the work by answering `Break`.
///
/// # Errors
/// A table's columns differ from the first's: `names` (one a table) and every difference are named. A file can't be
/// read, the whole has too many rows, the disk is full, or the caller ended it.
pub fn concat(
    parts: &[&Path],
    names: &[String],
    dest_parquet: &Path,
    memory: Memory,
    progress: &mut dyn FnMut(f64) -> ControlFlow<()>,
) -> Result<Ingested, Problem> {
    let files = parts.iter().map(|path| ParquetFile::open(path)).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = files.first() else {
        return Err(Problem::internal("There is no table to join."));
    };
    let schema = stored_schema(first)?;
    let mut orders = Vec::with_capacity(files.len());
    for (i, file) in files.iter().enumerate() {
        let columns = stored_schema(file)?;
        if let Some(difference) = difference(&schema, &columns) {
            let name = |i: usize| names.get(i).map_or("a table", String::as_str);
            return Err(Problem::invalid(format!("{} does not fit {}: {difference}", name(i), name(0))));
        }
        let at = |column: &ColumnSchema| columns.iter().position(|other| other.name == column.name).unwrap_or(0);
        orders.push(schema.iter().map(at).collect::<Vec<_>>());
    }
    let total: u64 = files.iter().map(ParquetFile::rows).sum();
    if total > MAX_ROWS {
        return Err(Problem::new(
            Code::TooLarge,
            format!("Together that is {} rows; the limit is {}.", words::count(total), words::count(MAX_ROWS)),
        ));
    }
    let mut stats = TableStats::new(&schema, memory, folder_of(dest_parquet));
    let mut writer = TableWriter::create(dest_parquet, &schema, memory)?;
    let mut rows = 0_u64;
    for (file, order) in files.iter().zip(&orders) {
        let mut source = ParquetSource::new(file, order)?;
        while let Some(block) = source.next_block().map_err(|stop: Stop| Problem::from(stop))? {
            let Cells::Arrow(arrays) = &block.cells else { continue };
            rows += block.rows as u64;
            guarded(|| writer.write(arrays, block.rows, Some(&mut stats)))?;
            if progress(rows as f64 / total.max(1) as f64 * 0.98).is_break() {
                return Err(Problem::conflict("The work was cancelled. Nothing was stored."));
            }
        }
    }
    let (written, profile) = writer.finish_with(stats)?;
    let _ = progress(1.0);
    Ok(Ingested { rows, bytes: written.bytes, hash: written.hash, profile, bad_rows: BadRowReport::default() })
}

/// What a table's columns lack, have besides, or have as another type, compared with the columns wanted, in words; `None`
/// where they fit. Their order does not matter.
pub fn difference(wanted: &[ColumnSchema], got: &[ColumnSchema]) -> Option<String> {
    let lacks: Vec<&str> = wanted
        .iter()
        .filter(|column| !got.iter().any(|other| other.name == column.name))
        .map(|column| column.name.as_str())
        .collect();
    let besides: Vec<&str> = got
        .iter()
        .filter(|column| !wanted.iter().any(|other| other.name == column.name))
        .map(|column| column.name.as_str())
        .collect();
    let mut said = Vec::new();
    if !lacks.is_empty() {
        said.push(format!("it lacks {}", words::listed(&lacks)));
    }
    if !besides.is_empty() {
        said.push(format!("it has {} besides", words::listed(&besides)));
    }
    for column in wanted {
        match got.iter().find(|other| other.name == column.name) {
            Some(other) if other.kind != column.kind => said.push(format!(
                "`{}` is {} and should be {}",
                words::clip(&column.name),
                of_type(other.kind),
                of_type(column.kind)
            )),
            _ => {}
        }
    }
    (!said.is_empty()).then(|| format!("{}.", said.join("; ")))
}

fn of_type(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Integer => "whole numbers",
        ColumnType::Float => "numbers",
        ColumnType::Boolean => "true or false",
        ColumnType::Text => "text",
        ColumnType::Datetime => "dates and times",
    }
}

/// The columns that several files have when they are read as one table: whole numbers beside numbers are numbers, other
/// mixtures are text. Names and order are the first file's.
pub fn widened(tables: &[Vec<ColumnSchema>]) -> Vec<ColumnSchema> {
    let mut columns = tables.first().cloned().unwrap_or_default();
    for column in &mut columns {
        for other in tables.iter().skip(1).flatten().filter(|other| other.name == column.name) {
            column.kind = match (column.kind, other.kind) {
                (a, b) if a == b => a,
                (a, b) if a.is_numeric() && b.is_numeric() => ColumnType::Float,
                _ => ColumnType::Text,
            };
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{ingest, inspect};
    use std::path::PathBuf;
    use trainyard_types::dataset::BadRows;

    fn go_on(_: f64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn stored(folder: &Path, name: &str, csv: &str) -> PathBuf {
        let file = folder.join(name);
        std::fs::write(&file, csv).unwrap();
        let options = inspect(&file, name).unwrap().options;
        let parquet = folder.join(format!("{name}.parquet"));
        ingest(&file, &options, BadRows::Refuse, &parquet, Memory::default(), &mut go_on).unwrap();
        parquet
    }

    #[test]
    fn tables_are_joined_as_if_they_had_been_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let a = stored(folder.path(), "a.csv", "n,t\n1,x\n2,y\n");
        let b = stored(folder.path(), "b.csv", "t,n\nx,1\nz,\n");
        let whole = stored(folder.path(), "whole.csv", "n,t\n1,x\n2,y\n1,x\n,z\n");
        let dest = folder.path().join("joined.parquet");
        let names = ["a".to_owned(), "b".to_owned()];
        let joined = concat(&[&a, &b], &names, &dest, Memory::default(), &mut go_on).unwrap();
        assert_eq!((joined.rows, joined.profile.duplicate_rows), (4, 1));
        assert_eq!(joined.profile, crate::profile(&whole, Memory::default()).unwrap());
        assert_eq!(std::fs::read(&dest).unwrap(), std::fs::read(&whole).unwrap(), "the same bytes, so the same hash");
    }

    #[test]
    fn differences_are_named_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let a = stored(folder.path(), "a.csv", "n,t\n1,x\n");
        let b = stored(folder.path(), "b.csv", "n,u,v\nx,1,2\n");
        let dest = folder.path().join("joined.parquet");
        let names = ["version 1".to_owned(), "b.csv".to_owned()];
        let problem = concat(&[&a, &b], &names, &dest, Memory::default(), &mut go_on).unwrap_err();
        assert_eq!(
            problem.message,
            "b.csv does not fit version 1: it lacks `t`; it has `u` and `v` besides; `n` is text and should be whole numbers."
        );
        assert!(!dest.exists());
    }

    #[test]
    fn kinds_widen_to_what_holds_all() {
        let column = |name: &str, kind| ColumnSchema { name: name.into(), kind };
        use ColumnType::*;
        let tables = [
            vec![column("a", Integer), column("b", Integer), column("c", Text)],
            vec![column("b", Datetime), column("a", Float), column("c", Text)],
        ];
        assert_eq!(widened(&tables), [column("a", Float), column("b", Text), column("c", Text)]);
    }
}
