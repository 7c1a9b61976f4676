//! Debian's Glewlwyd, with one OpenID Connect plugin and the key manager's own client.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use key_manager::connector::KeyManager;
use reqwest::header::{COOKIE, SET_COOKIE};
use serde_json::{Value, json};

use super::process::Supervised;
use super::{connect, free_port, scratch, until};

pub(crate) struct Glewlwyd {
    _process: Supervised,
    pub(crate) connector: Arc<dyn KeyManager>,
    /// Those of a key manager for it.
    pub(crate) settings: Value,
}

impl Glewlwyd {
    pub(crate) async fn start(name: &str) -> Self {
        let directory = scratch(name);
        let port = free_port();
        let base = format!("http://127.0.0.1:{port}");
        let database = directory.join("glewlwyd.sqlite3");
        create_database(&database);
        std::fs::write(directory.join("glewlwyd.conf"), configuration(port, &database)).expect("write it");
        let mut command = Command::new("glewlwyd");
        command.arg(format!("--config-file={}", directory.join("glewlwyd.conf").display()));
        let mut process = Supervised::start(&command, directory.join("glewlwyd.log"));
        let config = format!("{base}/config");
        until(&mut process, async |_| reqwest::get(&config).await.ok()).await;
        furnish(&base, &directory).await;
        let properties = json!({
            "clientId": "gateway", "clientSecret": "gateway-secret", "administrationUrl": format!("{base}/api"),
            "administratorName": "admin", "administratorPassword": "password", "introspectionScope": "introspect",
        });
        let issuer = format!("{base}/api/oidc");
        let settings =
            json!({"name": "corporate", "type": "glewlwyd", "issuer": issuer, "additionalProperties": properties});
        let connector = connect("glewlwyd", &issuer, properties);
        Self { _process: process, connector, settings }
    }
}

fn create_database(path: &Path) {
    const SCHEMA: &str = "/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz";
    assert!(Path::new(SCHEMA).is_file(), "Glewlwyd is not installed: `make test-services` installs it");
    let mut unpack = Command::new("zcat").arg(SCHEMA).stdout(Stdio::piped()).spawn().expect("start zcat");
    let sql = unpack.stdout.take().expect("its output");
    let status = Command::new("sqlite3").arg(path).stdin(sql).status().expect("start sqlite3");
    assert!(unpack.wait().is_ok_and(|status| status.success()) && status.success(), "the database cannot be made");
}

fn configuration(port: u16, database: &Path) -> String {
    format!(
        r#"port={port}
bind_address="127.0.0.1"
external_url="http://127.0.0.1:{port}"
login_url="login.html"
api_prefix="api"
static_files_path="/usr/share/glewlwyd/webapp/"
log_mode="console"
log_level="WARNING"
cookie_domain="127.0.0.1"
cookie_secure=0
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
hash_algorithm="SHA512"
database = {{ type = "sqlite3" path = "{}" }};
"#,
        database.display()
    )
}

/// An operator's part: a scope of its own, the plugin, the key manager's client and one of somebody else.
async fn furnish(base: &str, directory: &Path) {
    let http = reqwest::Client::new();
    let login = json!({"username": "admin", "password": "password"});
    let session = http.post(format!("{base}/api/auth/")).json(&login).send().await.expect("a session");
    let cookies: Vec<&str> = session
        .headers()
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok()?.split(';').next())
        .collect();
    let cookies = cookies.join("; ");
    let post = async |path: &str, document: Value| {
        let request = http.post(format!("{base}/api/{path}")).header(COOKIE, &cookies).json(&document);
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        assert!(status.is_success(), "{path}: {status} {:?}", answer.text().await);
    };
    for name in ["operators", "introspect"] {
        let scope = json!({"name": name, "display_name": name, "password_required": false, "scheme": {}});
        post("scope/", scope).await;
    }
    post("mod/plugin/", plugin(base, directory)).await;
    for (id, secret, scopes) in
        [("gateway", "gateway-secret", &["operators", "introspect"][..]), ("shop", "shop-secret", &["operators"])]
    {
        let client = json!({
            "client_id": id, "client_secret": secret, "name": id, "confidential": true, "enabled": true,
            "scope": scopes, "authorization_type": ["client_credentials"], "redirect_uri": [],
            "token_endpoint_auth_method": ["client_secret_basic"],
        });
        post("client/", client).await;
    }
}

fn plugin(base: &str, directory: &Path) -> Value {
    let key = directory.join("key.pem");
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).output().expect("start openssl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("PEM")
    };
    let path = key.to_str().expect("a path in UTF-8");
    openssl(&["genrsa", "-out", path, "2048"]);
    let public = openssl(&["rsa", "-in", path, "-pubout"]);
    json!({"module": "oidc", "name": "oidc", "display_name": "OIDC", "order_rank": 0, "readonly": false,
        "enabled": true, "parameters": {
            "iss": format!("{base}/api/oidc"), "jwt-type": "rsa", "jwt-key-size": "256",
            "key": std::fs::read_to_string(key).expect("the key"), "cert": public, "jwks-show": true,
            "access-token-duration": 600, "refresh-token-duration": 86400, "code-duration": 60,
            "refresh-token-rolling": true, "refresh-token-one-use": "never", "allow-non-oidc": true,
            "auth-type-code-enabled": true, "auth-type-client-enabled": true, "auth-type-refresh-enabled": true,
            "subject-type": "public", "introspection-revocation-allowed": true,
            "introspection-revocation-allow-target-client": true,
            "introspection-revocation-auth-scope": ["introspect"], "pkce-allowed": true,
            "name-claim": "mandatory", "email-claim": "mandatory", "scope-claim": "mandatory",
    }})
}
