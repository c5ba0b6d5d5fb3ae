//! Configuration: the defaults, over them `trainyard.toml`, over it `TRAINYARD_*`, over those the flags.

use clap::Args;
use figment::{
    Figment,
    providers::{Format, Serialized, Toml},
};
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use trainyard_data::Memory;
use trainyard_service::{
    Settings,
    sources::{Limits, Rules, secrets::KeyPlace},
};
use trainyard_types::Problem;

/// Read where no other file is named.
const FILE: &str = "trainyard.toml";
/// Texts, and whole numbers or switches, that may stand in the environment.
const TEXTS: [&str; 9] = [
    "bind",
    "data_dir",
    "database_url",
    "admin_password",
    "log",
    "log_format",
    "public_url",
    "secret_key",
    "secret_key_file",
];
const VALUES: [&str; 9] = [
    "max_upload_mib",
    "memory_limit_mib",
    "training_memory_mib",
    "max_fetch_mib",
    "fetch_minutes",
    "log_retention_days",
    "slots",
    "worker",
    "trust_proxy",
];
/// Lists that may stand there, separated by commas.
const LISTS: [&str; 2] = ["source_roots", "source_hosts"];
/// Variables of builds and tests; not configuration.
const OTHERS: [&str; 5] = ["site", "program", "shots", "config", "code_version"];

/// Everything that can be configured; the keys of `trainyard.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port to listen on.
    pub bind: String,
    /// Folder for the database, artifacts, uploads and jobs.
    pub data_dir: PathBuf,
    /// `sqlite:…` or `postgres://…`. Left out: a SQLite file in `data_dir`.
    pub database_url: Option<String>,
    /// The first admin's password, used at the first start only. Left out: one is generated and shown once.
    pub admin_password: Option<String>,
    /// Largest upload, MiB.
    pub max_upload_mib: u64,
    /// For reading, storing and describing one table, MiB; what needs more goes to the disk or is estimated.
    pub memory_limit_mib: u64,
    /// For the process of one training job, MiB; larger tables are trained in a stream. Left out: half of the machine's memory,
    /// divided by `slots`.
    pub training_memory_mib: Option<u64>,
    /// Folders on the server whose files may be read as sources. None by default.
    pub source_roots: Vec<PathBuf>,
    /// Hosts that sources may be fetched from: `data.example.org`, `*.example.org`, with `=RANGE` in a private network.
    /// None by default.
    pub source_hosts: Vec<String>,
    /// Largest fetch, MiB, unpacked.
    pub max_fetch_mib: u64,
    /// Longest fetch, minutes.
    pub fetch_minutes: u64,
    /// Keys that the passwords of connections are encrypted under, 64 hexadecimal digits each, separated by commas: the
    /// first encrypts, all decrypt. Left out: `secret_key_file`.
    pub secret_key: Option<String>,
    /// File of such keys. Left out: `secret.key` in `data_dir`, made when it is first needed.
    pub secret_key_file: Option<PathBuf>,
    /// How long the logs of pipelines' runs are kept after their end, days. The runs and their steps' states stay.
    pub log_retention_days: u32,
    /// Jobs that the server works on at a time. Left out: one a GPU, one where there is none.
    pub slots: Option<u32>,
    /// Whether `serve` works on jobs itself.
    pub worker: bool,
    /// The address that browsers use, where a proxy stands in between; `https://…` makes cookies `Secure`.
    pub public_url: Option<String>,
    /// Takes the caller's address from the proxy's `X-Forwarded-For`. Only behind a proxy that sets it.
    pub trust_proxy: bool,
    /// What is logged, as `tracing` filters: `info`, `trainyard=debug,warn` …
    pub log: String,
    /// `text` or `json`.
    pub log_format: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: "127.0.0.1:3000".to_owned(),
            data_dir: PathBuf::from("trainyard-data"),
            database_url: None,
            admin_password: None,
            max_upload_mib: 4096,
            memory_limit_mib: 1024,
            training_memory_mib: None,
            source_roots: Vec::new(),
            source_hosts: Vec::new(),
            max_fetch_mib: 64 << 10,
            fetch_minutes: 360,
            secret_key: None,
            secret_key_file: None,
            log_retention_days: 180,
            slots: None,
            worker: true,
            public_url: None,
            trust_proxy: false,
            log: "info".to_owned(),
            log_format: "text".to_owned(),
        }
    }
}

