//! SQLite: a table or query of a file below the server's source folders, opened read-only.

use crate::{
    Limits, Rules, Watch,
    sql::quoted,
    table::{TableFile, Value},
};
use futures::StreamExt;
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection, Executor, Row, SqlSafeStr, SqliteConnection, Statement,
    TypeInfo,
    sqlite::{SqliteConnectOptions, SqliteRow},
};
use std::{path::Path, time::Duration, time::Instant};
use trainyard_types::{
    Problem,
    dataset::{ColumnSchema, ColumnType},
    source::ConnectionTest,
};

async fn open(rules: &Rules, path: &str, time: Duration) -> Result<SqliteConnection, Problem> {
    let file = rules.file(path)?;
    let options = SqliteConnectOptions::new()
        .filename(&file)
        .read_only(true)
        .create_if_missing(false)
        .pragma("query_only", "ON")
        .pragma("trusted_schema", "OFF")
        .busy_timeout(Duration::from_secs(10))
        .disable_statement_logging();
    let cannot = |error: &sqlx::Error| match error {
        sqlx::Error::Database(inner) if inner.message().contains("not a database") => {
            Problem::invalid(format!("{path} is no SQLite database. Check the path."))
        }
        other => Problem::invalid(format!("{path} can't be opened: {other}.")),
    };
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(|error| cannot(&error))?;
    let until = Instant::now() + time;
    let mut handle = connection.lock_handle().await.map_err(|error| cannot(&error))?;
    // The only way to end a statement that computes and gives no row.
    handle.set_progress_handler(100_000, move || Instant::now() < until);
    drop(handle);
    connection.execute("SELECT count(*) FROM sqlite_schema").await.map_err(|error| cannot(&error))?;
    Ok(connection)
}

fn failed(error: &sqlx::Error) -> Problem {
    match error {
        sqlx::Error::Database(inner) if inner.message().contains("interrupt") => {
            Problem::invalid("The query took too long and was ended. Fetch less, or raise fetch_minutes.")
        }
        sqlx::Error::Database(inner) => {
            Problem::invalid(format!("The database refused the query: {}.", inner.message()))
        }
        other => Problem::invalid(format!("The database can't be read: {other}.")),
    }
}

/// What is known of a column: SQLite types values, not columns.
struct Seen {
    name: String,
    declared: String,
    integers: i64,
    reals: i64,
    texts: i64,
    blobs: i64,
    /// Texts that are dates or times.
    dates: i64,
    /// Whole numbers other than 0 and 1.
    others: i64,
}

impl Seen {
    fn kind(&self) -> Result<ColumnType, Problem> {
        if self.blobs > 0 {
            return Err(Problem::invalid(format!(
                "The column `{}` holds binary data, which no table can. Write a query that leaves it out.",
                self.name
            )));
        }
        let numbers = self.integers + self.reals;
        Ok(match () {
            () if self.texts == 0 && numbers == 0 => ColumnType::Text,
            () if self.texts == 0 && self.reals == 0 && self.declared.contains("BOOL") && self.others == 0 => {
                ColumnType::Boolean
            }
            () if self.texts == 0 && self.reals == 0 => ColumnType::Integer,
            () if self.texts == 0 => ColumnType::Float,
            () if numbers == 0 && self.dates == self.texts => ColumnType::Datetime,
            () => ColumnType::Text,
        })
    }

    fn expression(&self, kind: ColumnType, column: &str) -> String {
        match kind {
            ColumnType::Datetime => {
                format!("CAST(round((julianday({column}) - 2440587.5) * 86400000.0) AS INTEGER)")
            }
            ColumnType::Text => format!("CAST({column} AS TEXT)"),
            ColumnType::Float => format!("CAST({column} AS REAL)"),
            ColumnType::Integer | ColumnType::Boolean => column.to_owned(),
        }
    }
}

