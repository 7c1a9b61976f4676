//! APIs in the publisher and in the developer portal: life cycle, definitions, revisions, shared scopes, tiers.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::served::{DEVPORTAL, PUBLISHER, Served, assert_failure, pizza};

async fn act(served: &Served, id: &str, action: &str) -> StatusCode {
    let action = action.replace(' ', "%20");
    let path = format!("{PUBLISHER}/apis/change-lifecycle?action={action}&apiId={id}");
    served.send(Method::POST, &path, None).await.status
}

#[tokio::test]
async fn s7_an_api_is_read_changed_and_deleted_with_members_that_mean_nothing_here() {
    let served = Served::start().await;
    let mut api = pizza();
    api["endpointConfig"] = json!({"endpoint_type": "http", "production_endpoints": {"url": "http://backend"}});
    api["tags"] = json!(["food"]);
    let id = served.post(&format!("{PUBLISHER}/apis"), api).await.body["id"].as_str().unwrap().to_owned();
    let path = format!("{PUBLISHER}/apis/{id}");

    let mut read = served.get(&path).await.body;
    assert_eq!(read["endpointConfig"]["production_endpoints"]["url"], json!("http://backend"));
    assert_eq!((&read["tags"], &read["provider"]), (&json!(["food"]), &json!("admin")));
    read["description"] = json!("Pizza");
    read["provider"] = json!("mallory");
    read["lifeCycleStatus"] = json!("PUBLISHED");
    let updated = served.send(Method::PUT, &path, Some(read.clone())).await;
    assert_eq!((updated.status, &updated.body["description"]), (StatusCode::OK, &json!("Pizza")), "{}", updated.body);
    assert_eq!((&updated.body["provider"], &updated.body["lifeCycleStatus"]), (&json!("admin"), &json!("CREATED")));
    read["context"] = json!("/pasta");
    let moved = served.send(Method::PUT, &path, Some(read)).await;
    assert_failure(&moved, StatusCode::BAD_REQUEST);
    assert_eq!(moved.body["error"][0]["message"], json!("context"));

    assert_failure(&served.post(&format!("{PUBLISHER}/apis"), pizza()).await, StatusCode::CONFLICT);
    assert_eq!(served.send(Method::DELETE, &path, None).await.status, StatusCode::OK);
    assert_failure(&served.get(&path).await, StatusCode::NOT_FOUND);
    assert_failure(&served.send(Method::DELETE, &path, None).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn s7_an_api_goes_through_its_life_and_gateways_follow() {
    let served = Served::start().await;
    let id = served.api().await;
    let state = format!("{PUBLISHER}/apis/{id}/lifecycle-state");
    assert_failure(&served.get(&format!("{DEVPORTAL}/apis/{id}")).await, StatusCode::NOT_FOUND);
    assert_eq!(act(&served, &id, "Retire").await, StatusCode::BAD_REQUEST);

    for (action, name, told) in [
        ("Publish", "Published", Some("PUBLISHED")),
        ("Block", "Blocked", Some("BLOCKED")),
        ("Re-Publish", "Published", Some("PUBLISHED")),
        ("Demote to Created", "Created", None),
        ("Publish", "Published", Some("PUBLISHED")),
        ("Deprecate", "Deprecated", Some("DEPRECATED")),
        ("Retire", "Retired", None),
    ] {
        assert_eq!(act(&served, &id, action).await, StatusCode::OK, "{action}");
        assert_eq!(served.get(&state).await.body["state"], json!(name));
        let feed = served.feed().await;
        match told {
            Some(status) => assert!(feed.contains(&format!("\"lifeCycleStatus\":\"{status}\"")), "{action}: {feed}"),
            None => assert!(!feed.contains(&id), "{action}: {feed}"),
        }
    }
    assert_failure(&served.get(&format!("{PUBLISHER}/apis/none/lifecycle-state")).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn s7_the_developer_portal_shows_what_is_published() {
    let served = Served::start().await;
    let id = served.published_api().await;

    let listed = served.get(&format!("{DEVPORTAL}/apis")).await;
    assert_eq!((listed.status, &listed.body["list"][0]["id"]), (StatusCode::OK, &json!(id)), "{}", listed.body);
    let read = served.get(&format!("{DEVPORTAL}/apis/{id}")).await;
    assert_eq!((read.status, &read.body["name"]), (StatusCode::OK, &json!("PizzaShack")), "{}", read.body);
    let definition = served.get(&format!("{DEVPORTAL}/apis/{id}/swagger")).await;
    assert!(definition.body["paths"]["/menu"]["get"].is_object(), "{}", definition.body);
}

const DEFINITION: &str = r"
openapi: 3.1.0
info: {title: Pizza Shack, version: 2.0.0}
components:
  securitySchemes:
    idp:
      type: oauth2
      flows: {clientCredentials: {tokenUrl: https://idp/token, scopes: {order: Order pizza}}}
security: [{idp: []}]
paths:
  /menu: {get: {security: [], responses: {}}}
  /order: {post: {security: [{idp: [order]}], responses: {}}}
  /order/{orderId}: {get: {x-auth-type: Application User, responses: {}}}
";

#[tokio::test]
async fn s7_a_definition_fills_operations_scopes_and_auth_types() {
    let served = Served::start().await;

    let imported =
        served.post_form(&format!("{PUBLISHER}/apis/import-openapi"), &[("inlineAPIDefinition", DEFINITION)]).await;

    assert_eq!(imported.status, StatusCode::CREATED, "{}", imported.body);
    let api = &imported.body;
    assert_eq!(
        (&api["name"], &api["version"], &api["context"]),
        (&json!("PizzaShack"), &json!("2.0.0"), &json!("/pizzashack"))
    );
    let found: Vec<Value> = api["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!([one["verb"], one["target"], one["authType"], one["scopes"]]))
        .collect();
    let expected = [
        json!(["GET", "/menu", "None", []]),
        json!(["POST", "/order", "Any", ["order"]]),
        json!(["GET", "/order/{orderId}", "Application_User", []]),
    ];
    assert_eq!(found, expected);
    assert_eq!(api["scopes"][0]["scope"]["description"], json!("Order pizza"));

    // A definition that is replaced replaces the operations.
    let swagger = format!("{PUBLISHER}/apis/{}/swagger", api["id"].as_str().unwrap());
    let smaller = DEFINITION.replace("  /order: {post: {security: [{idp: [order]}], responses: {}}}\n", "");
    let put = |text: String| {
        let body =
            format!("--part\r\ncontent-disposition: form-data; name=\"apiDefinition\"\r\n\r\n{text}\r\n--part--\r\n");
        let request = served.request(Method::PUT, &swagger).bearer_auth(crate::harness::served::BOOTSTRAP);
        crate::harness::served::answer(request.header("content-type", "multipart/form-data; boundary=part").body(body))
    };
    let replaced = put(smaller).await;
    assert_eq!(replaced.status, StatusCode::OK, "{}", replaced.body);
    let definition = served.get(&swagger).await.body;
    assert!(definition["paths"]["/order"].is_null() && definition["paths"]["/menu"].is_object(), "{definition}");
    assert_failure(&put("swagger: '2.0'".to_owned()).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn s7_a_definition_is_sent_and_never_fetched() {
    let served = Served::start().await;
    let form = [("url", "http://169.254.169.254/latest/meta-data")];

    let refused = served.post_form(&format!("{PUBLISHER}/apis/import-openapi"), &form).await;

    assert_failure(&refused, StatusCode::BAD_REQUEST);
    assert_eq!(refused.body["error"][0]["message"], json!("url"));
}

#[tokio::test]
async fn s7_revisions_are_recorded_and_an_environment_has_one() {
    let served = Served::start().await;
    let id = served.api().await;
    let path = format!("{PUBLISHER}/apis/{id}");
    let create = async || served.post(&format!("{path}/revisions"), json!({"description": "a revision"})).await.body;
    let (first, second) = (create().await, create().await);
    assert_eq!((&first["displayName"], &second["displayName"]), (&json!("Revision 1"), &json!("Revision 2")));
    let deploy = async |revision: &Value| {
        let query = format!("revisionId={}", revision["id"].as_str().unwrap());
        let environments = json!([{"name": "Default", "vhost": "localhost", "displayOnDevportal": true}]);
        served.post(&format!("{path}/deploy-revision?{query}"), environments).await
    };

    assert_eq!(deploy(&first).await.status, StatusCode::OK);
    let deployed = deploy(&second).await;
    assert_eq!((deployed.status, &deployed.body[0]["name"]), (StatusCode::OK, &json!("Default")), "{}", deployed.body);
    let deployments = served.get(&format!("{path}/deployments")).await;
    assert_eq!(deployments.body["list"].as_array().map(Vec::len), Some(1), "{}", deployments.body);
    assert_eq!(deployments.body["list"][0]["revisionUuid"], second["id"]);

    let second_path = format!("{path}/revisions/{}", second["id"].as_str().unwrap());
    assert_failure(&served.send(Method::DELETE, &second_path, None).await, StatusCode::BAD_REQUEST);
    let query = format!("revisionId={}", second["id"].as_str().unwrap());
    let taken = served.post(&format!("{path}/undeploy-revision?{query}"), json!([{"name": "Default"}])).await;
    assert_eq!((taken.status, &taken.body), (StatusCode::CREATED, &json!([])));
    assert_eq!(served.send(Method::DELETE, &second_path, None).await.status, StatusCode::OK);
    assert_eq!(served.get(&format!("{path}/revisions")).await.body["count"], json!(1));
    assert_eq!(create().await["displayName"], json!("Revision 3"), "a number is never used again");
    assert_failure(&served.get(&second_path).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn s7_scopes_are_shared_by_apis_and_stay_while_one_uses_them() {
    let served = Served::start().await;
    let scopes = format!("{PUBLISHER}/scopes");
    let body = json!({"name": "shared", "displayName": "Shared", "description": "For all", "bindings": ["staff"]});
    let created = served.post(&scopes, body.clone()).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    let path = format!("{scopes}/{}", created.body["id"].as_str().unwrap());
    assert_failure(&served.post(&scopes, body).await, StatusCode::CONFLICT);
    let bad = served.post(&scopes, json!({"name": "two words", "displayName": "x"})).await;
    assert_failure(&bad, StatusCode::BAD_REQUEST);

    let mut api = pizza();
    api["operations"][0]["scopes"] = json!(["unknown"]);
    let refused = served.post(&format!("{PUBLISHER}/apis"), api.clone()).await;
    assert_eq!(refused.body["error"][0]["message"], json!("operations[0].scopes[0]"), "{}", refused.body);
    api["operations"][0]["scopes"] = json!(["shared"]);
    let api = served.post(&format!("{PUBLISHER}/apis"), api).await;
    assert_eq!((api.status, &api.body["scopes"][0]["shared"]), (StatusCode::CREATED, &json!(true)), "{}", api.body);

    assert_failure(&served.send(Method::DELETE, &path, None).await, StatusCode::CONFLICT);
    let changed = json!({"name": "shared", "displayName": "Another", "description": "", "bindings": []});
    let changed = served.send(Method::PUT, &path, Some(changed)).await;
    assert_eq!((changed.status, &changed.body["displayName"]), (StatusCode::OK, &json!("Another")), "{}", changed.body);
    assert_eq!(served.get(&path).await.body["displayName"], json!("Another"));
    assert_eq!(served.get(&scopes).await.body["count"], json!(1));
    let head = async |id: &str| {
        let request = served.request(Method::HEAD, &format!("{scopes}/{id}"));
        request.bearer_auth(crate::harness::served::BOOTSTRAP).send().await.unwrap().status()
    };
    assert_eq!(
        (head("c2hhcmVk").await, head("bm9uZQ").await),
        (StatusCode::OK, StatusCode::NOT_FOUND),
        "base64 of names"
    );
    let api = format!("{PUBLISHER}/apis/{}", api.body["id"].as_str().unwrap());
    assert_eq!(served.send(Method::DELETE, &api, None).await.status, StatusCode::OK);
    assert_eq!(served.send(Method::DELETE, &path, None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn s7_tiers_are_told_by_wso2s_names() {
    let served = Served::start().await;

    let tiers = served.get(&format!("{PUBLISHER}/throttling-policies/subscription")).await;

    let names: Vec<&Value> = tiers.body["list"].as_array().unwrap().iter().map(|tier| &tier["name"]).collect();
    assert_eq!(names, ["Unlimited", "Gold", "Silver", "Bronze"]);
    assert_eq!(served.get(&format!("{PUBLISHER}/throttling-policies/api/Gold")).await.status, StatusCode::OK);
    assert_failure(&served.get(&format!("{PUBLISHER}/throttling-policies/api/Lead")).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn s7_an_api_with_subscriptions_stays_and_a_subscription_has_one_owner_and_tier() {
    let served = Served::start().await;
    let (api, application) = (served.published_api().await, served.application().await);
    let subscriptions = format!("{DEVPORTAL}/subscriptions");
    let body = json!({"apiId": api, "applicationId": application, "throttlingPolicy": "Gold"});
    let created = served.post(&subscriptions, body.clone()).await.body;
    assert_failure(&served.post(&subscriptions, body.clone()).await, StatusCode::CONFLICT);
    assert_failure(&served.send(Method::DELETE, &format!("{PUBLISHER}/apis/{api}"), None).await, StatusCode::CONFLICT);
    let listed = served.get(&format!("{PUBLISHER}/subscriptions?apiId={api}")).await;
    assert_eq!((listed.status, &listed.body["count"]), (StatusCode::OK, &json!(1)), "{}", listed.body);

    let path = format!("{subscriptions}/{}", created["subscriptionId"].as_str().unwrap());
    let mut changed = body;
    changed["throttlingPolicy"] = json!("Silver");
    let updated = served.send(Method::PUT, &path, Some(changed)).await;
    assert_eq!(
        (updated.status, &updated.body["throttlingPolicy"]),
        (StatusCode::OK, &json!("Silver")),
        "{}",
        updated.body
    );
    assert!(served.feed().await.contains("\"tier\":\"Silver\""));

    assert_eq!(served.send(Method::DELETE, &path, None).await.status, StatusCode::OK);
    assert_failure(&served.get(&path).await, StatusCode::NOT_FOUND);
    assert!(!served.feed().await.contains("Silver"));
    assert_eq!(served.send(Method::DELETE, &format!("{PUBLISHER}/apis/{api}"), None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn s8_characters_of_sql_paths_and_templates_are_ordinary_in_names() {
    let served = Served::start().await;
    for name in ["'; DROP TABLE applications; --", "../../etc/passwd", "{{7*7}} ${x} %s", "Größe \u{1f355}", "a%00b"]
    {
        let body = json!({"name": name, "throttlingPolicy": "Unlimited", "description": name});
        let created = served.post(&format!("{DEVPORTAL}/applications"), body).await;
        assert_eq!(created.status, StatusCode::CREATED, "{name}: {}", created.body);
        let path = format!("{DEVPORTAL}/applications/{}", created.body["applicationId"].as_str().unwrap());
        let read = served.get(&path).await.body;
        assert_eq!((&read["name"], &read["description"]), (&json!(name), &json!(name)));
    }
    let listed = served.get(&format!("{DEVPORTAL}/applications")).await;
    assert_eq!(listed.body["count"], json!(5));
    let refused =
        served.post(&format!("{DEVPORTAL}/applications"), json!({"name": "a\u{0}b", "throttlingPolicy": "x"})).await;
    assert_failure(&refused, StatusCode::BAD_REQUEST);
    for id in ["'%20OR%20'1'='1", "..%2F..%2Fadmin", "%00"] {
        assert_failure(&served.get(&format!("{DEVPORTAL}/applications/{id}")).await, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn s7_cut_offs_are_written_told_and_lifted() {
    let served = Served::start().await;
    let path = "/api/gatehouse/v1/revocations";
    for (body, field) in [
        (json!({"kind": "client"}), "value"),
        (json!({"kind": "all", "value": "x"}), "value"),
        (json!({"kind": "jti", "value": "x", "identityProvider": "none"}), "identityProvider"),
        (json!({"kind": "jti", "value": "x", "expiresAt": 1}), "expiresAt"),
        (json!({"kind": "nonsense", "value": "x"}), "kind"),
    ] {
        let refused = served.post(path, body).await;
        assert_failure(&refused, StatusCode::BAD_REQUEST);
        assert_eq!(refused.body["error"][0]["message"], json!(field));
    }

    let created = served.post(path, json!({"kind": "jti", "value": "a-token"})).await;
    assert_eq!((created.status, &created.body["action"]), (StatusCode::CREATED, &json!("deny")), "{}", created.body);
    assert!(served.feed().await.contains("\"value\":\"a-token\""));

    let lift = format!("{path}/{}", created.body["id"].as_str().unwrap());
    assert_eq!(served.send(Method::DELETE, &lift, None).await.status, StatusCode::OK);
    assert!(!served.feed().await.contains("a-token"));
    assert_failure(&served.send(Method::DELETE, &lift, None).await, StatusCode::NOT_FOUND);
}
