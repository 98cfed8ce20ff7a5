//! The binary `tinhnguyen`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tinhnguyen_server::run()
}
