//! Amazon S3 and servers that speak it.

use crate::{
    Access, Fetched, Limits, Progress, Watch, cancelled, cannot_write,
    rules::{chain, refusal},
    too_large, unpack,
};
use futures::{StreamExt, TryStreamExt};
use object_store::{
    ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
    aws::AmazonS3Builder,
    client::{HttpClient, HttpConnector},
    path::Path as Key,
};
use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{fs::File, io::AsyncWriteExt};
use trainyard_data::{Memory, concat};
use trainyard_types::{
    Problem,
    dataset::{BadRows, ReadOptions},
    source::{ConnectionSettings, ConnectionTest},
};
use url::Url;

/// Hands out the client that checks where it connects to.
#[derive(Debug)]
struct Checked(reqwest::Client);

impl HttpConnector for Checked {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

fn open(access: Access<'_>, settings: &ConnectionSettings) -> Result<impl ObjectStore, Problem> {
    let ConnectionSettings::S3 { bucket, region, endpoint, access_key } = settings else {
        return Err(Problem::internal("The connection is none to an object store."));
    };
    let region = if region.trim().is_empty() { "us-east-1" } else { region.trim() };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket.trim())
        .with_region(region)
        .with_http_connector(Checked(access.rules.client()?))
        .with_retry(RetryConfig { max_retries: 3, retry_timeout: Duration::from_secs(60), ..RetryConfig::default() });
    let host = match endpoint.as_deref().map(str::trim).filter(|endpoint| !endpoint.is_empty()) {
        Some(endpoint) => {
            let url = Url::parse(endpoint).map_err(|_| {
                Problem::field("endpoint", "Write the endpoint as https://HOST:PORT, or leave it out for Amazon's.")
            })?;
            builder = builder.with_endpoint(endpoint.trim_end_matches('/')).with_allow_http(url.scheme() == "http");
            url
        }
        None => Url::parse(&format!("https://s3.{region}.amazonaws.com"))
            .map_err(|_| Problem::field("region", "That is no region. Write it as eu-central-1."))?,
    };
    access.rules.url(&host)?;
    // Without a key, requests go unsigned: the credentials of the machine that the server runs on are never used.
    builder = match (access_key.as_deref().filter(|key| !key.is_empty()), access.secret) {
        (Some(key), Some(secret)) => builder.with_access_key_id(key).with_secret_access_key(secret.expose()),
        (Some(_), None) => {
            return Err(Problem::field(
                "secret",
                "There is an access key without its secret. Add the secret access key.",
            ));
        }
        (None, _) => builder.with_skip_signature(true),
    };
    builder.build().map_err(|error| failed(error, bucket))
}

fn failed(error: object_store::Error, what: &str) -> Problem {
    if let Some(problem) = refusal(&error) {
        return problem;
    }
    match error {
        object_store::Error::NotFound { .. } => {
            Problem::not_found(format!("There is no {what} in the bucket, or no such bucket. Check both names."))
        }
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            Problem::invalid("The store refused the access key or its secret, or they may not read this. Check both.")
        }
        other => {
            let text = chain(&other);
            // S3 answers wrong keys with 403 and a code that is worth showing; the rest of its page is not.
            match text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")) {
                Some((code, _)) => {
                    Problem::invalid(format!("The store answered {code}. Check bucket, region and keys."))
                }
                None => Problem::invalid(format!(
                    "The store can't be used: {}. Check endpoint and region.",
                    text.chars().take(300).collect::<String>()
                )),
            }
        }
    }
}

fn key_of(text: &str) -> Result<Key, Problem> {
    Key::parse(text.trim().trim_start_matches('/').trim_end_matches('/'))
        .map_err(|_| Problem::field("key", "That is no key of an object. Write it as folder/file.csv, or folder/."))
}

/// Fetches an object, or every object below a key that ends with `/` as one table.
pub(crate) async fn fetch(
    access: Access<'_>,
    settings: &ConnectionSettings,
    key: &str,
    dest: &Path,
    limits: Limits,
    watch: Watch<'_>,
) -> Result<Fetched, Problem> {
    let store = open(access, settings)?;
    if !key.trim().ends_with('/') && !key.trim().is_empty() {
        let key = key_of(key)?;
        let meta = store.head(&key).await.map_err(|error| failed(error, key.as_ref()))?;
        download(&store, &meta, dest, (0, meta.size), limits, watch).await?;
        let name = key.filename().unwrap_or("object").to_owned();
        return unpack::unpack(name, dest, limits).await;
    }
    let prefix = key_of(key)?;
    let mut objects: Vec<ObjectMeta> = Vec::new();
    let mut listed = store.list(Some(&prefix));
    while let Some(meta) = listed.next().await {
        let meta = meta.map_err(|error| failed(error, prefix.as_ref()))?;
        // Markers of folders and of finished jobs are no tables.
        let name = meta.location.filename().unwrap_or_default();
        if meta.size == 0 || name.starts_with(['_', '.']) {
            continue;
        }
        objects.push(meta);
        if objects.len() > limits.objects {
            return Err(Problem::invalid(format!(
                "There are more than {} objects below {key}. Choose a narrower folder.",
                limits.objects
            )));
        }
    }
    objects.sort_by(|a, b| a.location.cmp(&b.location));
    let total: u64 = objects.iter().map(|meta| meta.size).sum();
    if objects.is_empty() {
        return Err(Problem::not_found(format!("There is no object below {key}. Check the folder's name.")));
    }
    if total > limits.bytes {
        return Err(too_large(limits.bytes));
    }
    let folder = dest.parent().unwrap_or(Path::new("."));
    let folder = tempfile::tempdir_in(folder).map_err(|error| cannot_write(&error))?;
    let mut parts = Vec::with_capacity(objects.len());
    let mut done = 0;
    for (i, meta) in objects.iter().enumerate() {
        let file = folder.path().join(i.to_string());
        download(&store, meta, &file, (done, total), limits, watch).await?;
        done += meta.size;
        let name = meta.location.filename().unwrap_or("object").to_owned();
        let unpacked = unpack::unpack(name, &file, limits).await?;
        parts.push(Part { file, key: meta.location.to_string(), name: unpacked.file_name });
    }
    let doing = Progress { bytes: total, total: Some(total), rows: 0, doing: "Joining the objects".to_owned() };
    if watch(&doing).is_break() {
        return Err(cancelled());
    }
    let (count, to) = (parts.len(), dest.to_path_buf());
    tokio::task::spawn_blocking(move || join(&parts, &to, limits.memory))
        .await
        .map_err(|error| Problem::internal(format!("Joining failed: {error}.")))??;
    let bytes = tokio::fs::metadata(dest).await.map_err(|error| cannot_write(&error))?.len();
    let name = prefix.filename().unwrap_or("objects");
    Ok(Fetched { file_name: format!("{name}.parquet"), bytes, notes: vec![format!("Joined from {count} objects.")] })
}

