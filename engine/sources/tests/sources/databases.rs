//! SQLite files, and PostgreSQL where the tests have a server.

use crate::support::{any, get, go_on, kinds, rules, texts};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{path::Path, time::Duration};
use trainyard_sources::{Access, Limits, Rules, Secret, fetch, test};
use trainyard_types::{
    Problem,
    source::{ConnectionSettings, SourceSpec, Tls},
};

fn query(query: &str) -> SourceSpec {
    SourceSpec::Query { connection: any(), query: query.into() }
}
fn table(table: &str) -> SourceSpec {
    SourceSpec::Table { connection: any(), table: table.into() }
}

async fn sqlite(folder: &Path) -> (Rules, ConnectionSettings) {
    let file = folder.join("shop.db");
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut db = SqliteConnection::connect_with(&options).await.unwrap();
    db.execute(sqlx::raw_sql(
        "CREATE TABLE \"Order lines\" (id INTEGER, price REAL, paid BOOLEAN, at DATETIME, note TEXT, mixed, empty);
         INSERT INTO \"Order lines\" VALUES (1, 2.5, 1, '2024-02-29 12:00:00.250', 'x', 1, NULL),
                                            (2, 3, 0, '2024-03-01', NULL, 'two', NULL),
                                            (NULL, NULL, NULL, NULL, 'y', NULL, NULL);
         CREATE TABLE pictures (id INTEGER, picture BLOB); INSERT INTO pictures VALUES (1, x'00ff');",
    ))
    .await
    .unwrap();
    db.close().await.unwrap();
    (rules(&[folder], &[]), ConnectionSettings::Sqlite { path: file.to_string_lossy().into_owned() })
}

#[tokio::test]
async fn sqlite_tables_and_queries_are_read_with_their_values_types() {
    let folder = tempfile::tempdir().unwrap();
    let (rules, settings) = sqlite(folder.path()).await;
    let got = get(table("Order lines"), &rules, Some(&settings), None, Limits::default()).await.unwrap();
    assert_eq!(kinds(&got.table), "id:integer price:float paid:boolean at:datetime note:text mixed:text empty:text");
    assert_eq!(texts(&got.rows[0]), ["1", "2.5", "true", "2024-02-29 12:00:00.250", "x", "1", "-"]);
    assert_eq!(texts(&got.rows[1]), ["2", "3", "false", "2024-03-01 00:00:00", "-", "two", "-"]);
    assert_eq!(got.fetched.file_name, "Order lines.parquet");
    let got = get(
        query("SELECT count(*) AS n, ';' AS s FROM \"Order lines\" -- all; of them"),
        &rules,
        Some(&settings),
        None,
        Limits::default(),
    );
    assert_eq!(texts(&got.await.unwrap().rows[0]), ["3", ";"]);
    let seen = test(Access { rules: &rules, connection: Some(&settings), secret: None }).await.unwrap();
    assert_eq!(seen.found, ["Order lines", "pictures"]);
}

#[tokio::test]
async fn sqlite_is_read_only_bounded_and_below_the_roots() {
    let folder = tempfile::tempdir().unwrap();
    let (rules_here, settings) = sqlite(folder.path()).await;
    let try_it = async |source: SourceSpec, limits: Limits| -> Problem {
        get(source, &rules_here, Some(&settings), None, limits).await.err().unwrap()
    };
    for text in ["DELETE FROM pictures", "SELECT 1; DELETE FROM pictures", "SELECT 1) ; ATTACH 'x' AS y; SELECT (2"] {
        try_it(query(text), Limits::default()).await;
    }
    assert!(try_it(table("pictures"), Limits::default()).await.message.contains("binary"));
    assert!(try_it(table("none"), Limits::default()).await.message.contains("no such table"));
    assert!(try_it(query("SELECT 1 AS a WHERE 0"), Limits::default()).await.message.contains("no rows"));
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS c FROM n";
    let limits = Limits { time: Duration::from_millis(500), ..Limits::default() };
    let problem = try_it(query(endless), limits).await;
    assert!(problem.message.contains("fetch_minutes"), "{}", problem.message);
    let elsewhere = tempfile::tempdir().unwrap();
    let outside = rules(&[elsewhere.path()], &[]);
    assert!(get(table("pictures"), &outside, Some(&settings), None, Limits::default()).await.is_err());
}

/// A user of its own with a password, in a schema of its own; `None` where there is no server.
async fn postgres(name: &str) -> Option<(PgConnection, ConnectionSettings, Rules)> {
    let Ok(url) = std::env::var("TRAINYARD_TEST_POSTGRES") else {
        println!("SKIPPED postgres::{name}: TRAINYARD_TEST_POSTGRES is not set");
        return None;
    };
    let admin = PgConnection::connect(&url).await.unwrap();
    let rest = url.split("://").nth(1).unwrap();
    let (user, rest) = rest.split_once('@').unwrap();
    let (host, database) = rest.split_once('/').unwrap();
    let (host, port) = host.split_once(':').unwrap();
    let settings = ConnectionSettings::Postgres {
        host: host.to_owned(),
        port: port.parse().unwrap(),
        database: database.split('?').next().unwrap().to_owned(),
        user: user.split(':').next().unwrap().to_owned(),
        tls: Tls::Off,
    };
    Some((admin, settings, rules(&[], &[&format!("{host}=127.0.0.0/8")])))
}

