//! Backend JWTs: what a request costs that has a new one signed.

use anyhow::Result;
use serde_json::{Value, json};

use crate::envoy::Setup;
use crate::filters;
use crate::h2load::Protocol;
use crate::slices::{self, Cost, Variant};
use crate::stage::Stage;

const TOKEN: &str = "active-mint";

/// What a warm token costs that has its backend JWT at hand, and with one signed for each request.
pub fn measure(stage: &Stage) -> Result<Vec<Cost>> {
    let variant = |name: &'static str, key: &str, signs: bool, host: bool| -> Result<(&'static str, Value)> {
        let mut configuration = filters::gatehouse_configuration(key)?;
        if signs {
            // Nothing that is signed can be kept.
            configuration["cache"] = json!({"backendJwt": {"workerBytes": 0}});
        }
        let filter = filters::gatehouse(name, &configuration);
        Ok((name, if host { filter } else { filters::without_foreign_functions(filter) }))
    };
    let keys = &stage.keys;
    let listeners = [
        variant("kept (ES256)", &keys.p256, false, true)?,
        variant("EdDSA, in Rust", &keys.ed25519, true, true)?,
        variant("ES256, by the host", &keys.p256, true, true)?,
        variant("ES256, in Rust", &keys.p256, true, false)?,
        variant("RS256, by the host", &keys.rsa2048, true, true)?,
    ];
    let mut setup = Setup::new("mint", &stage.envoy).cluster("idp", stage.identity_provider_address);
    for (name, filter) in &listeners {
        setup = setup.listener(name, vec![filter.clone()]);
    }
    let envoy = setup.start(&stage.runtime)?;
    let mut variants = Vec::new();
    for (name, _) in &listeners {
        variants.push(Variant::new(name, envoy.process(), envoy.target(name, Some(TOKEN), Protocol::Http2)?));
    }
    slices::measure(&variants, stage.plan)
}