async fn download(
    store: &impl ObjectStore,
    meta: &ObjectMeta,
    dest: &Path,
    (before, total): (u64, u64),
    limits: Limits,
    watch: Watch<'_>,
) -> Result<(), Problem> {
    if meta.size > limits.bytes {
        return Err(too_large(limits.bytes));
    }
    let key = meta.location.as_ref();
    let got = store.get(&meta.location).await.map_err(|error| failed(error, key))?;
    let file = File::create_new(dest).await.map_err(|error| cannot_write(&error))?;
    let mut file = tokio::io::BufWriter::with_capacity(1 << 20, file);
    let mut bytes = 0_u64;
    let mut body = got.into_stream();
    while let Some(chunk) = body.try_next().await.map_err(|error| failed(error, key))? {
        bytes += chunk.len() as u64;
        if bytes > limits.bytes {
            return Err(too_large(limits.bytes));
        }
        file.write_all(&chunk).await.map_err(|error| cannot_write(&error))?;
        let doing = format!("Downloading {key}");
        if watch(&Progress { bytes: before + bytes, total: Some(total), rows: 0, doing }).is_break() {
            return Err(cancelled());
        }
    }
    if bytes != meta.size {
        return Err(Problem::invalid(format!(
            "{key} changed while it was read, or broke off: {bytes} of {} bytes came. Try again.",
            meta.size
        )));
    }
    file.flush().await.map_err(|error| cannot_write(&error))
}

/// An object on disk.
struct Part {
    file: PathBuf,
    key: String,
    name: String,
}

/// Reads every part with the types that hold all parts' values, and writes one table.
fn join(parts: &[Part], dest: &Path, memory: Memory) -> Result<(), Problem> {
    let named = |part: &Part, problem: Problem| Problem {
        message: format!("The object {}: {}", part.key, problem.message),
        ..problem
    };
    let mut options: Vec<ReadOptions> = Vec::with_capacity(parts.len());
    for part in parts {
        options.push(trainyard_data::inspect(&part.file, &part.name).map_err(|problem| named(part, problem))?.options);
    }
    let schemas: Vec<_> = options.iter().map(|options| options.columns.clone()).collect();
    let columns = concat::widened(&schemas);
    let mut stored = Vec::with_capacity(parts.len());
    for (part, mut options) in parts.iter().zip(options) {
        for column in &mut options.columns {
            if let Some(wanted) = columns.iter().find(|wanted| wanted.name == column.name) {
                column.kind = wanted.kind;
            }
        }
        if let Some(difference) = concat::difference(&columns, &options.columns) {
            return Err(Problem::invalid(format!(
                "The object {} has other columns than {}: {difference} All objects have to be parts of one table.",
                part.key, parts[0].key
            )));
        }
        let parquet = part.file.with_extension("parquet");
        let go_on = &mut |_| ControlFlow::Continue(());
        trainyard_data::store(&part.file, &options, BadRows::Refuse, &parquet, memory, go_on)
            .map_err(|failure| named(part, failure.problem))?;
        // Two copies of the largest object at a time are enough.
        let _ = std::fs::remove_file(&part.file);
        stored.push(parquet);
    }
    let paths: Vec<&Path> = stored.iter().map(PathBuf::as_path).collect();
    let names: Vec<String> = parts.iter().map(|part| part.key.clone()).collect();
    trainyard_data::concat(&paths, &names, dest, memory, &mut |_| ControlFlow::Continue(()))?;
    Ok(())
}

/// Lists what is at the top of the bucket.
pub(crate) async fn test(access: Access<'_>, settings: &ConnectionSettings) -> Result<ConnectionTest, Problem> {
    let store = open(access, settings)?;
    let listed = store.list_with_delimiter(None).await.map_err(|error| failed(error, "object"))?;
    let mut found: Vec<String> = listed.common_prefixes.iter().map(|prefix| format!("{prefix}/")).collect();
    found.extend(listed.objects.iter().map(|meta| meta.location.to_string()));
    let all = found.len();
    found.truncate(50);
    let message = match all {
        0 => "It works, but the bucket is empty.".to_owned(),
        1 => "It works: one object or folder is at the top.".to_owned(),
        n => format!("It works: {n} objects and folders are at the top."),
    };
    Ok(ConnectionTest { message, found })
}
