//! `PostgreSQL` goes away and comes back.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use crate::harness::database::Database;
use crate::harness::served::{DEVPORTAL, Served, assert_failure};

#[tokio::test]
async fn s7_a_database_that_is_gone_is_503_and_back_again_has_everything() {
    let (database, cluster) = Database::on_own_server().await;
    let served = Served::start_on(database, &[]).await;
    let path = format!("{DEVPORTAL}/applications/{}", served.application().await);
    let create = json!({"name": "Other", "throttlingPolicy": "Unlimited"});

    cluster.stop("immediate");
    let applications = format!("{DEVPORTAL}/applications");
    let (read, written) = tokio::join!(served.get(&path), served.post(&applications, create.clone()));
    assert_failure(&read, StatusCode::SERVICE_UNAVAILABLE);
    assert_failure(&written, StatusCode::SERVICE_UNAVAILABLE);
    assert!(read.headers.contains_key("retry-after"));

    cluster.begin_again();
    assert_eq!(served.get(&path).await.status, StatusCode::OK);
    let written = served.post(&applications, create).await;
    assert_eq!(written.status, StatusCode::CREATED, "nothing of it was written before: {}", written.body);
}

#[tokio::test]
async fn s8_whoever_holds_the_writers_turn_for_too_long_makes_others_503_and_loses_them_nothing() {
    let served = Served::start_with(&[("GATEHOUSE__DATABASE__WAIT", "1s")]).await;
    let create = json!({"name": "Shop", "throttlingPolicy": "Unlimited"});
    let lock = served.database.lock().await;

    let begun = tokio::time::Instant::now();
    let refused = served.post(&format!("{DEVPORTAL}/applications"), create.clone()).await;
    assert_failure(&refused, StatusCode::SERVICE_UNAVAILABLE);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(served.get(&format!("{DEVPORTAL}/applications")).await.status, StatusCode::OK, "readers do not wait");

    lock.release().await;
    assert_eq!(served.post(&format!("{DEVPORTAL}/applications"), create).await.status, StatusCode::CREATED);
}
