//! What the tests share.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};
use trainyard_data::Ingested;
use trainyard_sources::{Access, Fetched, Limits, Progress, Rules, Secret, fetch};
use trainyard_types::{
    ConnectionId, Problem,
    dataset::BadRows,
    source::{ConnectionSettings, SourceSpec},
};

pub fn go_on(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

pub fn rules(roots: &[&Path], hosts: &[&str]) -> Rules {
    let roots: Vec<PathBuf> = roots.iter().map(|root| root.to_path_buf()).collect();
    Rules::new(&roots, &hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap()
}

/// A connection's id: which one it is plays no part below the service.
pub fn any() -> ConnectionId {
    ConnectionId(Default::default())
}

/// A source, where it was fetched to, and the table that came of it.
pub struct Got {
    pub fetched: Fetched,
    pub table: Ingested,
    pub rows: Vec<Vec<Option<String>>>,
}

pub async fn get(
    source: SourceSpec,
    rules: &Rules,
    connection: Option<&ConnectionSettings>,
    secret: Option<&str>,
    limits: Limits,
) -> Result<Got, Problem> {
    let folder = tempfile::tempdir().unwrap();
    let dest = folder.path().join("fetched");
    let secret = secret.map(Secret::new);
    let access = Access { rules, connection, secret: secret.as_ref() };
    let fetched = fetch(&source, access, &dest, limits, &go_on).await;
    if fetched.is_err() {
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
    }
    let fetched = fetched?;
    let options = trainyard_data::inspect(&dest, &fetched.file_name)?.options;
    let parquet = folder.path().join("t.parquet");
    let table = trainyard_data::ingest(
        &dest,
        &options,
        BadRows::Refuse,
        &parquet,
        trainyard_data::Memory::default(),
        &mut |_| ControlFlow::Continue(()),
    )
    .map_err(|failure| failure.problem)?;
    let rows = trainyard_data::rows(&parquet, 0, 20)?.rows;
    Ok(Got { fetched, table, rows })
}

pub fn texts(row: &[Option<String>]) -> Vec<&str> {
    row.iter().map(|cell| cell.as_deref().unwrap_or("-")).collect()
}

/// `name:kind` of each column.
pub fn kinds(table: &Ingested) -> String {
    let columns = table.profile.columns.iter().map(|column| format!("{}:{}", column.name, column.kind.as_str()));
    columns.collect::<Vec<_>>().join(" ")
}
