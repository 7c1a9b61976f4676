//! The context of one configuration in one worker.

use std::rc::Rc;

use key_validation::backend_jwt::JwtMinter;
use key_validation::lease::LeaseHolder;
use key_validation::registry::Registry;
use key_validation::{Configuration, Gateway, KeyValidationHandler};
use log::{error, warn};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::http::Http;
use crate::worker::Worker;
use crate::{host, signer, sync, verifier};

/// Reads the configuration, then makes the calls that requests wait for.
pub(crate) struct Root {
    context_id: u32,
    handler: fn() -> Box<dyn KeyValidationHandler>,
    worker: Option<Rc<Worker>>,
}

impl Root {
    pub(crate) fn new(context_id: u32, handler: fn() -> Box<dyn KeyValidationHandler>) -> Self {
        Self { context_id, handler, worker: None }
    }

    fn configure(&self, json: &[u8]) -> Result<Worker, String> {
        let environment = |name: &str| std::env::var(name).ok();
        let mut configuration = Configuration::parse(json, &environment).map_err(|error| error.to_string())?;
        for warning in configuration.registry.as_ref().map(Registry::warnings).unwrap_or_default() {
            warn!("{warning}");
        }
        let settings = configuration.backend_jwt.as_ref();
        let signing_key = settings.and_then(|settings| settings.signing_key.as_ref());
        let signer = signing_key.map(|(key, _)| signer::choose("backendJwt.signingKey", key));
        let signer = signer.transpose()?.flatten();
        let random = || host::random::<16>().ok_or("the host has no random source");
        for (path, signer) in configuration.client_signers() {
            let host_signer = signer::choose(&path, signer.key())?;
            signer.equip(host_signer, random()?);
        }
        for (path, verifier) in configuration.response_verifiers() {
            if verifier.needs_host() {
                verifier.equip(verifier::choose(&path)?);
            }
        }
        let nonce = random()?;
        // The queue is this worker's and this configuration's alone.
        let queue = host::register_queue(&format!("gatehouse/calls/{:032x}", u128::from_le_bytes(random()?)));
        let queue = queue.map_err(|error| format!("no queue can be registered: {error}"))?;
        let minter = |settings| JwtMinter::new(settings, signer, nonce);
        let gateway = sync::begin(Gateway::new(configuration, (self.handler)(), minter));
        Ok(Worker::new(gateway, queue, self.context_id, LeaseHolder(random()?)))
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        if let Some(worker) = &self.worker {
            worker.end();
        }
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body_size: usize, _: usize) {
        if let Some(worker) = &self.worker {
            worker.receive(token, headers > 0, body_size);
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let json = self.get_plugin_configuration().unwrap_or_default();
        match self.configure(&json) {
            Ok(worker) => {
                worker.start();
                self.worker = Some(Rc::new(worker));
                true
            }
            Err(error) => {
                error!("configuration refused: {error}");
                false
            }
        }
    }

    fn on_tick(&mut self) {
        if let Some(worker) = &self.worker {
            worker.look_again();
        }
    }

    fn on_queue_ready(&mut self, _: u32) {
        if let Some(worker) = &self.worker {
            worker.wake();
        }
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Http::new(context_id, self.worker.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
