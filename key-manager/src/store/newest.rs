//! The number of the newest revision as far as this process has heard, and who waits for another.

use std::sync::OnceLock;

use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The number of the newest revision.
#[derive(Debug)]
pub(super) struct Newest {
    number: watch::Sender<u64>,
    /// What hears of other processes' commits, once somebody waits.
    listening: OnceLock<Listening>,
}

/// A task that ends with the store.
#[derive(Debug)]
struct Listening(AbortHandle);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Default for Newest {
    fn default() -> Self {
        Self { number: watch::Sender::new(0), listening: OnceLock::new() }
    }
}

impl Newest {
    pub(super) fn get(&self) -> u64 {
        *self.number.borrow()
    }

    /// What tells the number.
    pub(super) fn teller(&self) -> Teller {
        Teller(self.number.clone())
    }

    /// Waits for another number. The first who waits starts what listens to other processes.
    pub(super) async fn other_than<L>(&self, seen: u64, listen: impl FnOnce(Teller) -> L)
    where
        L: Future<Output = ()> + Send + 'static,
    {
        self.listening.get_or_init(|| Listening(tokio::spawn(listen(self.teller())).abort_handle()));
        let mut number = self.number.subscribe();
        // The sender lives as long as the store.
        let _ = number.wait_for(|number| *number != seen).await;
    }
}

/// Tells whoever waits of the newest revision's number.
#[derive(Clone, Debug)]
pub(super) struct Teller(watch::Sender<u64>);

impl Teller {
    pub(super) fn tell(&self, newest: u64) {
        self.0.send_if_modified(|number| std::mem::replace(number, newest) != newest);
    }
}
