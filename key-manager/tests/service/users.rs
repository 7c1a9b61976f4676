//! A user store beside the identity provider: claims, and scopes that need a role.

use std::time::Duration;

use key_manager::config::{Configuration, UserStoreConfiguration, UserStoreKind};
use key_manager::users::ldap::LdapUserStore;
use key_manager::users::sql::SqlUserStore;
use key_manager::users::{UserStore, UserStoreError};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::time::Instant;

use crate::harness::database::execute;
use crate::harness::postgres::Cluster;
use crate::harness::served::{Answer, GATEWAY, PUBLISHER, answer, pizza};
use crate::harness::shop::Shop;
use crate::harness::slapd::Slapd;

/// A key manager with a user store; the scope `order` is shared and for clerks, `cancel` is an API's own and for bosses.
async fn shop_with(name: &str, user_store: &Value) -> Shop {
    let shop = Shop::start_with(name, &[("GATEHOUSE__USER_STORE", &user_store.to_string())]).await;
    let shared = json!({"name": "order", "displayName": "Order", "bindings": ["clerks", "bosses"]});
    let created = shop.served.post(&format!("{PUBLISHER}/scopes"), shared).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    let mut api = pizza();
    api["scopes"] = json!([{"scope": {"name": "cancel", "bindings": ["bosses"]}, "shared": false}]);
    let created = shop.served.post(&format!("{PUBLISHER}/apis"), api).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    shop
}

async fn introspect(shop: &Shop, token: &str) -> Answer {
    let request = shop.served.request(Method::POST, "/oauth2/introspect").bearer_auth(GATEWAY);
    answer(request.form(&[("token", token)])).await
}

const ALL: &str = "order cancel apim:subscribe";

#[tokio::test]
async fn s7_a_users_claims_are_added_and_scopes_removed_whose_roles_the_user_lacks() {
    let slapd = Slapd::start("users-ldap");
    let shop = shop_with("users-idp", &slapd.settings()).await;
    let (alice, bob) = (shop.idp.user_token("alice", ALL).await, shop.idp.user_token("bob", ALL).await);

    let told = introspect(&shop, &alice).await;
    assert_eq!((told.status, &told.body["active"]), (StatusCode::OK, &json!(true)), "{}", told.body);
    assert_eq!(told.body["scope"], json!("order apim:subscribe"), "a clerk, and no boss");
    assert_eq!((&told.body["sub"], &told.body["username"]), (&json!("u-alice"), &json!("alice")));
    assert_eq!(told.body["email"], json!("alice@example.org"));
    assert_eq!(told.body["departments"], json!(["sales", "support"]));
    assert!(told.body.get("phone_number").is_none(), "the directory has none: {}", told.body);

    assert_eq!(introspect(&shop, &bob).await.body["scope"], json!("apim:subscribe"), "of no group");
    // A client's own token is of no user.
    let form = [("grant_type", "client_credentials"), ("scope", "order cancel")];
    let of_client = shop.idp.token("shop", "shop-secret", &form).await;
    assert_eq!(introspect(&shop, &of_client).await.body["scope"], json!("order cancel"));
    assert_eq!(introspect(&shop, "made-up").await.body, json!({"active": false}));

    // A change of the bindings counts within a moment.
    let scopes = shop.served.get(&format!("{PUBLISHER}/scopes")).await.body;
    let path = format!("{PUBLISHER}/scopes/{}", scopes["list"][0]["id"].as_str().unwrap());
    let open = json!({"name": "order", "displayName": "Order", "bindings": []});
    assert_eq!(shop.served.send(Method::PUT, &path, Some(open)).await.status, StatusCode::OK);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(introspect(&shop, &bob).await.body["scope"], json!("order apim:subscribe"));
}

#[tokio::test]
async fn s7_a_user_store_that_is_away_or_slow_leaves_no_verdict() {
    let mut slapd = Slapd::start("users-away");
    let shop = shop_with("users-away-idp", &slapd.settings()).await;
    let alice = shop.idp.user_token("alice", ALL).await;
    let is_told = async || introspect(&shop, &alice).await.body["scope"] == json!("order apim:subscribe");
    assert!(is_told().await);

    slapd.signal("STOP");
    let began = Instant::now();
    let slow = introspect(&shop, &alice).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    slapd.signal("CONT");
    assert!(is_told().await, "it goes on");
    slapd.stop();
    let away = introspect(&shop, &alice).await;
    slapd.run();
    assert!(is_told().await, "it is back");
    // The connection that is kept has ended meanwhile.
    slapd.stop();
    slapd.run();
    assert!(is_told().await, "nobody is told of it");

    for failed in [slow, away] {
        assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE, "{}", failed.body);
        assert_eq!(failed.body["error"], json!("temporarily_unavailable"));
        assert!(failed.body.get("active").is_none() && failed.body.get("scope").is_none());
        assert!(failed.headers.contains_key("retry-after"));
    }
}

