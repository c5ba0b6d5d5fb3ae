//! The browser's part: WebAssembly, its JavaScript glue and the style sheet, compressed, in `<target>/site`.

use crate::command::{cargo, duration, find, root, step, succeed, target_dir};
use anyhow::{Context, Result, anyhow, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};
use wasm_bindgen_cli_support::Bindgen;

/// The npm package that ships `wasm-opt`; used where none is on the path.
const BINARYEN: &str = "binaryen@132.0.0";

/// Builds what is stale and gives the folder, which holds `pkg/`.
pub fn build() -> Result<PathBuf> {
    crate::preflight::check()?;
    let target = target_dir()?;
    let site = target.join("site");
    step("Compiling the browser's part", "3 min cold, seconds warm", || {
        succeed(cargo()?.args([
            "build",
            "--quiet",
            "--locked",
            "--package",
            "trainyard-frontend",
            "--target",
            "wasm32-unknown-unknown",
            "--profile",
            "wasm-release",
        ]))
    })?;
    let wasm = target.join("wasm32-unknown-unknown/wasm-release/trainyard_frontend.wasm");
    let bytes = fs::read(&wasm).with_context(|| format!("can't read {}", wasm.display()))?;
    let css = style_sheet()?;
    let stamp = format!("{} {}", blake3::hash(&bytes), blake3::hash(css.as_bytes()));
    let stamp_file = site.join("stamp");
    if fs::read_to_string(&stamp_file).is_ok_and(|text| text == stamp) {
        return Ok(site);
    }
    step("Packing the browser's part", "1 min", || pack(&wasm, &css, &site))?;
    fs::write(&stamp_file, stamp)?;
    Ok(site)
}

/// The module with the names of its functions, so that a stack in the browser can be read.
pub fn with_names() -> Result<()> {
    build()?;
    let target = target_dir()?;
    let folder = target.join("site-names/pkg");
    fs::create_dir_all(&folder)?;
    let main = split(&target.join("wasm32-unknown-unknown/wasm-release/trainyard_frontend.wasm"), &folder)?;
    bind(&main, &folder, true)?;
    eprintln!("    with names: {}", folder.display());
    Ok(())
}

/// Divides the module into a main one, whose path it gives, and the chunks that `app/src/chunks.rs` names, with what
/// several of them share in chunks of its own. They lie in `pkg/chunks-HASH/`, so that a page only ever meets chunks of
/// its own build. `pkg/chunks.json` holds that folder's name and the files that each chunk needs.
fn split(wasm: &Path, pkg: &Path) -> Result<PathBuf> {
    let bytes = fs::read(wasm)?;
    let folder = format!("chunks-{}", &blake3::hash(&bytes).to_hex()[..16]);
    let chunks = pkg.join(&folder);
    fs::create_dir_all(&chunks)?;
    let main = wasm.with_extension("main.wasm");
    let loader = format!("./{folder}/load.js");
    let mut options = wasm_split_cli_support::Options::new(&bytes);
    options.output_dir = pkg;
    options.main_out_path = &main;
    options.main_module = "../trainyard.js";
    options.link_name = &loader;
    let split = wasm_split_cli_support::transform(options)
        .map_err(|error| anyhow!("can't divide the module into chunks: {error:#}"))?;
    // The loader asks for them beside itself.
    for module in &split.split_modules {
        fs::rename(module, chunks.join(module.file_name().unwrap_or_default()))?;
    }
    fs::write(pkg.join("chunks.json"), serde_json::to_vec(&(folder, split.prefetch_map))?)?;
    Ok(main)
}

fn bind(wasm: &Path, pkg: &Path, names: bool) -> Result<()> {
    Bindgen::new()
        .input_path(wasm)
        .out_name("trainyard")
        .web(true)?
        .typescript(false)
        // The main module's exports to its chunks.
        .keep_lld_exports(true)
        .demangle(false)
        .remove_name_section(!names)
        .remove_producers_section(true)
        .generate(pkg)
}

fn pack(wasm: &Path, css: &str, site: &Path) -> Result<()> {
    let pkg = site.join("pkg");
    if pkg.exists() {
        fs::remove_dir_all(&pkg)?;
    }
    fs::create_dir_all(&pkg)?;
    let main = split(wasm, &pkg)?;
    bind(&main, &pkg, false)?;
    for module in files(&pkg)?.iter().filter(|file| file.extension().is_some_and(|e| e == "wasm")) {
        optimise(module)?;
    }
    fs::write(pkg.join("trainyard.css"), css)?;
    for file in files(&pkg)? {
        let bytes = fs::read(&file)?;
        let mut packed = Vec::new();
        let parameters = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
        brotli::BrotliCompress(&mut bytes.as_slice(), &mut packed, &parameters)?;
        fs::write(file.with_added_extension("br"), &packed)?;
        eprintln!(
            "    {}: {} KB, {} KB as brotli",
            file.strip_prefix(&pkg)?.display(),
            bytes.len() / 1000,
            packed.len() / 1000
        );
    }
    Ok(())
}

/// All files of the folder and of the folders in it.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The style sheets in `style/`, in the order of their names, as one.
pub fn style_sheet() -> Result<String> {
    let mut css = String::new();
    for file in files(&root().join("style"))?.iter().filter(|file| file.extension().is_some_and(|e| e == "css")) {
        css.push_str(&fs::read_to_string(file)?);
        css.push('\n');
    }
    if css.is_empty() {
        bail!("there are no style sheets in {}", root().join("style").display());
    }
    Ok(css)
}

/// Shrinks the module with Binaryen. Without it the product works as well, with a larger download, so a failure to get
/// it is a note and no error.
fn optimise(module: &Path) -> Result<()> {
    let Some(mut command) = wasm_opt() else {
        eprintln!(
            "    note: wasm-opt is not here (npm could not fetch binaryen either), so the download stays about a sixth larger"
        );
        return Ok(());
    };
    let start = Instant::now();
    let smaller = module.with_extension("opt");
    command
        .args([
            "-Oz",
            "--enable-bulk-memory",
            "--enable-nontrapping-float-to-int",
            "--enable-sign-ext",
            "--enable-mutable-globals",
        ])
        .args(["--enable-reference-types", "--enable-multivalue"])
        .arg(module)
        .arg("-o")
        .arg(&smaller);
    match succeed(&mut command) {
        Ok(()) => {
            fs::rename(&smaller, module)?;
            // The chunks take moments.
            if start.elapsed().as_secs() > 10 {
                eprintln!("    wasm-opt took {}", duration(start.elapsed().as_secs_f64()));
            }
        }
        Err(error) => eprintln!("    note: wasm-opt failed ({error:#}); the module is used as it is"),
    }
    Ok(())
}

fn wasm_opt() -> Option<Command> {
    if let Some(program) = find(&["wasm-opt"]) {
        return Some(Command::new(program));
    }
    let node = find(&["node"])?;
    let npm = find(&["npm"])?;
    let home = target_dir().ok()?.join("binaryen");
    let script = home.join("node_modules/binaryen/bin/wasm-opt");
    if !script.exists() {
        fs::create_dir_all(&home).ok()?;
        let mut install = Command::new(npm);
        install
            .args(["install", "--silent", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
            .arg(&home)
            .arg(BINARYEN);
        succeed(&mut install).ok()?;
    }
    let mut command = Command::new(node);
    command.arg(script);
    Some(command)
}
