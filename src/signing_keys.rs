//! The keys of backend JWTs, where they come from the key manager: each worker asks for itself, and keeps them to itself.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use key_validation::backend_jwt::ToldKeys;
use key_validation::{Gateway, UnixTime};
use log::{info, warn};

use crate::{host, signer};

const PATH: &str = "/internal/gateway/v1/signing-key";
const TIMEOUT: Duration = Duration::from_secs(5);
/// When to ask again that got no keys.
const PAUSE: Duration = Duration::from_secs(1);

/// A worker's questions for the keys.
pub(crate) struct SigningKeys {
    ask_at: Cell<UnixTime>,
    /// The host's token for the call that is under way.
    call: Cell<Option<u32>>,
    has_failed: Cell<bool>,
    /// The keys that are in use, with their times.
    in_use: RefCell<Vec<(String, UnixTime, UnixTime)>>,
}

impl SigningKeys {
    /// None where the keys do not come from the key manager.
    pub(crate) fn of(gateway: &Gateway) -> Option<Self> {
        let ask_at = Cell::new(UnixTime::from_millis(0));
        gateway.awaits_signing_keys().then(|| Self {
            ask_at,
            call: Cell::default(),
            has_failed: Cell::default(),
            in_use: RefCell::default(),
        })
    }

    /// Asks if it is time to.
    pub(crate) fn tick(&self, gateway: &Gateway) {
        let now = host::now();
        if self.call.get().is_some() || now < self.ask_at.get() {
            return;
        }
        let Some(settings) = gateway.key_manager() else { return };
        let request = settings.request("GET", PATH.to_owned(), String::new());
        self.ask_at.set(now.plus(PAUSE));
        match host::dispatch(&settings.cluster, &request.headers, &request.body, TIMEOUT) {
            Ok(token) => self.call.set(Some(token)),
            Err(error) => self.fail(&error.to_string()),
        }
    }

    /// Takes up the response to a call, if it is this one's.
    pub(crate) fn receive(&self, token: u32, status: Option<u16>, body: Option<&[u8]>, gateway: &Gateway) -> bool {
        if self.call.get() != Some(token) {
            return false;
        }
        self.call.take();
        let now = host::now();
        self.ask_at.set(now.plus(PAUSE));
        match (status, body.and_then(ToldKeys::parse)) {
            (Some(200), Some(told)) => match self.take_over(told, gateway) {
                Ok(refresh_after) => {
                    self.ask_at.set(now.plus(refresh_after));
                    if self.has_failed.take() {
                        info!("key manager: its signing keys have come");
                    }
                }
                Err(reason) => self.fail(&reason),
            },
            (Some(404), _) => self.fail("it has none yet"),
            (Some(status), _) => self.fail(&format!("it answers {status}, or what cannot be understood")),
            (None, _) => self.fail("it is unreachable or too slow"),
        }
        true
    }

    fn take_over(&self, told: ToldKeys, gateway: &Gateway) -> Result<Duration, String> {
        let refresh_after = told.refresh_after;
        let mut named = Vec::with_capacity(told.keys.len());
        for key in &told.keys {
            named.push((key.key_id.clone(), key.not_before, key.expires_at));
        }
        if *self.in_use.borrow() == named {
            return Ok(refresh_after);
        }
        let mut keys = Vec::with_capacity(told.keys.len());
        for key in told.keys {
            let nonce = host::random().ok_or("the host has no random source")?;
            let host_signer = signer::choose(&format!("signing key `{}`", key.key_id), &key.key)?;
            keys.push((key, host_signer, nonce));
        }
        gateway.replace_signing_keys(keys);
        self.in_use.replace(named);
        Ok(refresh_after)
    }

    /// Of a row of failures the first is a line in the log.
    fn fail(&self, reason: &str) {
        if !self.has_failed.replace(true) {
            warn!("key manager: no signing keys: {reason}");
        }
    }
}
