//! The front end's files, embedded when the program was built.

use axum::{
    body::Body,
    extract::Path,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use leptos::{WasmSplitManifest, prelude::ArcStoredValue};
use std::{collections::HashMap, sync::LazyLock};

/// One file: as it is, and compressed where that was prepared.
pub struct Asset {
    /// Path below `/pkg/`.
    pub name: &'static str,
    pub plain: &'static [u8],
    pub brotli: Option<&'static [u8]>,
}

static SITE: &[Asset] = include!(concat!(env!("OUT_DIR"), "/site.rs"));

/// Files by name, each with its entity tag (of its content).
static BY_NAME: LazyLock<HashMap<&'static str, (&'static Asset, String)>> = LazyLock::new(|| {
    SITE.iter()
        .map(|asset| (asset.name, (asset, format!("\"{}\"", &blake3::hash(asset.plain).to_hex()[..32]))))
        .collect()
});

/// The chunks that each page's part of the front end lies in, as `chunks.json` has them: a page's head asks for them at
/// once. `None` without a front end.
pub static CHUNKS: LazyLock<Option<WasmSplitManifest>> = LazyLock::new(|| {
    let (asset, _) = BY_NAME.get("chunks.json")?;
    let (folder, files): (String, HashMap<String, Vec<String>>) = serde_json::from_slice(asset.plain).ok()?;
    Some(WasmSplitManifest(ArcStoredValue::new((format!("/pkg/{folder}"), files, "load.js".to_owned()))))
});

/// Whether a front end was built in.
pub fn is_built() -> bool {
    !SITE.is_empty()
}

/// `GET /pkg/{*name}`: revalidated at each use, so that a new build shows at once; unchanged files cost no transfer.
/// Chunks stand under their build's hash and are kept for good.
pub async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some((asset, tag)) = BY_NAME.get(name.as_str()) else { return StatusCode::NOT_FOUND.into_response() };
    let has = |name: header::HeaderName, word: &str| {
        headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).any(|value| {
            value.split(',').any(|part| part.trim().trim_start_matches("W/").split(';').next() == Some(word))
        })
    };
    let brotli = asset.brotli.filter(|_| has(header::ACCEPT_ENCODING, "br"));
    let mut response = if has(header::IF_NONE_MATCH, tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(brotli.unwrap_or(asset.plain)).into_response()
    };
    let kept = if asset.name.starts_with("chunks-") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(asset.name)));
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        answer.insert(header::ETAG, tag);
    }
    if brotli.is_some() && response.status() == StatusCode::OK {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    response
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
