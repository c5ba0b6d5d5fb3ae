//! What a first visit downloads.

use super::Row;
use crate::site;
use anyhow::Result;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

/// WebAssembly by the page that is opened first, JavaScript and style sheet.
pub fn measure() -> Result<Vec<Row>> {
    let pkg = site::build()?.join("pkg");
    let kilobytes = |name: &str| -> Result<f64> { Ok(fs::metadata(pkg.join(name))?.len() as f64 / 1000.0) };
    let (folder, chunks): (String, BTreeMap<String, Vec<String>>) =
        serde_json::from_slice(&fs::read(pkg.join("chunks.json"))?)?;
    let modules = |files: &mut dyn Iterator<Item = &String>, ending: &str| -> Result<f64> {
        files.map(|file| kilobytes(&format!("{folder}/{file}.{ending}"))).sum()
    };
    let main = kilobytes("trainyard_bg.wasm.br")?;
    let mut rows = vec![Row::new("wasm, of every page, brotli", main, "KB").at_most(350.0)];
    for (chunk, files) in &chunks {
        let with_chunk = main + modules(&mut files.iter(), "wasm.br")?;
        rows.push(Row::new(format!("wasm, first page in {chunk}, brotli"), with_chunk, "KB").at_most(350.0));
    }
    let all: BTreeSet<&String> = chunks.values().flatten().collect();
    rows.extend([
        Row::new("wasm, all pages, brotli", main + modules(&mut all.iter().copied(), "wasm.br")?, "KB"),
        Row::new(
            "wasm, all pages, raw",
            kilobytes("trainyard_bg.wasm")? + modules(&mut all.iter().copied(), "wasm")?,
            "KB",
        ),
        Row::new("wasm files beside the main one", all.len() as f64, "files"),
        Row::new(
            "JavaScript, brotli",
            kilobytes("trainyard.js.br")? + kilobytes(&format!("{folder}/load.js.br"))?,
            "KB",
        ),
        Row::new("style sheet, brotli", kilobytes("trainyard.css.br")?, "KB").at_most(30.0),
    ]);
    Ok(rows)
}
