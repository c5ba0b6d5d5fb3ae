//! A run's log.

use crate::{StoreError, Tx, entity::run_log, query::holds};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use trainyard_types::{RunId, Timestamp, job::LogLevel, run::LogLine};

/// Log lines longer than this are cut, bytes.
const MAX_LINE: usize = 8192;
/// Rows of one INSERT: well below SQLite's 32,766 and PostgreSQL's 65,535 parameters.
const INSERT_ROWS: usize = 1000;

/// Appends lines, numbered from `before + 1`.
pub(crate) async fn write(
    tx: &Tx,
    run: RunId,
    lines: &[(Timestamp, LogLevel, String)],
    before: i64,
) -> Result<(), StoreError> {
    let mut seq = before;
    for chunk in lines.chunks(INSERT_ROWS) {
        let models: Vec<_> = chunk
            .iter()
            .map(|(at, level, line)| {
                seq += 1;
                run_log::ActiveModel {
                    run_id: Set(run.to_string()),
                    seq: Set(seq),
                    at: Set(at.0),
                    level: Set(level_text(*level).to_owned()),
                    line: Set(clean_line(line)),
                }
            })
            .collect();
        run_log::Entity::insert_many(models).exec_without_returning(&**tx).await?;
    }
    Ok(())
}

/// As PostgreSQL can hold it, and not without end.
pub(crate) fn clean_line(line: &str) -> String {
    let mut end = line.len().min(MAX_LINE);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let mut clean = line[..end].replace('\0', "\u{fffd}");
    if end < line.len() {
        clean.push('…');
    }
    clean
}

pub(crate) fn level_text(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Info => "info",
        LogLevel::Warning => "warning",
        LogLevel::Error => "error",
    }
}

pub(crate) fn level_from(text: &str) -> LogLevel {
    match text {
        "error" => LogLevel::Error,
        "warning" => LogLevel::Warning,
        _ => LogLevel::Info,
    }
}

/// Log lines after the one numbered `after`, oldest first; with words, only lines that hold them. Below zero: the last
/// ones.
///
/// # Errors
/// The database failed.
pub async fn read(
    db: &impl ConnectionTrait,
    run: RunId,
    after: i64,
    limit: u64,
    words: &str,
) -> Result<Vec<LogLine>, StoreError> {
    let mut select = run_log::Entity::find().filter(run_log::Column::RunId.eq(run.to_string())).limit(limit);
    if let Some(condition) = holds(words, &[run_log::Column::Line]) {
        select = select.filter(condition);
    }
    let models = if after < 0 {
        let mut models = select.order_by_desc(run_log::Column::Seq).all(db).await?;
        models.reverse();
        models
    } else {
        select.filter(run_log::Column::Seq.gt(after)).order_by_asc(run_log::Column::Seq).all(db).await?
    };
    Ok(models
        .into_iter()
        .map(|model| LogLine {
            seq: model.seq,
            at: Timestamp(model.at),
            level: level_from(&model.level),
            line: model.line,
        })
        .collect())
}
