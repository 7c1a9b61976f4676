//! The process ends after each step of what reaches identity providers, without any clean-up, and starts again: then
//! nothing is at an identity provider that is not shown here.

use std::path::Path;

use key_manager::connector::{ConnectorError, KeyManager};
use key_manager::outbox::Step;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::database::{Database, KEY};
use crate::harness::glewlwyd::Glewlwyd;
use crate::harness::oidc_provider::{OidcProvider, properties};
use crate::harness::program::Program;
use crate::harness::served::{ADMIN, DEVPORTAL, PUBLISHER, pizza};
use crate::harness::shop::text;
use crate::harness::{client_of, scratch};

/// How it ends, once all that can be settled is.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// No key, no client, and the place is free.
    Nothing,
    /// A key with its client.
    Key,
    /// Nobody knows whether there is a client: shown, and never tried again by itself.
    PossiblyOrphaned,
    /// The API is at the identity provider, or is known to be nothing to it.
    Registered,
}

/// What is promised after each step. A step that is missing here does not compile.
fn promised(step: Step, has_look_up: bool) -> Outcome {
    match (step, has_look_up) {
        (Step::ClientCreated, true)
        | (Step::CreateKept | Step::OwnerWritten | Step::OwnerClaimed | Step::OwnerTold | Step::OwnerKept, _) => {
            Outcome::Key
        }
        (Step::CreateClaimed | Step::ClientCreated, false) => Outcome::PossiblyOrphaned,
        (
            Step::CreateWritten | Step::DeleteWritten | Step::DeleteClaimed | Step::ClientDeleted | Step::DeleteKept,
            _,
        )
        | (Step::CreateClaimed, true) => Outcome::Nothing,
        (Step::RegisterWritten | Step::RegisterClaimed | Step::ApiRegistered | Step::RegisterKept, _) => {
            Outcome::Registered
        }
    }
}

/// Whether a step is one of telling an identity provider of another owner.
fn is_of_owner(step: Step) -> bool {
    matches!(step, Step::OwnerWritten | Step::OwnerClaimed | Step::OwnerTold | Step::OwnerKept)
}

/// A key manager in a process of its own, which may end by itself.
async fn start(directory: &Path, database: &Database, end_after: Option<Step>) -> Program {
    let step = end_after.map(|step| format!("{step:?}"));
    let end_after = step.as_deref().map(|step| ("GATEHOUSE_END_AFTER", step));
    let further = [("GATEHOUSE__OUTBOX__ABANDONED_AFTER", "1s")];
    Program::start(directory, "key-manager", database, &further.into_iter().chain(end_after).collect::<Vec<_>>()).await
}

/// What there is before anything happens: paths of an application and of an API that is not published.
struct Furnished {
    application: String,
    api: String,
}

async fn furnish(process: &Program, settings: &Value) -> Furnished {
    process.good(Method::POST, &format!("{ADMIN}/key-managers"), Some(settings.clone())).await;
    let application = json!({"name": "Shop", "throttlingPolicy": "Unlimited"});
    let application = process.good(Method::POST, &format!("{DEVPORTAL}/applications"), Some(application)).await;
    let mut api = pizza();
    api["scopes"] = json!([{"scope": {"name": "crash_order"}, "shared": false}]);
    api["operations"][0]["scopes"] = json!(["crash_order"]);
    let api = process.good(Method::POST, &format!("{PUBLISHER}/apis"), Some(api)).await;
    Furnished { application: text(&application, "applicationId").to_owned(), api: text(&api, "id").to_owned() }
}

fn keys_path(furnished: &Furnished) -> String {
    format!("{DEVPORTAL}/applications/{}/oauth-keys", furnished.application)
}

async fn generate(process: &Program, furnished: &Furnished) -> Option<(StatusCode, Value)> {
    let body = json!({"keyType": "PRODUCTION", "grantTypesToBeSupported": ["client_credentials"]});
    let path = format!("{DEVPORTAL}/applications/{}/generate-keys", furnished.application);
    process.send(Method::POST, &path, Some(body)).await
}

