//! See the library: this only runs it.

use std::process::ExitCode;

fn main() -> ExitCode {
    trainyard::cli::main()
}