#[tokio::test]
async fn postgres_types_are_mapped_and_rows_streamed() {
    let Some((mut admin, settings, rules)) = postgres("types").await else { return };
    let schema = format!("s{}", std::process::id());
    admin
        .execute(sqlx::raw_sql(AssertSqlSafe(format!(
            "CREATE SCHEMA {schema};
             CREATE TYPE {schema}.mood AS ENUM ('sad', 'happy');
             CREATE TABLE {schema}.t (id int, price numeric(10,2), share real, ok boolean, day date, at timestamptz,
                 naive timestamp, uid uuid, doc jsonb, mood {schema}.mood, tags text[], span interval);
             INSERT INTO {schema}.t VALUES (1, 12.34, 0.5, true, '2024-02-29', '2024-02-29 12:00:00.123+02',
                 '2024-02-29 12:00:00', '00000000-0000-0000-0000-000000000001', '{{\"a\": 1}}', 'happy', '{{x,y}}', '1 day'),
                 (NULL, 'NaN', NULL, NULL, 'infinity', NULL, NULL, NULL, NULL, NULL, NULL, NULL);"
        ))))
        .await
        .unwrap();
    let secret = Some("not asked for");
    let got = get(table(&format!("{schema}.t")), &rules, Some(&settings), secret, Limits::default()).await.unwrap();
    assert_eq!(
        kinds(&got.table),
        "id:integer price:float share:float ok:boolean day:datetime at:datetime naive:datetime uid:text doc:text \
         mood:text tags:text span:text"
    );
    assert_eq!(
        texts(&got.rows[0]),
        [
            "1",
            "12.34",
            "0.5",
            "true",
            "2024-02-29",
            "2024-02-29 10:00:00.123",
            "2024-02-29 12:00:00",
            "00000000-0000-0000-0000-000000000001",
            "{\"a\": 1}",
            "happy",
            "{x,y}",
            "1 day"
        ]
    );
    assert!(got.rows[1].iter().all(Option::is_none), "{:?}", got.rows[1]);
    // More than a batch, and no more of it in memory than one.
    let many = query("SELECT i, repeat('x', 100) AS t FROM generate_series(1, 50000) AS i");
    assert_eq!(get(many, &rules, Some(&settings), secret, Limits::default()).await.unwrap().table.rows, 50_000);
    let seen = test(Access { rules: &rules, connection: Some(&settings), secret: None }).await.unwrap();
    assert!(seen.found.contains(&format!("{schema}.t")), "{seen:?}");
    assert!(seen.message.contains("only read"), "the test's user may do everything: {}", seen.message);
    admin.execute(sqlx::raw_sql(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE")))).await.unwrap();
}

#[tokio::test]
async fn postgres_is_read_only_bounded_and_on_the_list() {
    let Some((mut admin, settings, rules_here)) = postgres("read_only").await else { return };
    let mark = format!("m{}", std::process::id());
    admin.execute(sqlx::raw_sql(AssertSqlSafe(format!("CREATE TABLE {mark} (i int)")))).await.unwrap();
    let try_it = async |text: &str, limits: Limits| -> Problem {
        get(query(text), &rules_here, Some(&settings), None, limits).await.err().unwrap()
    };
    for text in [
        format!("DROP TABLE {mark}"),
        format!("SELECT 1; DROP TABLE {mark}"),
        format!("SELECT 1) q; DROP TABLE {mark}; SELECT (1"),
        format!("WITH gone AS (DELETE FROM {mark} RETURNING i) SELECT * FROM gone"),
        "SELECT setval(pg_get_serial_sequence('x', 'y'), 1)".to_owned(),
        "SELECT '\\x00'::bytea AS b".to_owned(),
        "SELECT 1 AS a, 2 AS a".to_owned(),
        "SELECT * FROM no_such_table".to_owned(),
    ] {
        let problem = try_it(&text, Limits::default()).await;
        assert!(!problem.message.is_empty());
    }
    let changing =
        try_it("SELECT nextval(c.oid) FROM pg_class c WHERE false OR pg_advisory_lock(1) IS NULL", Limits::default());
    changing.await;
    let limits = Limits { time: Duration::from_millis(700), ..Limits::default() };
    // The server's own bound or ours, whichever is first.
    let problem = try_it("SELECT pg_sleep(30)::text AS s", limits).await;
    assert!(["too long", "took longer"].iter().any(|words| problem.message.contains(words)), "{}", problem.message);
    let left: i64 =
        sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {mark}"))).fetch_one(&mut admin).await.unwrap();
    assert_eq!(left, 0);
    admin.execute(sqlx::raw_sql(AssertSqlSafe(format!("DROP TABLE {mark}")))).await.unwrap();

    let none = rules(&[], &[]);
    let secret = Secret::new("hunter2");
    let access = Access { rules: &none, connection: Some(&settings), secret: Some(&secret) };
    let problem = test(access).await.unwrap_err();
    assert!(problem.message.contains("source_hosts"), "{}", problem.message);
    let ConnectionSettings::Postgres { host, port, database, user, .. } = settings.clone() else { return };
    let wrong = ConnectionSettings::Postgres { host, port, database: format!("{database}_no"), user, tls: Tls::Off };
    let access = Access { rules: &rules_here, connection: Some(&wrong), secret: Some(&secret) };
    let problem = test(access).await.unwrap_err();
    assert!(problem.message.contains("no such database") && !problem.message.contains("hunter2"));
    let folder = tempfile::tempdir().unwrap();
    let outcome = fetch(&query("SELECT 1 AS a"), access, &folder.path().join("x"), Limits::default(), &go_on).await;
    assert!(outcome.is_err());
}