/// Does what has the step among its own, in a process that ends after it.
async fn end_after(step: Step, (directory, database): (&Path, &Database), furnished: &Furnished, process: Program) {
    match step {
        Step::CreateWritten | Step::CreateClaimed | Step::ClientCreated | Step::CreateKept => {
            drop(process);
            let process = start(directory, database, Some(step)).await;
            assert_eq!(generate(&process, furnished).await, None, "no answer comes");
            process.ended().await;
        }
        Step::DeleteWritten | Step::DeleteClaimed | Step::ClientDeleted | Step::DeleteKept => {
            let (status, key) = generate(&process, furnished).await.expect("an answer");
            assert_eq!(status, StatusCode::OK, "{key}");
            drop(process);
            let process = start(directory, database, Some(step)).await;
            let path = format!("{}/{}", keys_path(furnished), text(&key, "keyMappingId"));
            process.send(Method::DELETE, &path, None).await;
            process.ended().await;
        }
        Step::RegisterWritten | Step::RegisterClaimed | Step::ApiRegistered | Step::RegisterKept => {
            drop(process);
            let process = start(directory, database, Some(step)).await;
            let path = format!("{PUBLISHER}/apis/change-lifecycle?action=Publish&apiId={}", furnished.api);
            process.send(Method::POST, &path, None).await;
            process.ended().await;
        }
        Step::OwnerWritten | Step::OwnerClaimed | Step::OwnerTold | Step::OwnerKept => {
            let (status, key) = generate(&process, furnished).await.expect("an answer");
            assert_eq!(status, StatusCode::OK, "{key}");
            give_to(&process, furnished, "bob").await;
            process.until("/api/gatehouse/v1/reconciliation", |told| told["count"] == 0).await;
            drop(process);
            let process = start(directory, database, Some(step)).await;
            give_to(&process, furnished, "admin").await;
            process.ended().await;
        }
    }
}

async fn give_to(process: &Program, furnished: &Furnished, owner: &str) -> Option<(StatusCode, Value)> {
    let path = format!("{ADMIN}/applications/{}/change-owner?owner={owner}", furnished.application);
    process.send(Method::POST, &path, None).await
}

/// The name that the identity provider has of the application's client, as far as what is kept of it opens it.
async fn client_name(
    database: &Database,
    furnished: &Furnished,
    connector: &dyn KeyManager,
) -> Result<String, ConnectorError> {
    let mut read = database.open(KEY).await.read().await.expect("the database");
    let keys = read.list_keys(&furnished.application).await.expect("the keys");
    let client = connector.read_client(&client_of(&keys[0])).await?;
    Ok(client.expect("the client").metadata.client_name)
}

/// Waits until all is settled that can be, and looks.
async fn outcome(process: &Program, furnished: &Furnished) -> Outcome {
    let is_settled = |told: &Value| {
        told["list"].as_array().is_some_and(|list| list.iter().all(|one| one["state"] == "POSSIBLY_ORPHANED"))
    };
    let told = process.until("/api/gatehouse/v1/reconciliation", is_settled).await;
    let api = process.good(Method::GET, &format!("{PUBLISHER}/apis/{}", furnished.api), None).await;
    let keys = process.good(Method::GET, &keys_path(furnished), None).await;
    match (told["count"].as_u64(), keys["count"].as_u64(), api["registrations"][0]["state"].as_str()) {
        (Some(1), Some(0), None) => Outcome::PossiblyOrphaned,
        (Some(0), Some(0), Some("REGISTERED" | "UNSUPPORTED")) => Outcome::Registered,
        (Some(0), Some(1), None) => Outcome::Key,
        (Some(0), Some(0), None) => Outcome::Nothing,
        other => panic!("{other:?}: {told} {keys} {api}"),
    }
}

