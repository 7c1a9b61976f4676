//! A warm token: what a request costs that is decided without asking anybody.

use anyhow::Result;
use serde_json::{Value, json};

use crate::envoy::{Envoy, Setup};
use crate::filters;
use crate::h2load::Protocol;
use crate::slices::{self, Cost, Plan, Variant};
use crate::stage::Stage;

/// The opaque token of 44 octets.
const TOKEN: &str = "hot-3q2fDk9vWn7Lr1Tz8XyBcE5mHs4PgJ6aKoUwQ0iR";

/// Name, filters and token of each variant.
struct Listener<'a>(&'static str, Vec<Value>, &'a str);

fn listeners<'a>(stage: &Stage, jwt: &'a str) -> Result<Vec<Listener<'a>>> {
    let standard = filters::gatehouse_configuration(&stage.keys.p256)?;
    let mut quiet = standard.clone();
    quiet["publish"] = json!([]);
    let hand_written = |name, publish: bool| {
        let configuration = json!({"publish": publish, "backend_jwt": "x".repeat(1106)});
        filters::wasm(name, "hand_written.wasm", &configuration)
    };
    let for_speed = filters::wasm("speed", "gatehouse_for_speed.wasm", &quiet);
    let key_set = stage.issuer.key_set();
    Ok(vec![
        Listener("router only", vec![], TOKEN),
        Listener("no-op Wasm", vec![filters::wasm("no-op", "no_op.wasm", &json!({}))], TOKEN),
        Listener("gatehouse, publish: []", vec![filters::gatehouse("quiet", &quiet)], TOKEN),
        Listener("gatehouse, publish: [], for speed", vec![for_speed], TOKEN),
        Listener("hand-written, same host calls", vec![hand_written("hand-quiet", false)], TOKEN),
        Listener("gatehouse, default", vec![filters::gatehouse("default", &standard)], TOKEN),
        Listener("hand-written, default's host calls", vec![hand_written("hand-default", true)], TOKEN),
        Listener("ext_authz (HTTP)", vec![filters::ext_authz()], TOKEN),
        Listener("router only, JWT", vec![], jwt),
        Listener("jwt_authn RS256", vec![filters::jwt_authn(&key_set, false)], jwt),
        Listener("jwt_authn RS256, cached", vec![filters::jwt_authn(&key_set, true)], jwt),
        Listener("gatehouse, publish: [], JWT", vec![filters::gatehouse("jwt", &quiet)], jwt),
    ])
}

/// How many Envoys the rounds are spread over: where code and data come to lie differs from start to start, and with it
/// what they cost.
const SITTINGS: usize = 6;

/// What the variants cost over HTTP/2 and over HTTP/1.1.
pub fn measure(stage: &Stage) -> Result<(Vec<Cost>, Vec<Cost>)> {
    let jwt = stage.issuer.issue()?;
    let mut listeners = listeners(stage, &jwt)?;
    let plan = Plan { rounds: stage.plan.rounds.div_ceil(SITTINGS), ..stage.plan };
    let (mut http2, mut http1) = (Vec::new(), Vec::new());
    for _ in 0..SITTINGS {
        let envoy = start(stage, &listeners)?;
        for (costs, protocol) in [(&mut http2, Protocol::Http2), (&mut http1, Protocol::Http1)] {
            slices::add_rounds(costs, slices::measure(&variants(&envoy, &listeners, protocol)?, plan)?);
        }
        listeners.reverse();
    }
    Ok((http2, http1))
}

fn start(stage: &Stage, listeners: &[Listener<'_>]) -> Result<Envoy> {
    let mut setup = Setup::new("warm", &stage.envoy)
        .cluster("idp", stage.identity_provider_address)
        .cluster("authorizer", stage.authorizer_address);
    for Listener(name, filters, _) in listeners {
        setup = setup.listener(name, filters.clone());
    }
    setup.start(&stage.runtime)
}

fn variants(envoy: &Envoy, listeners: &[Listener<'_>], protocol: Protocol) -> Result<Vec<Variant<'static>>> {
    let variant = |Listener(name, _, token): &Listener<'_>| {
        Ok(Variant::new(name, envoy.process(), envoy.target(name, Some(token), protocol)?))
    };
    listeners.iter().map(variant).collect()
}
