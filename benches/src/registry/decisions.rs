//! What a decision costs by a small registry and by a large one, in one Envoy.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::json;

use super::Decided;
use super::gateway::{call, configuration, until};
use crate::client::{self, Call, Connection, Statuses};
use crate::envoy::{Envoy, Setup};
use crate::filters;
use crate::h2load::Protocol;
use crate::key_manager::KeyManager;
use crate::key_manager::registry::Size;
use crate::slices::{self, Load, Variant};
use crate::stage::Stage;

/// Tokens of a load; a worker keeps the backend JWTs of two such loads.
const TOKENS: usize = 900;
/// Clients and APIs of the load that is the same by each registry.
const FEW: (usize, usize) = (140, 10);
/// The first application that nobody has blocked.
const FIRST: usize = 60;

pub(super) fn measure(stage: &Stage, small: &KeyManager, large: &KeyManager) -> Result<Decided> {
    let registries = [("small", small), ("large", large)];
    let mut setup = Setup::new("decisions", &stage.envoy)
        .cluster("idp", stage.identity_provider_address)
        .listener("router", vec![]);
    for (name, key_manager) in registries {
        let mut configuration = configuration(stage, key_manager, name, 1)?;
        // By default a few of so many tokens have no room beside others in their bucket of the cache, in one registry's cache more
        // of them than in the other's: what is measured would be the questions about them.
        configuration["cache"] = json!({"introspection": {"sharedEntries": 131_072}});
        setup = setup
            .cluster(name, key_manager.serving().address)
            .listener(name, vec![filters::gatehouse(name, &configuration)]);
    }
    let envoy = setup.start(&stage.runtime)?;
    for (name, key_manager) in registries {
        let connection = stage.runtime.block_on(Connection::open(envoy.address(name)?))?;
        let let_through = until(connection, call(key_manager.serving().size, FIRST), 200, Instant::now());
        stage.runtime.block_on(let_through)?;
    }
    let mut variants = Vec::new();
    for (listener, name, size) in [
        ("router", "router only".to_owned(), small.serving().size),
        ("small", format!("{} APIs", small.serving().size.apis), small.serving().size),
        ("large", format!("{} APIs", large.serving().size.apis), large.serving().size),
    ] {
        variants.push(one_token(&envoy, listener, &name, size)?);
        for (load, application) in [("few clients", of_few as fn(Size, usize) -> usize), ("many clients", of_many)] {
            // Of its own: what two loads had in common would be kept by the processor from one slice to the other.
            let tokens = variants.len() * TOKENS;
            let load_of = each_in_turn(stage, envoy.address(listener)?, size, application, tokens);
            variants.push(Variant { name: format!("{name}, {load}"), process: envoy.process(), load: load_of });
        }
    }
    let costs = slices::measure(&variants, stage.plan)?;
    let serving = large.serving();
    let small = small.serving().size;
    Ok(Decided { database: serving.database.clone(), size: serving.size, small, costs })
}

fn one_token<'a>(envoy: &Envoy, listener: &str, name: &str, size: Size) -> Result<Variant<'a>> {
    let Call { path, token } = call(size, FIRST);
    let target = envoy.target_at(listener, &path, Some(&token), Protocol::Http2)?;
    Ok(Variant::new(&format!("{name}, one token"), envoy.process(), target))
}

/// The application of a token, one of a few, which are subscribed to a few APIs whatever others there are.
fn of_few(size: Size, token: usize) -> usize {
    let (clients, apis) = FEW;
    let client = token % clients;
    FIRST + client % apis + size.apis * (client / apis)
}

/// The application of a token, another one for each, which calls another API, where there are so many.
fn of_many(size: Size, token: usize) -> usize {
    FIRST + token % (size.applications - FIRST)
}

/// Requests with one token after the other, counted from the first, by the client of its application.
fn each_in_turn(
    stage: &Stage,
    address: SocketAddr,
    size: Size,
    application: fn(Size, usize) -> usize,
    first_token: usize,
) -> Load<'_> {
    let made = Cell::new(0);
    Box::new(move |requests| {
        let first = made.replace(made.get() + requests);
        let calls = (first..first + requests).map(move |number| {
            let token = number % TOKENS;
            let application = application(size, token);
            let Call { path, .. } = call(size, application);
            Call { path, token: format!("client-{application}-{:026}", first_token + token) }
        });
        let statuses = stage.runtime.block_on(client::call_with_each(address, 4, 32, calls))?;
        ensure!(statuses == Statuses::from([(200, requests)]), "not all were answered with 200: {statuses:?}");
        Ok(())
    })
}
