//! PostgreSQL: a table or query through a read-only transaction.

use crate::{
    Access, Limits, Watch,
    table::{TableFile, Value},
};
use futures::StreamExt;
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection, Executor, PgConnection, Row, SqlSafeStr, Statement, TypeInfo,
    postgres::{PgConnectOptions, PgRow, PgSslMode},
};
use std::{path::Path, time::Duration};
use trainyard_types::{
    Problem,
    dataset::{ColumnSchema, ColumnType},
    source::{ConnectionSettings, ConnectionTest, Tls},
};

async fn connect(access: Access<'_>, settings: &ConnectionSettings) -> Result<PgConnection, Problem> {
    let ConnectionSettings::Postgres { host, port, database, user, tls } = settings else {
        return Err(Problem::internal("The connection is none to PostgreSQL."));
    };
    if host.starts_with('/') {
        return Err(Problem::field("host", "Name a host, not a socket's folder."));
    }
    let addresses = access.rules.resolve(host, *port).await?;
    let base = PgConnectOptions::new_without_pgpass()
        .port(*port)
        .database(database)
        .username(user)
        .application_name("trainyard")
        .disable_statement_logging();
    let base = match access.secret {
        Some(secret) => base.password(secret.expose()),
        None => base,
    };
    let options = match tls {
        // The certificate has to be the name's: a name that leads elsewhere meanwhile finds nobody who can show it.
        Tls::Verify => vec![base.host(host).ssl_mode(PgSslMode::VerifyFull)],
        // Otherwise the checked address itself.
        Tls::Require | Tls::Off => addresses
            .iter()
            .map(|address| {
                let mode = if *tls == Tls::Off { PgSslMode::Disable } else { PgSslMode::Require };
                base.clone().host(&address.ip().to_string()).ssl_mode(mode)
            })
            .collect(),
    };
    let mut outcome = Err(Problem::invalid("The host has no address."));
    for options in options {
        let tried = tokio::time::timeout(Duration::from_secs(10), PgConnection::connect_with(&options)).await;
        outcome = match tried {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => Err(cannot_connect(&error, settings)),
            Err(_) => Err(Problem::invalid(format!("{host}:{port} did not answer within 10 seconds. Check both."))),
        };
    }
    outcome
}

fn cannot_connect(error: &sqlx::Error, settings: &ConnectionSettings) -> Problem {
    let place = settings.place();
    let what = match error {
        sqlx::Error::Database(inner) => match inner.code().as_deref() {
            Some("28P01" | "28000") => "the user or the password is not right. Check both".to_owned(),
            Some("3D000") => "there is no such database. Check its name".to_owned(),
            _ => format!("the server says: {}", inner.message()),
        },
        sqlx::Error::Tls(inner) => {
            format!(
                "no protected connection could be made ({inner}). Check the certificate, or choose other protection"
            )
        }
        sqlx::Error::Io(inner) => format!("nobody answers there ({inner}). Check host and port"),
        other => format!("{other}"),
    };
    Problem::invalid(format!("{place} can't be used: {what}."))
}

fn failed(error: &sqlx::Error) -> Problem {
    match error {
        sqlx::Error::Database(inner) => match inner.code().as_deref() {
            Some("25006") => Problem::invalid("The query would change something; only reading is allowed."),
            Some("57014") => Problem::invalid("The database ended the query: it took too long."),
            _ => Problem::invalid(format!("The database refused the query: {}.", inner.message())),
        },
        other => Problem::invalid(format!("The connection to the database broke: {other}. Try again.")),
    }
}

/// How a type of the database becomes one of the five, and the expression that makes it so.
fn mapped(type_name: &str, column: &str) -> Option<(ColumnType, String)> {
    Some(match type_name {
        "INT2" | "INT4" | "INT8" | "OID" => (ColumnType::Integer, format!("{column}::int8")),
        "FLOAT4" | "FLOAT8" | "NUMERIC" => (ColumnType::Float, format!("{column}::float8")),
        "BOOL" => (ColumnType::Boolean, column.to_owned()),
        "DATE" | "TIMESTAMP" | "TIMESTAMPTZ" => (
            ColumnType::Datetime,
            format!("CASE WHEN isfinite({column}) THEN floor(extract(epoch FROM {column}) * 1000)::int8 END"),
        ),
        "BYTEA" => return None,
        _ => (ColumnType::Text, format!("{column}::text")),
    })
}

