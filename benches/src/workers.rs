//! One worker and two: whether the one lock around all shared data can be felt.

use anyhow::Result;
use serde_json::Value;

use crate::envoy::{Envoy, Setup};
use crate::filters;
use crate::h2load::Protocol;
use crate::slices::{self, Cost, Variant};
use crate::stage::Stage;

const TOKEN: &str = "hot-workers";

/// Router and gatehouse at 1 worker, then at 2. The second worker shares its core with the load.
pub fn measure(stage: &Stage) -> Result<Vec<Cost>> {
    let configuration = filters::gatehouse_configuration(&stage.keys.p256)?;
    let listeners: [(&str, Vec<Value>); 2] =
        [("router only", vec![]), ("gatehouse, default", vec![filters::gatehouse("gatehouse", &configuration)])];
    let start = |workers: usize, cores| -> Result<Envoy> {
        let mut setup = Setup::new(&format!("workers-{workers}"), &stage.envoy)
            .cluster("idp", stage.identity_provider_address)
            .workers(workers, cores);
        for (name, filters) in &listeners {
            setup = setup.listener(name, filters.clone());
        }
        setup.start(&stage.runtime)
    };
    let envoys = [(1, start(1, "0")?), (2, start(2, "0,1")?)];
    let mut variants = Vec::new();
    for (workers, envoy) in &envoys {
        for (listener, _) in &listeners {
            let target = envoy.target(listener, Some(TOKEN), Protocol::Http2)?;
            variants.push(Variant::new(&format!("{listener}, workers: {workers}"), envoy.process(), target));
        }
    }
    slices::measure(&variants, stage.plan)
}
