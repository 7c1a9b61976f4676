//! The REST API over HTTP, on a real listener and a database of its own.

mod apis;
mod callers;
mod five_steps;
mod gateways;
mod key_managers;
mod keys;
mod openapi;
mod owners;

use key_manager::rest;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::served::{BOOTSTRAP, DEVPORTAL, GATEWAY, PUBLISHER, Served, answer, assert_failure, pizza};

#[tokio::test]
async fn every_operation_that_asks_for_a_scope_refuses_a_caller_without_a_good_credential() {
    let served = Served::start().await;
    for (method, path) in rest::operations() {
        let portal = rest::Portal::ALL.into_iter().find(|portal| path.starts_with(portal.prefix())).unwrap();
        let below = path.strip_prefix(portal.prefix()).unwrap();
        let scopes = portal.contract().scopes(&method.as_str().to_ascii_lowercase(), below).unwrap();
        if scopes.is_empty() {
            continue;
        }
        for credential in [None, Some("not-the-credential"), Some(GATEWAY)] {
            let request = served.request(method.clone(), &path.replace(['{', '}'], ""));
            let answer = answer(match credential {
                Some(credential) => request.bearer_auth(credential),
                None => request,
            })
            .await;
            if method == Method::HEAD {
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            } else {
                assert_failure(&answer, StatusCode::UNAUTHORIZED);
            }
            assert!(answer.headers.contains_key("www-authenticate"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn paths_that_are_not_served_answer_404_in_the_shape_of_errors() {
    let served = Served::start().await;
    for path in ["/api/am/publisher/v4/mcp-servers", "/api/am/devportal/v3/nothing", "/api/am/admin/v4/x", "/nothing"] {
        assert_failure(&served.get(path).await, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn unknown_members_are_refused_by_name() {
    let served = Served::start().await;
    let mut body = pizza();
    body["operations"][0]["verbb"] = json!("GET");

    let refused = served.post(&format!("{PUBLISHER}/apis"), body).await;

    assert_failure(&refused, StatusCode::BAD_REQUEST);
    assert_eq!(refused.body["error"][0]["message"], json!("operations[0].verbb"));
}

#[tokio::test]
async fn gateways_learn_of_an_api_once_it_is_published() {
    let served = Served::start().await;
    let id = served.api().await;
    assert!(!served.feed().await.contains(&id));

    let path = format!("{PUBLISHER}/apis/change-lifecycle?action=Publish&apiId={id}");
    assert_eq!(served.send(Method::POST, &path, None).await.status, StatusCode::OK);

    assert!(served.feed().await.contains(&id));
}

#[tokio::test]
async fn gateways_learn_of_subscribing_blocking_and_unblocking() {
    let served = Served::start().await;
    let (api, application) = (served.published_api().await, served.application().await);
    assert!(served.feed().await.contains(&application));

    let body = json!({"apiId": api, "applicationId": application, "throttlingPolicy": "Unlimited"});
    let subscribed = served.post(&format!("{DEVPORTAL}/subscriptions"), body).await;
    assert_eq!(subscribed.status, StatusCode::CREATED, "{}", subscribed.body);
    assert_eq!(subscribed.body["status"], json!("UNBLOCKED"));
    assert!(served.feed().await.contains("\"UNBLOCKED\""));

    let id = subscribed.body["subscriptionId"].as_str().unwrap();
    let path = |verb: &str| format!("{PUBLISHER}/subscriptions/{verb}subscriptionId={id}");
    let blocked = served.send(Method::POST, &path("block-subscription?blockState=BLOCKED&"), None).await;
    assert_eq!(blocked.status, StatusCode::OK, "{}", blocked.body);
    assert!(served.feed().await.contains("\"BLOCKED\""));

    let unblocked = served.send(Method::POST, &path("unblock-subscription?"), None).await;
    assert_eq!(unblocked.status, StatusCode::OK, "{}", unblocked.body);
    assert!(served.feed().await.contains("\"UNBLOCKED\""));
}

#[tokio::test]
async fn lists_tell_count_items_and_pagination() {
    let served = Served::start().await;
    let id = served.published_api().await;

    let listed = served.get(&format!("{PUBLISHER}/apis?limit=1")).await;

    assert_eq!(listed.status, StatusCode::OK, "{}", listed.body);
    assert_eq!((&listed.body["count"], &listed.body["list"][0]["id"]), (&json!(1), &json!(id)));
    assert_eq!(listed.body["pagination"]["total"], json!(1));
    assert_eq!(listed.body["pagination"]["limit"], json!(1));
}

#[tokio::test]
async fn an_update_of_another_state_than_the_one_read_is_refused() {
    let served = Served::start().await;
    let path = format!("{DEVPORTAL}/applications/{}", served.application().await);
    let tag = served.get(&path).await.headers["etag"].clone();
    let update = |description: &str| {
        let body = json!({"name": "Shop", "throttlingPolicy": "Unlimited", "description": description});
        answer(served.request(Method::PUT, &path).bearer_auth(BOOTSTRAP).header("if-match", &tag).json(&body))
    };

    let first = update("one").await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);

    assert_failure(&update("two").await, StatusCode::PRECONDITION_FAILED);
    assert_eq!(served.get(&path).await.body["description"], json!("one"));
}
