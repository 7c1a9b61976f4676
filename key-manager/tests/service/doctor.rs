//! `doctor` on what has stood still: gateways, the outbox and signing keys.

use std::process::Command;
use std::time::Duration;

use key_manager::clock::{Clock as _, SystemClock};
use key_manager::domain::{Gateway, Revision};
use key_manager::outbox::{Intent, IntentId};
use key_manager::signing_keys::{Order, Rotation};
use key_manager::store::Writer;
use key_validation::UnixTime;

use crate::harness::database::{Database, KEY};
use crate::harness::served::{BOOTSTRAP, GATEWAYS};

const HOUR: Duration = Duration::from_secs(3600);

/// What it says, with the program's own idea of how keys follow each other.
fn doctor(database: &Database) -> String {
    let (variable, value) = database.variable();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatehouse-key-manager"));
    command.arg("doctor").env_clear().env(variable, value).env("GATEHOUSE__SEALING__KEY", KEY);
    command.env("GATEHOUSE__CALLERS__BOOTSTRAP_CREDENTIAL", BOOTSTRAP).env("GATEHOUSE__GATEWAYS", GATEWAYS);
    String::from_utf8_lossy(&command.output().expect("start the program").stdout).into_owned()
}

/// A database in which everything happened at one time.
async fn furnished(at: UnixTime) -> Database {
    let database = Database::create().await;
    let store = database.open(KEY).await;
    let mut write = store.write(Writer { actor: String::new(), request_id: String::new(), now: at }).await.unwrap();
    write.begin_epoch("second").await.unwrap();
    let revision = Revision { epoch: "first".to_owned(), number: 1 };
    let name = "edge".to_owned();
    let (refused_records, refused_pages) = (0, 0);
    let gateway = Gateway { name, revision, acknowledged_at: at, created_at: at, refused_records, refused_pages };
    write.put_gateway(&gateway).await.unwrap();
    let id = IntentId::DeleteClient { key_id: "k".to_owned() };
    write.put_intent(&Intent::new(id, "r-1", at)).await.unwrap();
    let rotation = Rotation { period: 720 * HOUR, lead: HOUR, longest_jwt: HOUR };
    rotation.rotate(&mut *write, Order::Follow, at).await.unwrap();
    write.commit().await.unwrap();
    database
}

#[tokio::test]
async fn s7_what_has_stood_still_for_long_is_not_well() {
    let now = SystemClock.now();

    let told = doctor(&furnished(UnixTime::from_seconds(now.as_seconds() - 800 * 3600)).await);

    for line in [
        "BAD\tsigning keys: the last one ends in 639 h, and the next is overdue: `serve` makes it",
        "BAD\tgateway edge: it is 1 revisions behind, and has acknowledged 2880",
        "BAD\toutbox (1 intents): 1 have not been tried for 120 s: no `serve` carries them out",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
}

#[tokio::test]
async fn s7_what_happens_at_this_moment_is_well() {
    let told = doctor(&furnished(SystemClock.now()).await);

    for line in ["ok\tdatabase", "ok\tsigning keys", "ok\tgateway edge", "ok\toutbox (1 intents)"] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(!told.contains("BAD"), "{told}");
}
