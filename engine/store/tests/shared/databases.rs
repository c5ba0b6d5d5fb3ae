//! A fresh database for each test.

use sea_orm::{ConnectionTrait, Database};
use std::future::Future;
use trainyard_store::{Store, fresh_id};

/// Two handles on one database, as two processes hold them.
pub struct Pair {
    pub here: Store,
    pub there: Store,
}

pub async fn on_sqlite<F: Future<Output = ()>>(test: impl FnOnce(Pair) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a test's # database?.db");
    let here = Store::connect_file(&file).await.unwrap();
    here.migrate().await.unwrap();
    let there = Store::connect_file(&file).await.unwrap();
    test(Pair { here, there }).await;
}

/// Runs a test in a database of its own on the server that `TRAINYARD_TEST_POSTGRES` names. A test that fails leaves its
/// database for a look.
pub async fn on_postgres<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Pair) -> F) {
    let Ok(server) = std::env::var("TRAINYARD_TEST_POSTGRES") else {
        println!("SKIPPED postgres::{name}: TRAINYARD_TEST_POSTGRES is not set");
        return;
    };
    let admin = Database::connect(server.as_str()).await.unwrap();
    let database = format!("ty_core_{}", fresh_id().simple());
    admin.execute_unprepared(&format!("CREATE DATABASE {database}")).await.unwrap();
    let url = with_database(&server, &database);
    let here = Store::connect(&url).await.unwrap();
    here.migrate().await.unwrap();
    let there = Store::connect(&url).await.unwrap();
    test(Pair { here, there }).await;
    admin.execute_unprepared(&format!("DROP DATABASE {database} WITH (FORCE)")).await.unwrap();
}

/// The server's address with another database in it: `postgres://user@host:port/DATABASE?options`.
fn with_database(server: &str, database: &str) -> String {
    let (base, options) = server.split_once('?').map_or((server, String::new()), |(base, o)| (base, format!("?{o}")));
    let root: Vec<&str> = base.splitn(4, '/').take(3).collect();
    format!("{}/{database}{options}", root.join("/"))
}
