//! The key manager with one more type of connectors: `surfoauth`.

use std::process::ExitCode;

use key_manager::cli;
use surfoauth_connector::SurfOauthType;

#[tokio::main]
async fn main() -> ExitCode {
    cli::main(|http, connectors| connectors.register(Box::new(SurfOauthType::new(http.clone())))).await
}
