//! Times, in loops inside the VM, each host call of a warm request, and answers every request with what it found.

use std::time::Instant;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, MapType, MetricType};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Stopwatch));
}}

struct Stopwatch;

impl Context for Stopwatch {}

impl RootContext for Stopwatch {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stopwatch))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl HttpContext for Stopwatch {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let mut steps = self.host_calls();
        steps.push(step("SHA-256 of 44 octets", || {
            std::hint::black_box(Sha256::digest(std::hint::black_box([b'x'; 44])));
        }));
        self.send_http_response(200, vec![], Some(Value::from(steps).to_string().as_bytes()));
        Action::Pause
    }
}

impl Stopwatch {
    fn host_calls(&self) -> Vec<Value> {
        let jwt = "x".repeat(1106);
        let metric = hostcalls::define_metric(MetricType::Counter, "stopwatch").unwrap_or_default();
        let _ = self.set_shared_data("one", Some(&[b'x'; 180]), None);
        let _ = self.set_shared_data("four", Some(&[b'x'; 720]), None);
        vec![
            step("all request headers", || {
                let _ = hostcalls::get_map_bytes(MapType::HttpRequestHeaders);
            }),
            step("the time", || {
                let _ = self.get_current_time();
            }),
            step("shared data, 180 octets", || {
                let _ = self.get_shared_data("one");
            }),
            step("shared data, 720 octets", || {
                let _ = self.get_shared_data("four");
            }),
            step("shared data, nothing there", || {
                let _ = self.get_shared_data("none");
            }),
            step("increment a counter", || {
                let _ = hostcalls::increment_metric(metric, 1);
            }),
            step("set and remove a header of 1106 octets", || {
                self.set_http_request_header("x-jwt-assertion", Some(&jwt));
                self.set_http_request_header("x-jwt-assertion", None);
            }),
            step("publish a field in filter state", || {
                self.set_property(vec!["gatehouse.client_id"], Some(b"shop-client"));
            }),
        ]
    }
}

/// The fastest of several loops, which leaves out what other processes take.
fn step(name: &str, mut run: impl FnMut()) -> Value {
    const LOOPS: usize = 30;
    const TIMES: u32 = 500;
    let fastest = (0..LOOPS)
        .map(|_| {
            let start = Instant::now();
            (0..TIMES).for_each(|_| run());
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    json!({"name": name, "nanoseconds": fastest * 1e9 / f64::from(TIMES)})
}
