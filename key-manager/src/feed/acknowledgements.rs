//! What gateways say that they have applied: after a change all of them say so at once, and one transaction writes it down.

use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::domain::Gateway;
use crate::failure::Failure;
use crate::service::Service;
use crate::store::StoreError;

/// Those that wait to be written.
#[derive(Default)]
pub struct Acknowledgements {
    waiting: Mutex<Vec<Waiting>>,
    /// Whoever has it writes all that wait.
    turn: tokio::sync::Mutex<()>,
}

struct Waiting {
    gateway: Gateway,
    written: oneshot::Sender<Result<(), Failure>>,
}

impl Acknowledgements {
    /// Writes down what a gateway said, with what others say meanwhile.
    pub(super) async fn write(&self, service: &Service, gateway: Gateway) -> Result<(), Failure> {
        let (sender, written) = oneshot::channel();
        self.lock().push(Waiting { gateway, written: sender });
        let turn = self.turn.lock().await;
        let all = std::mem::take(&mut *self.lock());
        let outcome = if all.is_empty() { Ok(()) } else { put(service, &all).await.map_err(Failure::from) };
        drop(turn);
        for one in all {
            // Who has gone away does not wait.
            let _ = one.written.send(outcome.clone());
        }
        // Whoever wrote it may have gone away in the middle: the next acknowledgement says it again.
        let gone = || Failure::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, "it was not written down");
        written.await.unwrap_or_else(|_| Err(gone()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        // Nothing panics while it holds the lock.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn put(service: &Service, all: &[Waiting]) -> Result<(), StoreError> {
    let mut write = service.write("gateways", "feed").await?;
    let known = write.list_gateways().await?;
    for Waiting { gateway, .. } in all {
        let before = known.iter().find(|known| known.name == gateway.name);
        let created_at = before.map_or(gateway.created_at, |known| known.created_at);
        write.put_gateway(&Gateway { created_at, ..gateway.clone() }).await?;
    }
    write.commit().await
}
