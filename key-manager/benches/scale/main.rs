//! What a key manager with many APIs, applications and subscriptions takes, and what its gateways wait.
//!
//! `cargo bench --package key-manager --bench scale -- sqlite` (or `postgres`) fills a database, starts the program on it,
//! measures, and keeps the figures for `docs/benchmarks.md`. A number after it is how many APIs there are. With `serve`
//! before it the program serves instead, for the filter's benchmark.

#[expect(unreachable_pub, reason = "the filter's benchmark has these modules, too")]
mod figures;
mod fill;
mod gateway;
#[expect(unreachable_pub, reason = "the filter's benchmark has this module, too")]
#[path = "../../../benches/src/machine/description.rs"]
mod machine;
mod measure;
mod measured;
#[expect(dead_code, reason = "the tests stop it")]
#[path = "../../tests/service/harness/postgres.rs"]
mod postgres;
#[expect(unreachable_pub, reason = "the filter's benchmark has these modules, too")]
mod registry;
mod serve;

use postgres::Cluster;
use registry::Size;

/// A database that is filled, and gone with this value.
struct Filled {
    url: String,
    version: String,
    size: Size,
    held: figures::Held,
    cluster: Option<Cluster>,
    directory: tempfile::TempDir,
}

impl Filled {
    async fn new(database: &str, apis: Option<usize>) -> Self {
        let directory = tempfile::tempdir().expect("a temporary folder");
        let (url, cluster, usual) = match database {
            "postgres" => {
                // As it is installed: what is committed is on the disk.
                let cluster = Cluster::start_with(&["fsync=on", "full_page_writes=on", "shared_buffers=512MB"]);
                (cluster.url("postgres"), Some(cluster), 10_000)
            }
            "sqlite" => (directory.path().join("gatehouse.db").display().to_string(), None, 1_000),
            other => panic!("`sqlite` or `postgres`, not `{other}`"),
        };
        let size = Size::of(apis.unwrap_or(usual));
        measured::run(&url, directory.path(), &["migrate"]);
        let held = fill::fill(&url, size).await;
        let version = fill::version(&url).await;
        Self { url, version, size, held, cluster, directory }
    }

    fn start(&self, port: u16) -> measured::Program {
        measured::Program::start(&self.url, self.directory.path(), port)
    }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse().expect("a number of APIs");
    match *words {
        ["serve", database] => serve::serve(&Filled::new(database, None).await),
        ["serve", database, apis] => serve::serve(&Filled::new(database, Some(number(apis))).await),
        [database] => measure::measure(database, Filled::new(database, None).await).await,
        [database, apis] => measure::measure(database, Filled::new(database, Some(number(apis))).await).await,
        _ => panic!("[serve] sqlite|postgres [number of APIs]"),
    }
}
