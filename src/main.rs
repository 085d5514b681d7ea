//! The `tollway` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    tollway::cli::main()
}
