//! Embeds the built front end: every file below `$TRAINYARD_SITE/pkg` becomes a row of a table of `include_bytes!`.
//! Without `TRAINYARD_SITE` the table is empty and pages work without WebAssembly, unstyled.

#![allow(clippy::print_stdout)] // That is how a build script speaks to cargo.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=TRAINYARD_SITE");
    let mut files = Vec::new();
    if let Some(site) = env::var_os("TRAINYARD_SITE").filter(|site| !site.is_empty()) {
        let package = PathBuf::from(site).join("pkg");
        println!("cargo::rerun-if-changed={}", package.display());
        collect(&package, "", &mut files)
            .map_err(|error| format!("TRAINYARD_SITE: {} can't be read: {error}", package.display()))?;
    }
    files.sort();
    let mut table = String::from("&[\n");
    for (name, path) in &files {
        if name.ends_with(".br") {
            continue;
        }
        let brotli = files.iter().find(|(other, _)| *other == format!("{name}.br"));
        let brotli = brotli.map_or("None".to_owned(), |(_, path)| format!("Some(include_bytes!({path:?}))"));
        writeln!(table, "    Asset {{ name: {name:?}, plain: include_bytes!({path:?}), brotli: {brotli} }},")?;
    }
    table.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?).join("site.rs");
    fs::write(out, table)?;
    Ok(())
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), files)?;
        } else if !name.ends_with(".d.ts") {
            files.push((name, fs::canonicalize(entry.path())?));
        }
    }
    Ok(())
}