/// Flags of every verb that opens the database.
#[derive(Args, Clone, Debug, Default)]
pub struct Flags {
    /// Configuration file [default: trainyard.toml, where there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder for the database, artifacts and uploads [default: trainyard-data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// postgres://… or sqlite:… [default: a SQLite file in the data folder]
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// Memory for reading and describing one table, such as 512M or 2G [default: 1G]
    #[arg(long, value_name = "SIZE", value_parser = crate::cli::size)]
    pub memory_limit: Option<u64>,
    /// Memory for a training job, such as 4G; larger tables are trained in a stream [default: half of the machine's memory,
    /// divided by the slots]
    #[arg(long, value_name = "SIZE", value_parser = crate::cli::size)]
    pub training_memory: Option<u64>,
}

impl Config {
    /// Reads file and environment and lays the flags over them.
    ///
    /// # Errors
    /// A file that can't be read, an unknown key, a value of the wrong kind: each says where.
    pub fn read(flags: &Flags) -> Result<Self, Problem> {
        let environment = |key: &str| std::env::var(format!("TRAINYARD_{}", key.to_uppercase())).ok();
        let mut config = Self::layered(flags.config.as_deref(), environment)?;
        if let Some(folder) = &flags.data_dir {
            config.data_dir.clone_from(folder);
        }
        if flags.database_url.is_some() {
            config.database_url.clone_from(&flags.database_url);
        }
        if let Some(bytes) = flags.memory_limit {
            config.memory_limit_mib = bytes >> 20;
        }
        if let Some(bytes) = flags.training_memory {
            config.training_memory_mib = Some(bytes >> 20);
        }
        Ok(config)
    }

    fn layered(file: Option<&Path>, environment: impl Fn(&str) -> Option<String>) -> Result<Self, Problem> {
        let path = file.unwrap_or(Path::new(FILE));
        let mut layers = Figment::from(Serialized::defaults(Self::default()));
        if path.is_file() {
            layers = layers.merge(Toml::file_exact(path));
        } else if file.is_some() {
            return Err(Problem::invalid(format!(
                "There is no configuration file {}. Check --config.",
                path.display()
            )));
        }
        for key in TEXTS {
            if let Some(value) = environment(key) {
                layers = layers.merge(Serialized::default(key, value));
            }
        }
        for key in LISTS {
            if let Some(text) = environment(key) {
                let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
                layers = layers.merge(Serialized::default(key, parts));
            }
        }
        for key in VALUES {
            let Some(text) = environment(key) else { continue };
            let name = format!("TRAINYARD_{}", key.to_uppercase());
            layers = match (text.parse::<bool>(), text.parse::<u64>()) {
                (Ok(switch), _) => layers.merge(Serialized::default(key, switch)),
                (_, Ok(number)) => layers.merge(Serialized::default(key, number)),
                _ => {
                    return Err(Problem::invalid(format!("{name} is '{text}'. Use a whole number, or true or false.")));
                }
            };
        }
        let config: Self = layers.extract().map_err(|error| {
            let faults: Vec<String> = error.into_iter().map(|fault| fault.to_string()).collect();
            Problem::invalid(format!(
                "The configuration can't be used: {}. Correct it and start again.",
                faults.join("; ")
            ))
        })?;
        config.check()?;
        Ok(config)
    }

    /// Whether the values make sense, whatever layer they came from.
    ///
    /// # Errors
    /// Names the first that doesn't.
    pub fn check(&self) -> Result<(), Problem> {
        if self.slots.is_some_and(|slots| !(1..=64).contains(&slots)) {
            return Err(Problem::invalid("'slots' has to be from 1 to 64."));
        }
        if self.max_upload_mib == 0 {
            return Err(Problem::invalid("'max_upload_mib' has to be at least 1."));
        }
        if self.log_retention_days == 0 {
            return Err(Problem::invalid("'log_retention_days' has to be at least 1."));
        }
        if self.max_fetch_mib == 0 || self.fetch_minutes == 0 {
            return Err(Problem::invalid("'max_fetch_mib' and 'fetch_minutes' have to be at least 1."));
        }
        Rules::new(&self.source_roots, &self.source_hosts)?;
        if !["text", "json"].contains(&self.log_format.as_str()) {
            return Err(Problem::invalid("'log_format' has to be text or json."));
        }
        match &self.public_url {
            Some(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
                Err(Problem::invalid("'public_url' has to start with http:// or https://."))
            }
            _ => Ok(()),
        }
    }