/// A user store of a configuration.
fn user_store(settings: &Value) -> Result<Box<dyn UserStore>, String> {
    let variables = [
        ("GATEHOUSE__SEALING__ALLOW_EPHEMERAL_KEY".to_owned(), "true".to_owned()),
        ("GATEHOUSE__USER_STORE".to_owned(), settings.to_string()),
    ];
    let configuration = Configuration::load(None, variables.into_iter()).map_err(|error| error.to_string())?;
    let UserStoreConfiguration { timeout, kind, .. } = configuration.user_store.expect("a user store");
    Ok(match kind {
        UserStoreKind::Ldap(directory) => Box::new(LdapUserStore::new(directory, timeout)),
        UserStoreKind::Sql(database) => Box::new(SqlUserStore::new(database, timeout)),
    })
}

/// Names that mean something in a filter, in SQL or in C, and are nobody's.
const HOSTILE: [&str; 16] = [
    "*",
    "a*",
    "alic?",
    "alice)(uid=*",
    "*)(objectClass=*",
    "alice)(|(uid=*))",
    "\\2a",
    "alice\\",
    "alice\0",
    "",
    "alice' OR '1'='1",
    "alice'; DROP TABLE users; --",
    "%",
    "$1",
    "{user}",
    "ali\u{441}e",
];

#[tokio::test]
async fn s8_characters_of_filters_are_ordinary_in_names_of_users() {
    let slapd = Slapd::start("users-hostile");
    let users = user_store(&slapd.settings()).unwrap();

    for name in HOSTILE {
        assert_eq!(users.find(name).await, Ok(None), "{name:?}");
    }
    let odd = users.find(r"a*(b)\c").await.unwrap().expect("somebody has this name");
    assert_eq!(odd.claims["email"], json!("odd@example.org"));
    assert!(users.find("alice").await.unwrap().is_some_and(|alice| alice.roles.contains("clerks")));
}

#[tokio::test]
async fn s7_what_is_wrong_with_a_directory_is_told() {
    let slapd = Slapd::start("users-wrong");
    let find = async |name: &str, value: Value, user: &str| {
        let mut settings = slapd.settings();
        settings["ldap"][name] = value;
        user_store(&settings).unwrap().find(user).await.expect_err("no user").to_string()
    };

    for (name, value, user, expected) in [
        ("bindPassword", json!("wrong"), "alice", "it refuses `bindDn` with `bindPassword`"),
        ("searchBase", json!("ou=nobody,dc=example,dc=org"), "alice", "there is no `searchBase`"),
        ("userFilter", json!("(uid={user})"), "twin", "`userFilter` fits several users of one name"),
    ] {
        let error = find(name, value, user).await;
        assert!(error.contains(expected) && error.contains("`userStore`"), "{name}: {error}");
    }
    // Nobody may search without a name.
    let mut anonymous = slapd.settings();
    anonymous["ldap"].as_object_mut().unwrap().retain(|name, _| !name.starts_with("bind"));
    let found = user_store(&anonymous).unwrap().find("alice").await;
    assert!(matches!(found, Err(UserStoreError::Misconfigured(_))), "{found:?}");
}

async fn people(directory: &std::path::Path) -> Value {
    let file = directory.join("users.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    let sql = "CREATE TABLE users (name TEXT, email TEXT, level INTEGER, role TEXT);
        INSERT INTO users VALUES ('alice', 'alice@example.org', 3, 'clerks'), ('alice', 'alice@example.org', 3, 'staff'),
            ('bob', NULL, 1, NULL)";
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    json!({"timeout": "1s", "sql": {
        "url": format!("sqlite:{}", file.display()), "roleColumn": "role",
        "query": "SELECT email, level, role FROM users WHERE name = $1",
    }})
}

#[tokio::test]
async fn s7_users_can_be_in_a_database() {
    let directory = tempfile::tempdir().unwrap();
    let shop = shop_with("users-sql", &people(directory.path()).await).await;
    let (alice, bob) = (shop.idp.user_token("alice", ALL).await, shop.idp.user_token("bob", ALL).await);

    let told = introspect(&shop, &alice).await.body;
    assert_eq!(
        (&told["scope"], &told["email"]),
        (&json!("order apim:subscribe"), &json!("alice@example.org")),
        "{told}"
    );
    assert_eq!((&told["level"], told.get("role")), (&json!("3"), None), "{told}");
    let told = introspect(&shop, &bob).await.body;
    assert_eq!((&told["scope"], told.get("email")), (&json!("apim:subscribe"), None), "{told}");

    std::fs::write(directory.path().join("users.db"), "no database, but long enough to be taken for one").unwrap();
    let failed = introspect(&shop, &alice).await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE, "{}", failed.body);
    assert!(failed.body.get("active").is_none());
}

