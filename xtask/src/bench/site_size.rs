//! What a first visit downloads.

use super::Row;
use crate::site;
use anyhow::Result;
use std::fs;

/// WebAssembly and style sheet, as brotli.
pub fn measure() -> Result<Vec<Row>> {
    let pkg = site::build()?.join("pkg");
    let kilobytes = |name: &str| -> Result<f64> { Ok(fs::metadata(pkg.join(name))?.len() as f64 / 1000.0) };
    Ok(vec![
        Row::new("wasm, brotli", kilobytes("trainyard_bg.wasm.br")?, "KB").at_most(350.0),
        Row::new("wasm, raw", kilobytes("trainyard_bg.wasm")?, "KB").at_most(1300.0),
        Row::new("JavaScript glue, brotli", kilobytes("trainyard.js.br")?, "KB"),
        Row::new("style sheet, brotli", kilobytes("trainyard.css.br")?, "KB").at_most(30.0),
    ])
}
