//! The service's binary once more, so that the integration tests can start it: cargo builds the binaries of a test's
//! own package only.

fn main() -> std::process::ExitCode {
    tinhnguyen_server::run()
}
