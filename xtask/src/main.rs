//! The two front doors, `cargo xtask run` and `cargo xtask test`, and the measurements, `cargo xtask bench`.

mod bench;
mod browser;
mod command;
mod layers;
mod postgres;
mod preflight;
mod run;
mod site;
mod tally;
mod test;

use anyhow::{Result, bail};

const USAGE: &str = "\
Usage: cargo xtask <command>

  run [--port N] [-- SERVER-FLAGS]   build everything and serve the product on http://127.0.0.1:3000
  test [PART ...]                    install what the tests need and run them all, or only the parts named:
                                     fmt, clippy, layers, rust, browser
  bench [NAME ...]                   measure: site, pages, speed, data, big; quick (the same as
                                     no name) leaves out big, which needs 13 GB of disk and minutes; full
                                     goes on where a full run was cut off
  site [names]                       build the browser's part only; with names, one whose stacks can be read";

fn main() {
    if let Err(error) = dispatch() {
        eprintln!("\nerror: {error:#}");
        std::process::exit(1);
    }
}

fn dispatch() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    match command.as_str() {
        "run" => run::run(&rest),
        "test" => test::test(&rest),
        "bench" => bench::bench(&rest),
        "site" if rest.first().is_some_and(|word| word == "names") => site::with_names(),
        "site" => site::build().map(|_| ()),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        "" => bail!("name a command\n\n{USAGE}"),
        other => bail!("there is no command '{other}'\n\n{USAGE}"),
    }
}
