//! Tokens that come once: what a request costs that waits for the identity provider.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::client::{self, Statuses};
use crate::envoy::Setup;
use crate::filters;
use crate::slices::{self, Cost, Load, Variant};
use crate::stage::Stage;

/// How long the identity provider takes.
const ANSWER_TIME: Duration = Duration::from_millis(1);

/// What the variants cost, each request with a token of its own.
pub fn measure(stage: &Stage) -> Result<Vec<Cost>> {
    stage.identity_provider.delay(ANSWER_TIME);
    let signing = filters::gatehouse_configuration(&stage.keys.p256)?;
    let mut plain = signing.clone();
    plain.as_object_mut().map(|configuration| configuration.remove("backendJwt"));
    let listeners: [(&str, Vec<Value>); 4] = [
        ("router only", vec![]),
        ("bare callout", vec![filters::wasm("callout", "callout.wasm", &json!({}))]),
        ("gatehouse without backend JWT", vec![filters::gatehouse("plain", &plain)]),
        ("gatehouse, default (signs ES256)", vec![filters::gatehouse("signing", &signing)]),
    ];
    let mut setup = Setup::new("cold", &stage.envoy).cluster("idp", stage.identity_provider_address);
    for (name, filters) in &listeners {
        setup = setup.listener(name, filters.clone());
    }
    let envoy = setup.start(&stage.runtime)?;
    let mut variants = Vec::new();
    for (name, _) in &listeners {
        let load = unique_tokens(stage, envoy.address(name)?);
        variants.push(Variant { name: (*name).to_owned(), process: envoy.process(), load });
    }
    let costs = slices::measure(&variants, stage.plan);
    stage.identity_provider.delay(Duration::ZERO);
    costs
}

fn unique_tokens(stage: &Stage, address: SocketAddr) -> Load<'_> {
    let used = Cell::new(0);
    Box::new(move |requests| {
        let first = used.replace(used.get() + requests);
        let tokens = (first..first + requests).map(|number| format!("cold-{number:039}"));
        let statuses = stage.runtime.block_on(client::call_with_each(address, 4, 32, tokens))?;
        ensure!(statuses == Statuses::from([(200, requests)]), "not all were answered with 200: {statuses:?}");
        Ok(())
    })
}