/// Streams the statement's rows into the file and gives their number.
pub(crate) async fn fetch(
    access: Access<'_>,
    settings: &ConnectionSettings,
    statement: &str,
    dest: &Path,
    limits: Limits,
    watch: Watch<'_>,
) -> Result<u64, Problem> {
    let mut connection = connect(access, settings).await?;
    let set_up = format!(
        "SET default_transaction_read_only = on; SET statement_timeout = {}; SET lock_timeout = 30000; \
         SET timezone = 'UTC'; SET datestyle = 'ISO'; SET extra_float_digits = 1; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        limits.time.as_millis().min(2_000_000_000)
    );
    run(&mut connection, set_up).await?;
    let looked = format!("SELECT * FROM (\n{statement}\n) AS source LIMIT 0");
    let described = connection.prepare(AssertSqlSafe(looked).into_sql_str()).await.map_err(|error| failed(&error))?;
    let mut columns = Vec::new();
    let mut expressions = Vec::new();
    for (i, column) in described.columns().iter().enumerate() {
        let name = column.name();
        let Some((kind, expression)) = mapped(column.type_info().name(), &format!("source.c{i}")) else {
            return Err(Problem::invalid(format!(
                "The column `{name}` holds binary data, which no table can. Write a query that leaves it out."
            )));
        };
        if columns.iter().any(|other: &ColumnSchema| other.name == name) {
            return Err(Problem::invalid(format!(
                "Two columns are named `{name}`. Give one another name in the query, with AS."
            )));
        }
        columns.push(ColumnSchema { name: name.to_owned(), kind });
        expressions.push(expression);
    }
    if columns.is_empty() {
        return Err(Problem::invalid("The source has no columns."));
    }
    let names: Vec<String> = (0..columns.len()).map(|i| format!("c{i}")).collect();
    let reading = format!("SELECT {} FROM (\n{statement}\n) AS source({})", expressions.join(", "), names.join(", "));
    let mut file = TableFile::create(dest, &columns, format!("Reading {}", settings.place()), limits, watch)?;
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
    // Read-only and done: nothing is lost if it fails.
    let _ = connection.close().await;
    Ok(rows)
}

fn push(file: &mut TableFile<'_>, i: usize, kind: ColumnType, row: &PgRow) -> Result<(), sqlx::Error> {
    match kind {
        ColumnType::Integer => file.push(i, &row.try_get::<Option<i64>, _>(i)?.map_or(Value::Missing, Value::Integer)),
        ColumnType::Float => file.push(i, &row.try_get::<Option<f64>, _>(i)?.map_or(Value::Missing, Value::Float)),
        ColumnType::Boolean => file.push(i, &row.try_get::<Option<bool>, _>(i)?.map_or(Value::Missing, Value::Boolean)),
        ColumnType::Datetime => {
            file.push(i, &row.try_get::<Option<i64>, _>(i)?.map_or(Value::Missing, Value::Datetime))
        }
        ColumnType::Text => file.push(i, &row.try_get::<Option<&str>, _>(i)?.map_or(Value::Missing, Value::Text)),
    }
    Ok(())
}

async fn run(connection: &mut PgConnection, statements: String) -> Result<(), Problem> {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(statements))).await.map_err(|error| failed(&error))?;
    Ok(())
}

/// Connects and lists tables and views that the user may read.
pub(crate) async fn test(access: Access<'_>, settings: &ConnectionSettings) -> Result<ConnectionTest, Problem> {
    let mut connection = connect(access, settings).await?;
    run(&mut connection, "SET statement_timeout = 10000; BEGIN READ ONLY".to_owned()).await?;
    let tables = "SELECT table_schema || '.' || table_name FROM information_schema.tables \
                  WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1 LIMIT 50";
    let found: Vec<String> =
        sqlx::query_scalar(tables).fetch_all(&mut connection).await.map_err(|error| failed(&error))?;
    let may_write: bool = sqlx::query_scalar(
        "SELECT coalesce(bool_or(has_table_privilege(c.oid, 'INSERT,UPDATE,DELETE')), false) FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')",
    )
    .fetch_one(&mut connection)
    .await
    .map_err(|error| failed(&error))?;
    let _ = connection.close().await;
    let advice = if may_write {
        " This user may also change tables: one that may only read is safer, though Trainyard only reads."
    } else {
        ""
    };
    let message = match found.len() {
        0 => format!("It works, but there is no table that this user may read.{advice}"),
        50 => format!("It works: 50 tables or more can be read.{advice}"),
        1 => format!("It works: one table can be read.{advice}"),
        n => format!("It works: {n} tables can be read.{advice}"),
    };
    Ok(ConnectionTest { message, found: found.iter().map(|name| name.replace('"', "")).collect() })
}
