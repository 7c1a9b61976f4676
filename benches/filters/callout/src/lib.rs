//! Makes the introspection call and lets the request go on, whatever comes back: what the host takes for any filter
//! that asks somebody.

use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Callout));
}}

struct Callout;

impl Context for Callout {
    fn on_http_call_response(&mut self, _: u32, _: usize, _: usize, _: usize) {
        self.resume_http_request();
    }
}

impl HttpContext for Callout {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let authorization = self.get_http_request_header_bytes("authorization").unwrap_or_default();
        let token = std::str::from_utf8(&authorization).ok().and_then(|value| value.strip_prefix("Bearer "));
        let body = format!("token={}&token_type_hint=access_token", token.unwrap_or_default());
        let headers = vec![
            (":method", "POST"),
            (":path", "/introspect"),
            (":authority", "idp.example.com"),
            ("accept", "application/json"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("authorization", "Basic Z2F0ZXdheTpzZWNyZXQ="),
        ];
        match self.dispatch_http_call("idp", headers, Some(body.as_bytes()), vec![], Duration::from_secs(2)) {
            Ok(_) => Action::Pause,
            Err(_) => Action::Continue,
        }
    }
}

impl RootContext for Callout {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Callout))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
