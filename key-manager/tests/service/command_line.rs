//! The program's commands, on a database of their own.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use crate::harness::oidc_provider::{OidcProvider, properties};
use crate::harness::served::{BOOTSTRAP, DEVPORTAL, Served};
use crate::harness::shop::generate;
use crate::harness::slapd::Slapd;

fn run(directory: &Path, arguments: &[&str]) -> Output {
    run_with(directory, arguments, &[])
}

fn run_with(directory: &Path, arguments: &[&str], further: &[(&str, &str)]) -> Output {
    let database = directory.join("gatehouse.db").display().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatehouse-key-manager"));
    command.args(arguments).env_clear();
    command.env("GATEHOUSE__DATABASE__PATH", database);
    command.env("GATEHOUSE__SEALING__KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    command.env("GATEHOUSE__CALLERS__BOOTSTRAP_CREDENTIAL", BOOTSTRAP);
    command.envs(further.iter().copied());
    command.output().expect("start the program")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_doctor_says_what_to_do_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();

    let before = run(directory.path(), &["doctor"]);
    assert!(!before.status.success());
    assert!(
        text(&before).contains("BAD\tdatabase: the database's schema: is missing; run `migrate`"),
        "{}",
        text(&before)
    );
    assert!(run(directory.path(), &["migrate"]).status.success());
    let without_keys = run(directory.path(), &["doctor"]);
    assert!(text(&without_keys).contains("BAD\tsigning keys: there is none that signs"), "{}", text(&without_keys));

    assert!(run(directory.path(), &["signing-keys", "rotate"]).status.success());
    let well = run(directory.path(), &["doctor"]);
    assert!(well.status.success(), "{}", text(&well));
    assert!(!text(&well).contains("BAD"), "{}", text(&well));
}

#[test]
fn signing_keys_follow_each_other_by_command() {
    let directory = tempfile::tempdir().unwrap();
    let keys = || text(&run(directory.path(), &["signing-keys", "list"]));

    assert!(text(&run(directory.path(), &["signing-keys", "rotate"])).contains("signs in 0s"));
    assert!(text(&run(directory.path(), &["signing-keys", "rotate"])).contains("signs in 3"));
    assert_eq!(keys().lines().count(), 2, "{}", keys());
    assert!(text(&run(directory.path(), &["signing-keys", "rotate", "--revoke"])).contains("signs in 0s"));
    assert_eq!(keys().lines().count(), 1, "{}", keys());

    let audit = text(&run(directory.path(), &["audit", "list"]));
    assert!(audit.lines().next().is_some_and(|line| line.contains("operator\tcreate signing_key")), "{audit}");
    assert!(!audit.contains("PRIVATE") && !keys().contains("PRIVATE"));
}

#[test]
fn what_is_not_there_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [
        &["reconciliation", "forget", "create_client:none"][..],
        &["reconciliation", "forget", "nonsense"],
        &["revocations", "lift", "none"],
        &["key-managers", "check", "none"],
    ] {
        assert!(!run(directory.path(), arguments).status.success(), "{arguments:?}");
    }
}

#[tokio::test]
async fn the_doctor_tries_identity_providers() {
    let idp = OidcProvider::start("doctor").await;
    let directory = tempfile::tempdir().unwrap();
    assert!(run(directory.path(), &["signing-keys", "rotate"]).status.success());
    add(directory.path(), &idp.issuer, "right", properties()).await;
    let well = run(directory.path(), &["doctor"]);
    assert!(text(&well).contains("ok\tkey manager right, introspection"), "{}", text(&well));
    assert!(run(directory.path(), &["key-managers", "check", "right"]).status.success());

    let mut wrong = properties();
    wrong["clientSecret"] = json!("wrong");
    add(directory.path(), &idp.issuer, "wrong", wrong).await;

    let told = run(directory.path(), &["doctor"]);
    assert!(!told.status.success());
    assert!(text(&told).contains("BAD\tkey manager wrong, introspection: "), "{}", text(&told));
    assert!(!run(directory.path(), &["key-managers", "check", "wrong"]).status.success());
    assert_eq!(text(&run(directory.path(), &["key-managers", "list"])).lines().count(), 2);
}

/// By TLS, with a certificate of an authority that the system trusts.
#[test]
fn the_doctor_looks_a_user_up() {
    let slapd = Slapd::start("doctor-users");
    let directory = tempfile::tempdir().unwrap();
    assert!(run(directory.path(), &["signing-keys", "rotate"]).status.success());
    let look = |url: &str, start_tls: bool, authority: &str| {
        let mut settings = slapd.settings();
        settings["ldap"]["url"] = json!(url);
        settings["ldap"]["startTls"] = json!(start_tls);
        let (settings, trusted) = (settings.to_string(), slapd.authority(authority).display().to_string());
        let variables = [("GATEHOUSE__USER_STORE", settings.as_str()), ("SSL_CERT_FILE", trusted.as_str())];
        text(&run_with(directory.path(), &["doctor"], &variables))
    };
    let (tls, plain) = (slapd.tls_url(), slapd.url().replace("127.0.0.1", "localhost"));

    assert!(look(&tls, false, "authority").contains("ok\tuser store"));
    assert!(look(&plain, true, "authority").contains("ok\tuser store"));
    for told in [
        look(&tls, false, "stranger"),
        look(&plain, true, "stranger"),
        look(&tls.replace("localhost", "127.0.0.1"), false, "authority"),
    ] {
        assert!(told.contains("BAD\tuser store: the user store is unavailable"), "{told}");
    }
}

