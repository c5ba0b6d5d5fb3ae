//! Has the linker keep its relocations, by which `cargo xtask site` divides the module into chunks.

#![allow(clippy::print_stdout)] // That is how a build script speaks to cargo.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cdylib-link-arg=--emit-relocs");
}
