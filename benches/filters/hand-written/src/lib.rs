//! What one would write by hand with the SDK for one API, one scope and one identity provider: on a warm token it makes
//! the same host calls as Gatehouse, and computes next to nothing. The backend JWT is a constant of the usual size.

use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, MetricType};
use serde::Deserialize;
use sha2::{Digest, Sha256};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root { settings: Rc::default() }));
}}

const PATH: &[u8] = b"/pizzashack/1.0.0/menu";
const SCOPE: &str = "read_menu";
const APPLICATION: &str = "6f0c2a8e";
const LIFETIME: u64 = 300;

/// The plugin's configuration.
#[derive(Default, Deserialize)]
struct Settings {
    /// Whether to publish decision, application and client in filter state.
    publish: bool,
    backend_jwt: String,
    #[serde(skip)]
    hits: u32,
    #[serde(skip)]
    allowed: u32,
}

/// What the identity provider answers.
#[derive(Deserialize)]
struct Answer {
    active: bool,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    scope: String,
}

struct Root {
    settings: Rc<Settings>,
}

struct Request {
    settings: Rc<Settings>,
    key: String,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let json = self.get_plugin_configuration().unwrap_or_default();
        let Ok(mut settings) = serde_json::from_slice::<Settings>(&json) else { return false };
        let counter = |name| hostcalls::define_metric(MetricType::Counter, name).unwrap_or_default();
        settings.hits = counter("hand_written_hits");
        settings.allowed = counter("hand_written_allowed");
        self.settings = Rc::new(settings);
        true
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request { settings: Rc::clone(&self.settings), key: String::new() }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let headers = self.get_http_request_headers_bytes();
        let header = |name: &str| headers.iter().find(|header| header.0 == name).map(|header| header.1.as_slice());
        if header(":method") != Some(b"GET") || header(":path") != Some(PATH) {
            return self.deny(404);
        }
        let Some(token) = header("authorization").and_then(|value| value.strip_prefix(b"Bearer ")) else {
            return self.deny(401);
        };
        self.key = Sha256::digest(token).iter().map(|octet| char::from(b'a' + octet % 16)).collect();
        match self.get_shared_data(&self.key) {
            (Some(record), _) => self.decide(&record).unwrap_or_else(|| self.introspect(token)),
            (None, _) => self.introspect(token),
        }
    }
}

impl Request {
    /// Decides by a record: when it expires, its client, a NUL, its scopes; `None` when it is of no use.
    fn decide(&self, record: &[u8]) -> Option<Action> {
        let (expires_at, rest) = record.split_first_chunk()?;
        if u64::from_le_bytes(*expires_at) <= self.now() {
            return None;
        }
        let (client_id, scopes) = std::str::from_utf8(rest).ok()?.split_once('\0')?;
        let _ = hostcalls::increment_metric(self.settings.hits, 1);
        if !scopes.split(' ').any(|scope| scope == SCOPE) {
            return Some(self.deny(403));
        }
        self.allow(client_id);
        Some(Action::Continue)
    }

    fn allow(&self, client_id: &str) {
        self.set_http_request_header("authorization", None);
        self.set_http_request_header("x-jwt-assertion", Some(&self.settings.backend_jwt));
        if self.settings.publish {
            self.set_property(vec!["hand_written.decision"], Some(b"allow"));
            self.set_property(vec!["hand_written.application"], Some(APPLICATION.as_bytes()));
            self.set_property(vec!["hand_written.client_id"], Some(client_id.as_bytes()));
        }
        let _ = hostcalls::increment_metric(self.settings.allowed, 1);
    }

    fn deny(&self, status: u32) -> Action {
        self.send_http_response(status, vec![], None);
        Action::Pause
    }

    fn introspect(&self, token: &[u8]) -> Action {
        let body = [b"token=", token, b"&token_type_hint=access_token"].concat();
        let headers = vec![
            (":method", "POST"),
            (":path", "/introspect"),
            (":authority", "idp.example.com"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("authorization", "Basic Z2F0ZXdheTpzZWNyZXQ="),
        ];
        match self.dispatch_http_call("idp", headers, Some(&body), vec![], Duration::from_secs(2)) {
            Ok(_) => Action::Pause,
            Err(_) => self.deny(503),
        }
    }

    fn now(&self) -> u64 {
        let now: SystemTime = self.get_current_time();
        now.duration_since(UNIX_EPOCH).map_or(u64::MAX, |now| now.as_secs())
    }
}

impl Context for Request {
    fn on_http_call_response(&mut self, _: u32, _: usize, body_size: usize, _: usize) {
        let body = self.get_http_call_response_body(0, body_size).unwrap_or_default();
        let Some(answer) = serde_json::from_slice::<Answer>(&body).ok().filter(|answer| answer.active) else {
            self.deny(401);
            return;
        };
        let expires_at = self.now() + LIFETIME;
        let record = [&expires_at.to_le_bytes(), answer.client_id.as_bytes(), b"\0", answer.scope.as_bytes()].concat();
        let _ = self.set_shared_data(&self.key, Some(&record), None);
        if self.decide(&record) == Some(Action::Continue) {
            self.resume_http_request();
        }
    }
}