/// What REST changes, commands change too: gateways, other owners and the audit log see no difference.
#[tokio::test]
async fn the_registry_is_listed_and_changed_by_command() {
    let idp = OidcProvider::start("commands").await;
    let directory = tempfile::tempdir().unwrap();
    let served = served_on(directory.path()).await;
    let settings =
        json!({"name": "corporate", "type": "oidc", "issuer": idp.issuer, "additionalProperties": properties()});
    served.key_manager(settings).await;
    let (api, application) = (served.published_api().await, served.application().await);
    let body = json!({"apiId": api, "applicationId": application, "throttlingPolicy": "Unlimited"});
    let subscription = served.post(&format!("{DEVPORTAL}/subscriptions"), body).await.body;
    let subscription = subscription["subscriptionId"].as_str().unwrap();
    let path = format!("{DEVPORTAL}/applications/{application}");
    let key = generate(&served, &path, "PRODUCTION").await.body;
    let (client, secret) = (key["consumerKey"].as_str().unwrap(), key["consumerSecret"].as_str().unwrap());
    let key = key["keyMappingId"].as_str().unwrap();
    let list = |arguments: &[&str]| text(&run(directory.path(), arguments));
    let works = |arguments: &[&str]| {
        let output = run(directory.path(), arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let fails = |arguments: &[&str], reason: &str| {
        let output = run(directory.path(), arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(reason), "{arguments:?}: {told}");
    };

    assert_eq!(list(&["apis", "list"]), format!("{api}\tPizzaShack 1.0.0\t/pizza\tPUBLISHED\n"));
    assert_eq!(list(&["applications", "list", "--owner", "admin"]), format!("{application}\tShop\tadmin\tUnlimited\n"));
    assert_eq!(list(&["applications", "list", "--owner", "nobody"]), "");
    let told = list(&["keys", "list"]);
    assert_eq!(told, format!("{key}\t{application}\tcorporate\tPRODUCTION\t{client}\tcreated\n"));
    assert!(!told.contains(secret));
    let told = list(&["subscriptions", "list", "--api", &api, "--application", &application]);
    assert_eq!(told, format!("{subscription}\t{api}\t{application}\tUnlimited\tUNBLOCKED\n"));

    for (arguments, expected) in [
        (&["subscriptions", "block", subscription][..], "\"BLOCKED\""),
        (&["subscriptions", "block", subscription, "--production-only"], "\"PROD_ONLY_BLOCKED\""),
        (&["subscriptions", "unblock", subscription], "\"UNBLOCKED\""),
        (&["apis", "change-lifecycle", &api, "Deprecate"], "\"DEPRECATED\""),
        (&["applications", "change-owner", &application, "bob"], "\"owner\":\"bob\""),
    ] {
        works(arguments);
        assert!(served.feed().await.contains(expected), "{arguments:?}");
    }
    fails(&["apis", "change-lifecycle", &api, "Publish"], "possible: Retire");
    fails(&["apis", "delete", &api], "1 subscriptions");
    fails(&["applications", "change-owner", &application, ""], "owner must be the name of a user");
    for command in ["apis", "applications", "keys", "subscriptions"] {
        fails(&[command, "delete", "none"], "no such resource");
    }

    works(&["keys", "delete", key]);
    served.settled().await;
    assert_eq!(idp.clients(), [""; 0], "the client is gone too");
    works(&["subscriptions", "delete", subscription]);
    works(&["apis", "delete", &api]);
    works(&["applications", "delete", &application]);
    let feed = served.feed().await;
    assert!(!feed.contains(&api) && !feed.contains(&application), "{feed}");
    let audit = list(&["audit", "list"]);
    assert!(audit.lines().next().is_some_and(|line| line.contains("operator\tdelete application")), "{audit}");
}

/// As the REST API would.
async fn add(directory: &Path, issuer: &str, name: &str, properties: serde_json::Value) {
    let served = served_on(directory).await;
    served
        .key_manager(json!({"name": name, "type": "oidc", "issuer": issuer, "additionalProperties": properties}))
        .await;
}

/// The key manager on the database that commands use.
async fn served_on(directory: &Path) -> Served {
    let database = directory.join("gatehouse.db").display().to_string();
    let further = [
        ("GATEHOUSE__DATABASE__PATH", database.as_str()),
        ("GATEHOUSE__SEALING__ALLOW_EPHEMERAL_KEY", "false"),
        ("GATEHOUSE__SEALING__KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
    ];
    Served::start_with(&further).await
}
