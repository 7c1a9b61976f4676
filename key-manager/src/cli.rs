//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::config::Configuration;
use crate::connector::ConnectorTypes;
use crate::server;
use crate::service::Service;

/// The Gatehouse key manager.
#[derive(Debug, Parser)]
#[command(name = "gatehouse-key-manager", version)]
struct Arguments {
    /// The configuration file (YAML); `GATEHOUSE__SECTION__FIELD` variables win over it.
    #[arg(long, global = true, env = "GATEHOUSE_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until told to end.
    Serve,
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Bring the database's schema up to date.
    Migrate,
    /// Look at the gateways.
    #[command(subcommand)]
    Gateways(GatewaysCommand),
    /// Change the registry feed.
    #[command(subcommand)]
    Feed(FeedCommand),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Say whether it is right.
    Check,
}

#[derive(Debug, Subcommand)]
enum GatewaysCommand {
    /// List them with the revision that each has applied.
    List,
}

#[derive(Debug, Subcommand)]
enum FeedCommand {
    /// Begin another epoch, so that all gateways take a snapshot: after the database was restored.
    NewEpoch,
}

/// Runs the command line of this process, with these connectors.
///
/// # Errors
/// For a person; the process then exits with 1.
pub async fn run(connectors: ConnectorTypes) -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let configuration = Configuration::load(arguments.config.as_deref(), std::env::vars())?;
    match arguments.command {
        Command::Serve => server::serve(configuration, connectors).await,
        Command::Config(ConfigCommand::Check) => write_line("the configuration is right"),
        Command::Migrate => {
            server::open_store(&configuration).await?.migrate().await?;
            write_line("the schema is up to date")
        }
        Command::Gateways(GatewaysCommand::List) => {
            list_gateways(&*server::prepare(configuration, connectors).await?).await
        }
        Command::Feed(FeedCommand::NewEpoch) => begin_epoch(&*server::prepare(configuration, connectors).await?).await,
    }
}

async fn list_gateways(service: &Service) -> anyhow::Result<()> {
    let mut read = service.store.read().await?;
    let newest = read.feed_state().await?.revision;
    for gateway in read.list_gateways().await? {
        let age = service.now().since(gateway.acknowledged_at).as_secs();
        let (epoch, number) = (&gateway.revision.epoch, gateway.revision.number);
        write_line(&format!("{}\t{epoch}.{number} of {}.{}\t{age}s ago", gateway.name, newest.epoch, newest.number))?;
    }
    Ok(())
}

async fn begin_epoch(service: &Service) -> anyhow::Result<()> {
    let epoch = service.new_id();
    let mut write = service.write("operator", "cli").await?;
    write.begin_epoch(&epoch).await?;
    write.commit().await?;
    write_line(&epoch)
}

fn write_line(line: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