    /// `TRAINYARD_*` variables that mean nothing, for a warning: most likely mistyped.
    pub fn unknown_variables() -> Vec<String> {
        std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .filter(|name| {
                name.strip_prefix("TRAINYARD_").map(str::to_lowercase).is_some_and(|key| {
                    let known = TEXTS.iter().chain(&VALUES).chain(&LISTS).chain(&OTHERS).any(|known| *known == key);
                    !known && !key.starts_with("test_")
                })
            })
            .collect()
    }

    /// What the service needs of it.
    ///
    /// # Errors
    /// A source folder is gone, or a memory limit is too low.
    pub fn settings(&self) -> Result<Settings, Problem> {
        let memory = Memory::new(self.memory_limit_mib.saturating_mul(1 << 20))?;
        let training_memory = match self.training_memory_mib {
            Some(mib) => Memory::new(mib.saturating_mul(1 << 20))
                .map_err(|_| Problem::invalid("'training_memory_mib' has to be at least 256."))?,
            None => Memory::for_training().among(self.slots.unwrap_or(1)),
        };
        Ok(Settings {
            memory,
            training_memory,
            sources: Rules::new(&self.source_roots, &self.source_hosts)?,
            fetch: Limits {
                bytes: self.max_fetch_mib.saturating_mul(1 << 20),
                time: Duration::from_secs(self.fetch_minutes.saturating_mul(60)),
                memory,
                ..Limits::default()
            },
            keys: KeyPlace { texts: self.secret_key.clone(), file: self.secret_key_file.clone() },
            log_retention_days: self.log_retention_days,
            data_dir: self.data_dir.clone(),
            database_url: self.database_url.clone(),
            max_upload_bytes: self.max_upload_mib.saturating_mul(1 << 20),
            code_version: CODE_VERSION.to_owned(),
        })
    }

    /// Whether browsers reach the server over TLS.
    pub fn https(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }
}

/// Version of the program, as runs record it.
pub const CODE_VERSION: &str = env!("CARGO_PKG_VERSION");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn the_environment_wins_over_the_file_and_numbers_may_be_passwords() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("trainyard.toml");
        std::fs::write(&file, "bind = \"0.0.0.0:80\"\nslots = 3\n").unwrap();
        let config = Config::layered(Some(&file), none).unwrap();
        assert_eq!((config.bind.as_str(), config.slots), ("0.0.0.0:80", Some(3)));
        let environment = |key: &str| match key {
            "bind" => Some("127.0.0.1:81".to_owned()),
            "admin_password" => Some("1234567890".to_owned()),
            "worker" => Some("false".to_owned()),
            _ => None,
        };
        let config = Config::layered(Some(&file), environment).unwrap();
        assert_eq!((config.bind.as_str(), config.slots, config.worker), ("127.0.0.1:81", Some(3), false));
        assert_eq!(config.admin_password.as_deref(), Some("1234567890"));
    }

    #[test]
    fn wrong_keys_and_values_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("trainyard.toml");
        for (text, word) in [
            ("bnd = \"x\"", "bnd"),
            ("slots = \"many\"", "slots"),
            ("slots = 0", "slots"),
            ("log_retention_days = 0", "log_retention_days"),
        ] {
            std::fs::write(&file, text).unwrap();
            let problem = Config::layered(Some(&file), none).unwrap_err();
            assert!(problem.message.contains(word), "{}", problem.message);
        }
        let missing = Config::layered(Some(&dir.path().join("none.toml")), none).unwrap_err();
        assert!(missing.message.contains("none.toml"));
    }
}
