//! A database is restored from a backup.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::database::{Database, KEY};
use crate::harness::served::{ADMIN, Answer, DEVPORTAL, GATEWAY, Served, answer};

const SEALED: [(&str, &str); 2] =
    [("GATEHOUSE__SEALING__ALLOW_EPHEMERAL_KEY", "false"), ("GATEHOUSE__SEALING__KEY", KEY)];

async fn registry(served: &Served, revision: Option<&Value>) -> Answer {
    let query =
        revision.map(|revision| format!("?revision={}.{}", revision["epoch"].as_str().unwrap(), revision["number"]));
    let path = format!("/internal/gateway/v1/registry{}", query.unwrap_or_default());
    let request = served.request(Method::GET, &path).bearer_auth(GATEWAY);
    answer(request.header("x-gatehouse-gateway", "edge")).await
}

async fn create(served: &Served, name: &str) {
    let body = json!({"name": name, "throttlingPolicy": "Unlimited"});
    let created = served.post(&format!("{DEVPORTAL}/applications"), body).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
}

#[tokio::test]
async fn s7_gateways_take_a_restored_database_for_older_until_a_person_begins_another_epoch() {
    let served = Served::start_on(Database::create().await, &SEALED).await;
    let settings = json!({
        "name": "corporate", "type": "oidc", "issuer": "https://idp.example.com",
        "additionalProperties": {"clientId": "gateway", "clientSecret": "s3cret"},
    });
    let key_manager = served.key_manager(settings).await;
    create(&served, "Before").await;
    let copy = served.database.restored().await;
    create(&served, "After").await;
    let known = registry(&served, None).await.body["revision"].clone();
    let restored = Served::start_on(copy, &SEALED).await;

    let older = registry(&restored, Some(&known)).await.body["revision"].clone();
    assert_eq!(older["epoch"], known["epoch"]);
    assert!(older["number"].as_u64() < known["number"].as_u64(), "which a gateway refuses: {older}");
    let metrics = crate::harness::metrics(&restored.service).await;
    assert!(metrics.contains("gatehouse_key_manager_gateways_ahead 1"), "{metrics}");

    // What `feed new-epoch` does.
    let mut write = restored.service.write("operator", "cli").await.unwrap();
    write.begin_epoch("restored").await.unwrap();
    write.commit().await.unwrap();
    let told = registry(&restored, Some(&known)).await;
    assert!(told.body["snapshot"].is_object(), "{}", told.body);
    assert_eq!(told.body["revision"]["epoch"], "restored");
    let all = restored.feed().await;
    assert!(all.contains("Before") && !all.contains("After"), "{all}");
    create(&restored, "Again").await;
    let opened = restored.get(&format!("{ADMIN}/key-managers/{key_manager}")).await;
    assert_eq!(opened.status, StatusCode::OK, "secrets can be opened: {}", opened.body);
    let forged = restored.database.execute("UPDATE audit_log SET actor = 'eve'").await.unwrap_err();
    assert!(forged.to_string().contains("audit log"), "{forged}");
}
