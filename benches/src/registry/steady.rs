//! A few requests a second with a warm token, and how long each takes.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::AbortHandle;

use super::gateway::{Gateway, UNCHANGED};
use crate::client::{Call, Connection};
use crate::key_manager::figures::Spread;

/// Between two requests to a worker.
const PAUSE: Duration = Duration::from_millis(10);

pub(super) struct Steady {
    millis: Arc<Mutex<Vec<f64>>>,
    tasks: Vec<AbortHandle>,
}

impl Steady {
    /// Requests to each worker, which has let one through before.
    pub(super) fn start(gateway: &Gateway<'_>) -> Result<Self> {
        let millis = Arc::<Mutex<Vec<f64>>>::default();
        let Call { path, token } = gateway.call(UNCHANGED);
        for connection in gateway.connections() {
            let status = gateway.stage.runtime.block_on(connection.clone().call_at(&path, &token))?;
            ensure!(status == 200, "{path} is answered with {status}");
        }
        let call = |connection: &Connection| {
            let calling = call(connection.clone(), gateway.call(UNCHANGED), Arc::clone(&millis));
            gateway.stage.runtime.spawn(calling).abort_handle()
        };
        let tasks = gateway.connections().iter().map(call).collect();
        Ok(Self { millis, tasks })
    }

    pub(super) fn stop(self) -> Spread {
        self.tasks.iter().for_each(AbortHandle::abort);
        Spread::of(self.millis.lock().expect("no panic while it is held").clone())
    }
}

async fn call(mut worker: Connection, Call { path, token }: Call, millis: Arc<Mutex<Vec<f64>>>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let begun = Instant::now();
        // A connection that is lost is noticed by whoever watches Envoy.
        if worker.call_at(&path, &token).await.is_ok_and(|status| status == 200) {
            let elapsed = begun.elapsed().as_secs_f64() * 1e3;
            millis.lock().expect("no panic while it is held").push(elapsed);
        }
    }
}