#[tokio::test]
async fn s7_users_can_be_in_postgresql() {
    let cluster = Cluster::start();
    let sql = "CREATE TABLE users (name text, email text, level integer, role text);
        INSERT INTO users VALUES ('alice', 'alice@example.org', 3, 'clerks'), ('alice', 'alice@example.org', 3, 'staff')";
    execute(&cluster, "postgres", sql).await.unwrap();
    let settings = |query: &str| json!({"sql": {"url": cluster.url("postgres"), "query": query, "roleColumn": "role"}});
    let users = user_store(&settings("SELECT email, level::text, role FROM users WHERE name = $1")).unwrap();

    let alice = users.find("alice").await.unwrap().expect("a user");
    assert_eq!(Value::Object(alice.claims), json!({"email": "alice@example.org", "level": "3"}));
    assert_eq!(Vec::from_iter(alice.roles), ["clerks", "staff"]);
    for name in HOSTILE {
        assert_eq!(users.find(name).await, Ok(None), "{name:?}");
    }
    for (query, expected) in [
        ("SELECT level, role FROM users WHERE name = $1", "column `level` of `query` is no text"),
        ("SELECT role FROM people WHERE name = $1", "code 42P01"),
        ("DELETE FROM users WHERE name = $1 RETURNING role", "code 25006"),
    ] {
        let error = user_store(&settings(query)).unwrap().find("alice").await.expect_err("no user").to_string();
        assert!(error.contains(expected), "{query}: {error}");
    }

    cluster.stop("immediate");
    let away = users.find("alice").await;
    assert!(matches!(away, Err(UserStoreError::Unavailable(_))), "{away:?}");
    cluster.begin_again();
    assert!(users.find("alice").await.unwrap().is_some());
}

#[tokio::test]
async fn s8_characters_of_sql_are_ordinary_in_names_of_users() {
    let directory = tempfile::tempdir().unwrap();
    let settings = people(directory.path()).await;
    let users = user_store(&settings).unwrap();

    for name in HOSTILE {
        assert_eq!(users.find(name).await, Ok(None), "{name:?}");
    }
    assert!(users.find("alice").await.unwrap().is_some(), "the table is still there");
    // Whatever the query says, it writes nothing.
    let mut writing = settings.clone();
    writing["sql"]["query"] = json!("DELETE FROM users WHERE name = $1 RETURNING email");
    assert!(user_store(&writing).unwrap().find("alice").await.is_err());
    assert!(users.find("alice").await.unwrap().is_some());
    let mut wrong = settings.clone();
    wrong["sql"]["query"] = json!("SELECT email FROM people WHERE name = $1");
    let error = user_store(&wrong).unwrap().find("alice").await.expect_err("no such table").to_string();
    assert!(error.contains("no such table"), "{error}");
    wrong["sql"]["query"] = json!("SELECT email FROM users WHERE name = $1");
    let error = user_store(&wrong).unwrap().find("alice").await.expect_err("no such column").to_string();
    assert!(error.contains("no column `role`"), "{error}");
}

#[test]
fn s7_a_wrong_user_store_is_told_by_its_field() {
    let ldap = json!({"url": "ldaps://users.example.com", "searchBase": "dc=example", "userFilter": "(uid={user})"});
    let ldap_with = |name: &str, value: Value| {
        let mut settings = json!({"ldap": ldap});
        settings["ldap"][name] = value;
        settings
    };
    let sql = |url: &str, query: &str| json!({"sql": {"url": url, "query": query}});
    assert!(user_store(&json!({"ldap": ldap})).is_ok());
    for (settings, expected) in [
        (json!({}), "userStore: needs one of `ldap` and `sql`"),
        (json!({"lookUpBy": "mail", "ldap": ldap}), "userStore.lookUpBy: unknown variant"),
        (json!({"timeout": "0s", "ldap": ldap}), "userStore.timeout: must be `1s` or more"),
        (ldap_with("url", json!("http://users")), "userStore.ldap.url: must be ldap:// or ldaps://"),
        (ldap_with("startTls", json!(true)), "userStore.ldap.startTls: is for ldap:// alone"),
        (ldap_with("userFilter", json!("(uid=*)")), "userStore.ldap.userFilter: must be a filter"),
        (ldap_with("userFilter", json!("(uid={user}")), "userStore.ldap.userFilter: must be a filter"),
        (ldap_with("claims", json!({"uid": "sub"})), "userStore.ldap.claims.uid: `sub` is the identity provider's"),
        (ldap_with("bindDn", json!("cn=x")), "userStore.ldap.bindPassword: is missing"),
        (ldap_with("bindPassword", json!("hunter2")), "userStore.ldap.bindDn: is missing"),
        (sql("mysql://users", "SELECT $1"), "userStore.sql.url: must be sqlite:"),
        (sql("sqlite:users.db", "SELECT 1"), "userStore.sql.query: must have `$1`"),
    ] {
        let Err(error) = user_store(&settings) else { panic!("{settings}") };
        assert!(error.contains(expected) && !error.contains("hunter2"), "{settings}: {error}");
    }
}
