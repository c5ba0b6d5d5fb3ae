//! The database's tables, one file per step. The same steps run on SQLite and PostgreSQL.
//!
//! Conventions: ids are UUIDs as text (36 characters, lower case), instants are milliseconds since 1970 in a
//! `bigint`, structured values are JSON in a text column.

pub use sea_orm_migration::prelude::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m0001_accounts_and_audit;
mod m0002_data_and_runs;
mod m0003_catalog;
mod m0004_checks;
mod m0005_splits;
mod m0006_pipelines;
mod m0007_sources;
mod m0008_inbox;
mod m0009_labels;
mod m0010_experiments;
mod m0011_pause;
mod m0012_calibration;

/// Applies the steps that a database lacks.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_accounts_and_audit::Migration),
            Box::new(m0002_data_and_runs::Migration),
            Box::new(m0003_catalog::Migration),
            Box::new(m0004_checks::Migration),
            Box::new(m0005_splits::Migration),
            Box::new(m0006_pipelines::Migration),
            Box::new(m0007_sources::Migration),
            Box::new(m0008_inbox::Migration),
            Box::new(m0009_labels::Migration),
            Box::new(m0010_experiments::Migration),
            Box::new(m0011_pause::Migration),
            Box::new(m0012_calibration::Migration),
        ]
    }
}

impl Migrator {
    /// The names of all steps this program knows, oldest first.
    pub fn known() -> Vec<String> {
        Self::migrations().iter().map(|step| step.name().to_owned()).collect()
    }
}
