//! The command line.

mod doctor;
mod operate;
mod registry;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::config::Configuration;
use crate::connector::ConnectorTypes;
use crate::connector::http::HttpClient;
use crate::server;
use crate::signing_keys::Order;

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
    /// Look at everything that can be wrong, and change nothing.
    Doctor,
    #[command(flatten)]
    Operate(Operate),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Say whether it is right.
    Check,
}

/// What works on the database.
#[derive(Debug, Subcommand)]
enum Operate {
    /// Look at the gateways.
    #[command(subcommand)]
    Gateways(GatewaysCommand),
    /// Change the registry feed.
    #[command(subcommand)]
    Feed(FeedCommand),
    /// Look at the identity providers.
    #[command(subcommand)]
    KeyManagers(KeyManagersCommand),
    /// Keys that sign backend JWTs.
    #[command(subcommand)]
    SigningKeys(SigningKeysCommand),
    /// What still has to reach identity providers.
    #[command(subcommand)]
    Reconciliation(ReconciliationCommand),
    /// Cut-offs.
    #[command(subcommand)]
    Revocations(RevocationsCommand),
    /// Who has changed what.
    #[command(subcommand)]
    Audit(AuditCommand),
    #[command(flatten)]
    Registry(registry::Registry),
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

#[derive(Debug, Subcommand)]
enum KeyManagersCommand {
    /// List them.
    List,
    /// Try the connection to one.
    Check {
        /// Its name.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
enum SigningKeysCommand {
    /// List them.
    List,
    /// Let another one follow, as soon as everybody can know it.
    Rotate {
        /// All there are have become known: another one signs at once, and what they signed counts no more.
        #[arg(long)]
        revoke: bool,
    },
}

#[derive(Debug, Subcommand)]
enum ReconciliationCommand {
    /// List it.
    List,
    /// Somebody has looked at the identity provider: forget one, with the place that it holds.
    Forget {
        /// Its id.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
enum RevocationsCommand {
    /// List them.
    List,
    /// Take one back.
    Lift {
        /// Its id.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// List the newest entries.
    List {
        /// How many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
}

impl SigningKeysCommand {
    fn order(revoke: bool) -> Order {
        if revoke { Order::Revoke } else { Order::Follow }
    }
}

/// A whole program: log, the connectors that come with the key manager and those that `register` adds, and the command
/// line of this process. What goes wrong is in the log.
pub async fn main(register: impl FnOnce(&HttpClient, &mut ConnectorTypes)) -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
    let run = async {
        let http = HttpClient::new()?;
        let mut connectors = ConnectorTypes::built_in(&http);
        register(&http, &mut connectors);
        run(connectors).await
    };
    match run.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
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
        Command::Doctor => doctor::look(configuration, connectors).await,
        Command::Operate(command) => {
            let service = server::prepare(configuration, connectors).await?;
            operate::run(&service, command).await
        }
    }
}

fn write_line(line: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