/// Streams the statement's rows into the file and gives their number. The rows are gone through twice, in one reading
/// transaction: first for the columns' types, then for the values.
pub(crate) async fn fetch(
    rules: &Rules,
    path: &str,
    statement: &str,
    dest: &Path,
    limits: Limits,
    watch: Watch<'_>,
) -> Result<u64, Problem> {
    let mut connection = open(rules, path, limits.time).await?;
    connection.execute("BEGIN").await.map_err(|error| failed(&error))?;
    let all = format!("SELECT * FROM (\n{statement}\n)");
    let described = connection.prepare(AssertSqlSafe(all).into_sql_str()).await.map_err(|error| failed(&error))?;
    let named: Vec<(String, String)> = described
        .columns()
        .iter()
        .map(|column| (column.name().to_owned(), column.type_info().name().to_ascii_uppercase()))
        .collect();
    let seen = look(&mut connection, statement, &named).await?;
    let mut columns: Vec<ColumnSchema> = Vec::new();
    for column in &seen {
        if columns.iter().any(|other| other.name == column.name) {
            return Err(Problem::invalid(format!(
                "Two columns are named `{}`. Give one another name in the query, with AS.",
                column.name
            )));
        }
        columns.push(ColumnSchema { name: column.name.clone(), kind: column.kind()? });
    }
    let expressions: Vec<String> =
        seen.iter().zip(&columns).map(|(seen, column)| seen.expression(column.kind, &quoted(&column.name))).collect();
    let reading = format!("SELECT {} FROM (\n{statement}\n)", expressions.join(", "));
    let mut file = TableFile::create(dest, &columns, format!("Reading {path}"), limits, watch)?;
    let mut rows = sqlx::query(AssertSqlSafe(reading)).persistent(false).fetch(&mut connection);
    while let Some(row) = rows.next().await {
        let row = row.map_err(|error| failed(&error))?;
        for (i, column) in columns.iter().enumerate() {
            push(&mut file, i, column.kind, &row).map_err(|error| failed(&error))?;
        }
        file.end_row()?;
    }
    drop(rows);
    let rows = file.finish()?;
    let _ = connection.close().await;
    Ok(rows)
}

/// One pass that counts the kinds of values in each column. SQLite has 2,000 result columns at most, so that wide tables
/// take several passes.
async fn look(
    connection: &mut SqliteConnection,
    statement: &str,
    named: &[(String, String)],
) -> Result<Vec<Seen>, Problem> {
    let mut seen = Vec::with_capacity(named.len());
    for some in named.chunks(200) {
        let counts: Vec<String> = some
            .iter()
            .map(|(name, _)| {
                let c = quoted(name);
                format!(
                    "total(typeof({c}) = 'integer'), total(typeof({c}) = 'real'), total(typeof({c}) = 'text'), \
                     total(typeof({c}) = 'blob'), total(typeof({c}) = 'text' AND {c} LIKE '____-__-__%' AND \
                     julianday({c}) IS NOT NULL), total(typeof({c}) = 'integer' AND {c} NOT IN (0, 1))"
                )
            })
            .collect();
        let counting = format!("SELECT {} FROM (\n{statement}\n)", counts.join(", "));
        let row = sqlx::query(AssertSqlSafe(counting))
            .persistent(false)
            .fetch_one(&mut *connection)
            .await
            .map_err(|error| failed(&error))?;
        for (i, (name, declared)) in some.iter().enumerate() {
            let count = |at: usize| row.try_get::<f64, _>(i * 6 + at).map(|n| n as i64).map_err(|error| failed(&error));
            seen.push(Seen {
                name: name.clone(),
                declared: declared.clone(),
                integers: count(0)?,
                reals: count(1)?,
                texts: count(2)?,
                blobs: count(3)?,
                dates: count(4)?,
                others: count(5)?,
            });
        }
    }
    Ok(seen)
}

fn push(file: &mut TableFile<'_>, i: usize, kind: ColumnType, row: &SqliteRow) -> Result<(), sqlx::Error> {
    let integer = || row.try_get_unchecked::<Option<i64>, _>(i);
    match kind {
        ColumnType::Integer => file.push(i, &integer()?.map_or(Value::Missing, Value::Integer)),
        ColumnType::Boolean => file.push(i, &integer()?.map_or(Value::Missing, |n| Value::Boolean(n != 0))),
        ColumnType::Datetime => file.push(i, &integer()?.map_or(Value::Missing, Value::Datetime)),
        ColumnType::Float => {
            file.push(i, &row.try_get_unchecked::<Option<f64>, _>(i)?.map_or(Value::Missing, Value::Float));
        }
        ColumnType::Text => {
            file.push(i, &row.try_get_unchecked::<Option<&str>, _>(i)?.map_or(Value::Missing, Value::Text));
        }
    }
    Ok(())
}

/// Opens the file and lists its tables and views.
pub(crate) async fn test(rules: &Rules, path: &str) -> Result<ConnectionTest, Problem> {
    let mut connection = open(rules, path, Duration::from_secs(10)).await?;
    let found: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name LIMIT 50",
    )
    .fetch_all(&mut connection)
    .await
    .map_err(|error| failed(&error))?;
    let _ = connection.close().await;
    let message = match found.len() {
        0 => "It works, but the file holds no table.".to_owned(),
        50 => "It works: 50 tables or more are there.".to_owned(),
        1 => "It works: one table is there.".to_owned(),
        n => format!("It works: {n} tables are there."),
    };
    Ok(ConnectionTest { message, found })
}
