//! `gatehouse-key-manager`, with the connectors that come with it.

use std::process::ExitCode;

use key_manager::cli;
use key_manager::connector::ConnectorTypes;
use key_manager::connector::http::HttpClient;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    cli::run(ConnectorTypes::built_in(&HttpClient::new()?)).await
}
