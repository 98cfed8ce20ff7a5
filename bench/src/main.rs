//! Load, floors and peers. They come with the write path that they measure; until then this says so and fails, so that
//! nobody takes silence for a figure.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("bench: nothing is measured yet; the benchmarks come with the group-commit write path");
    ExitCode::FAILURE
}
