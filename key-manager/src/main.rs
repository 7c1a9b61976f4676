//! `gatehouse-key-manager`, with the connectors that come with it.

use std::process::ExitCode;

use key_manager::cli;

#[tokio::main]
async fn main() -> ExitCode {
    cli::main(|_, _| {}).await
}
