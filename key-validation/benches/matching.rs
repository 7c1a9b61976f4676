//! Finding the operation of a request among very many: `cargo bench --package key-validation`.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot start may panic")]

use std::collections::HashMap;
use std::hint::black_box;

use divan::Bencher;
use key_validation::backend_jwt::JwtMinter;
use key_validation::cache::{NotSet, SharedData, SharedValue};
use key_validation::handler::StandardHandler;
use key_validation::registry::{Host, OperationMatch};
use key_validation::target::Target;
use key_validation::{Configuration, Event, Gateway, Ports, RequestHead, Telemetry, UnixTime};
use serde_json::{Value, json};

fn main() {
    divan::main();
}

/// A registry of this many APIs, each with this many public operations.
fn configuration(apis: usize, operations: usize) -> Configuration {
    let operation = |number: usize| match number % 5 {
        0 => json!({"verb": "GET", "target": format!("/things/{number}"), "authType": "None"}),
        1 => json!({"verb": "GET", "target": format!("/things/{number}/{{id}}"), "authType": "None"}),
        2 => json!({"verb": "POST", "target": format!("/{{kind}}/{number}"), "authType": "None"}),
        3 => json!({"verb": "GET", "target": format!("/{{kind}}/{{id}}/{number}"), "authType": "None"}),
        _ => json!({"verb": "GET", "target": format!("/files/{number}/*"), "authType": "None"}),
    };
    let operations: Vec<Value> = (0..operations).map(operation).collect();
    let api = |number: usize| json!({"name": format!("api-{number}"), "version": "1.0.0", "context": format!("/area/api-{number}"), "operations": operations});
    let introspection =
        json!({"cluster": "idp", "authority": "idp", "path": "/i", "clientAuthentication": {"method": "none"}});
    let configuration = json!({
        "identityProviders": [{"name": "idp", "introspection": introspection}],
        "registry": {"apis": (0..apis).map(api).collect::<Vec<_>>()},
    });
    Configuration::parse(configuration.to_string().as_bytes(), &|_| None).unwrap()
}

struct Nothing;

impl SharedData for Nothing {
    fn get(&self, _: &str) -> Option<SharedValue> {
        None
    }

    fn set(&self, _: &str, _: &[u8], _: Option<u32>) -> Result<(), NotSet> {
        Ok(())
    }
}

impl Telemetry for Nothing {
    fn record(&self, _: Event<'_>) {}
}

/// Look-ups in a sample: as many for all that is compared, so that processor caches are equally warm.
const SAMPLE: u32 = 50;
const SIZES: [(usize, usize); 4] = [(1, 50), (1, 500), (1_000, 50), (10_000, 50)];

/// Paths of operations in a thousand places, so that processor caches are cold where there are many APIs.
fn paths(apis: usize, operations: usize) -> Vec<String> {
    let path = |number: usize| {
        let (api, operation) = (number * 7_919 % apis, number % (operations / 5) * 5);
        format!("/area/api-{api}/1.0.0/some/thing/{}", operation + 3)
    };
    (0..1_000).map(path).collect()
}

/// The API and its operation, of targets that have been read: what BEHAVIOUR.md section 1 has in rows 3 and 6.
#[divan::bench(args = SIZES, sample_size = SAMPLE, sample_count = 500)]
fn look_up(bencher: Bencher<'_, '_>, (apis, operations): (usize, usize)) {
    let registry = configuration(apis, operations).registry.expect("a registry");
    let (host, paths) = (Host::parse(b"gateway").unwrap(), paths(apis, operations));
    let targets: Vec<Target<'_>> = paths.iter().map(|path| Target::parse(path.as_bytes()).unwrap()).collect();
    let find = |target: &Target<'_>| {
        let found = registry.find_api(&host, target)?;
        let operation = found.api.find_operation("GET", target.segments().get(found.base_segments..)?);
        matches!(operation, OperationMatch::Found(..)).then_some(())
    };
    assert!(targets.iter().all(|target| find(target).is_some()), "every target has its operation");
    let mut targets = targets.iter().cycle();
    bencher.bench_local(|| find(black_box(targets.next().unwrap())));
}

/// The same texts looked for whole among as many in a hash map, which knows nothing of segments, templates and verbs.
#[divan::bench(args = SIZES, sample_size = SAMPLE, sample_count = 500)]
fn hash_map(bencher: Bencher<'_, '_>, (apis, operations): (usize, usize)) {
    let path = |api: usize, operation: usize| format!("/area/api-{api}/1.0.0/some/thing/{operation}");
    let all = (0..apis).flat_map(|api| (0..operations).map(move |operation| (path(api, operation), operation)));
    let (all, paths): (HashMap<String, usize>, _) = (all.collect(), paths(apis, operations));
    assert!(paths.iter().all(|path| all.contains_key(path)), "every text is there");
    let mut paths = paths.iter().cycle();
    bencher.bench_local(|| all.get(black_box(paths.next().unwrap())).copied());
}

/// Everything that a request to a public operation costs beside the host: head, host, target, API and operation.
#[divan::bench(args = SIZES)]
fn public_operation(bencher: Bencher<'_, '_>, (apis, operations): (usize, usize)) {
    let minter = |settings| JwtMinter::new(settings, None, [0; 16]);
    let gateway = Gateway::new(configuration(apis, operations), Box::new(StandardHandler), minter);
    let paths = paths(apis, operations);
    let mut paths = paths.iter().cycle();
    bencher.bench_local(|| {
        let path = paths.next().unwrap();
        let head =
            RequestHead::new(vec![(b":method", b"GET"), (b":path", path.as_bytes()), (b":authority", b"gateway")]);
        black_box(gateway.begin(&head, UnixTime::from_seconds(1), Ports { shared: &Nothing, telemetry: &Nothing }))
    });
}

/// A target in canonical form: an ordinary one, one with encodings, and the longest that anybody sends.
#[divan::bench(args = ["/pizzashack/1.0.0/order/17", "/pizzashack/1.0.0/%6frder/17", "8 KiB", "10000 segments"])]
fn target(bencher: Bencher<'_, '_>, path: &str) {
    let path = match path {
        "8 KiB" => format!("/{}", "a".repeat(8192)),
        "10000 segments" => "/a".repeat(10_000),
        path => path.to_owned(),
    };
    bencher.bench_local(|| Target::parse(black_box(path.as_bytes())).map(|target| target.ambiguities()));
}