/// Each step with an application and an API of its own, at one identity provider. `clients` counts the clients that were
/// made for the application.
async fn at_each_step(
    name: &str,
    settings: &Value,
    (connector, has_look_up): (&dyn KeyManager, bool),
    clients: impl AsyncFn(&str) -> usize,
) {
    for step in Step::ALL {
        let (directory, database) = (scratch(&format!("{name}-{step:?}")), Database::create().await);
        let process = start(&directory, &database, None).await;
        let furnished = furnish(&process, settings).await;
        let before = clients(&furnished.application).await;
        end_after(*step, (&directory, &database), &furnished, process).await;

        let process = start(&directory, &database, None).await;
        let outcome = outcome(&process, &furnished).await;

        assert_eq!(outcome, promised(*step, has_look_up), "{step:?}");
        let made = clients(&furnished.application).await - before;
        match outcome {
            Outcome::Nothing | Outcome::Registered => assert_eq!(made, 0, "{step:?}"),
            Outcome::Key => assert_eq!(made, 1, "{step:?}"),
            Outcome::PossiblyOrphaned => {
                assert_eq!(made, usize::from(*step == Step::ClientCreated), "{step:?}");
                let (refused, _) = generate(&process, &furnished).await.expect("an answer");
                assert_eq!(refused, StatusCode::CONFLICT, "the place stays taken");
                let told = process.good(Method::GET, "/api/gatehouse/v1/reconciliation", None).await;
                let id = text(&told["list"][0], "id");
                process.good(Method::DELETE, &format!("/api/gatehouse/v1/reconciliation/{id}"), None).await;
            }
        }
        if outcome != Outcome::Key {
            let (status, body) = generate(&process, &furnished).await.expect("an answer");
            assert_eq!(status, StatusCode::OK, "{step:?}: {body}");
        }
        // Where each update makes another token that manages the client, that one was in the answer that was lost.
        let is_managed = *step != Step::OwnerTold || has_look_up;
        if is_of_owner(*step) {
            match client_name(&database, &furnished, connector).await {
                Ok(name) if is_managed => assert_eq!(name, format!("admin_{}_PRODUCTION", furnished.application)),
                Err(ConnectorError::Unmanaged) if !is_managed => {}
                told => panic!("{step:?}: {told:?}"),
            }
        }
        let path = format!("{DEVPORTAL}/applications/{}", furnished.application);
        process.good(Method::DELETE, &path, None).await;
        if !is_managed {
            // A client that cannot be deleted from here is shown until a person has done so.
            let is_shown = |told: &Value| told["list"][0]["error"] == ConnectorError::Unmanaged.to_string();
            let told = process.until("/api/gatehouse/v1/reconciliation", is_shown).await;
            let id = text(&told["list"][0], "id");
            process.good(Method::DELETE, &format!("/api/gatehouse/v1/reconciliation/{id}"), None).await;
        }
        if outcome == Outcome::Registered {
            process.good(Method::DELETE, &format!("{PUBLISHER}/apis/{}", furnished.api), None).await;
        }
        process.until("/api/gatehouse/v1/reconciliation", |told| told["count"] == 0).await;
    }
}

#[tokio::test]
async fn s7_no_end_of_the_process_leaves_a_client_that_is_not_shown_at_oidc_provider() {
    let idp = OidcProvider::start("crashes-oidc").await;
    let additional = properties();
    let settings = json!({"name": "c", "type": "oidc", "issuer": idp.issuer, "additionalProperties": additional});

    at_each_step("crashes-oidc", &settings, (&*idp.connector, false), async |_| idp.clients().len()).await;
}

#[tokio::test]
async fn s7_no_end_of_the_process_leaves_anything_that_is_not_shown_at_glewlwyd() {
    let idp = Glewlwyd::start("crashes-glewlwyd").await;
    let connector: &dyn KeyManager = &*idp.connector;
    let clients = async |application: &str| {
        let name = format!("admin_{application}_PRODUCTION");
        usize::from(connector.find_client_by_name(&name).await.expect("an answer").is_some())
    };

    at_each_step("crashes-glewlwyd", &idp.settings, (connector, true), clients).await;

    let left = connector.find_scope(&crate::harness::scope("crash_order")).await.expect("an answer");
    assert!(left.is_none(), "the scope went with the last API that had it");
}
