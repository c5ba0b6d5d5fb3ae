//! A file behind an address.

use crate::{
    Fetched, Limits, Progress, Rules, Watch, cancelled, cannot_write,
    rules::{chain, refusal},
    too_large, unpack,
};
use futures::StreamExt;
use http::header;
use reqwest::Response;
use std::path::Path;
use tokio::{fs::File, io::AsyncWriteExt};
use trainyard_types::Problem;
use url::Url;

/// Redirects followed at most.
const HOPS: usize = 5;

pub(crate) async fn fetch(
    rules: &Rules,
    address: &str,
    dest: &Path,
    limits: Limits,
    watch: Watch<'_>,
) -> Result<Fetched, Problem> {
    let mut url = Url::parse(address.trim()).map_err(|_| {
        Problem::field("url", "That is no address. Write it whole, such as https://data.example.org/adult.csv.")
    })?;
    let client = rules.client()?;
    let mut hops = 0;
    let response = loop {
        rules.url(&url)?;
        let answer = client.get(url.clone()).header(header::ACCEPT, "*/*").send().await;
        let response = answer.map_err(|error| failed(&error, &url))?;
        if !response.status().is_redirection() {
            break response;
        }
        hops += 1;
        if hops > HOPS {
            return Err(Problem::invalid(format!(
                "The address was redirected more than {HOPS} times. Use the address that it leads to."
            )));
        }
        let target = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
        let next = target.and_then(|to| url.join(to).ok());
        let next =
            next.ok_or_else(|| Problem::invalid("The address was redirected to one that can't be read. Check it."))?;
        if url.scheme() == "https" && next.scheme() == "http" {
            return Err(Problem::forbidden(
                "The address was redirected from https:// to http://, where anybody could change the data. Use an \
                 address that stays on https://.",
            ));
        }
        url = next;
    };
    if !response.status().is_success() {
        return Err(status(&response, &url));
    }
    let name = file_name(&response, &url);
    save(response, &url, &name, dest, limits, watch).await?;
    unpack::unpack(name, dest, limits).await
}

async fn save(
    response: Response,
    url: &Url,
    name: &str,
    dest: &Path,
    limits: Limits,
    watch: Watch<'_>,
) -> Result<(), Problem> {
    let total = response.content_length();
    if total.is_some_and(|total| total > limits.bytes) {
        return Err(too_large(limits.bytes));
    }
    let file = File::create_new(dest).await.map_err(|error| cannot_write(&error))?;
    let mut file = tokio::io::BufWriter::with_capacity(1 << 20, file);
    let mut bytes = 0_u64;
    let mut body = response.bytes_stream();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| {
            Problem::invalid(format!(
                "The answer broke off after {bytes} bytes ({}). Nothing was kept; try again.",
                failed(&error, url).message
            ))
        })?;
        bytes += chunk.len() as u64;
        if bytes > limits.bytes {
            return Err(too_large(limits.bytes));
        }
        file.write_all(&chunk).await.map_err(|error| cannot_write(&error))?;
        let doing = format!("Downloading {name}");
        if watch(&Progress { bytes, total, rows: 0, doing }).is_break() {
            return Err(cancelled());
        }
    }
    file.flush().await.map_err(|error| cannot_write(&error))
}

/// The name that the answer or the address gives the file, with no folder in it.
fn file_name(response: &Response, url: &Url) -> String {
    let said = response.headers().get(header::CONTENT_DISPOSITION).and_then(|value| value.to_str().ok());
    let said = said.and_then(|value| {
        let (_, rest) = value.split_once("filename=")?;
        let name = rest.trim_start_matches('"').split(['"', ';']).next()?;
        Some(name.to_owned())
    });
    let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default().to_owned();
    let name = said.unwrap_or(last);
    let name: String =
        name.rsplit(['/', '\\']).next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
    if name.trim().is_empty() { url.host_str().unwrap_or("download").to_owned() } else { name }
}

fn status(response: &Response, url: &Url) -> Problem {
    let host = url.host_str().unwrap_or_default();
    let code = response.status().as_u16();
    let what = match code {
        401 | 403 => "says that the file may not be read without signing in. Make it readable, or upload it",
        404 | 410 => "says that there is no such file. Check the address",
        429 => "says that it is asked too often. Wait a little",
        500.. => "failed. Try again later",
        _ => "did not give the file",
    };
    Problem::invalid(format!("{host} {what} (status {code})."))
}

fn failed(error: &reqwest::Error, url: &Url) -> Problem {
    if let Some(problem) = refusal(error) {
        return problem;
    }
    let host = url.host_str().unwrap_or_default();
    if error.is_timeout() {
        return Problem::invalid(format!("{host} did not answer in time. Check the address, or try again later."));
    }
    Problem::invalid(format!("{host} can't be reached: {}. Check the address.", chain(error)))
}
