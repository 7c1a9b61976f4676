//! The registry that is measured: how much there is, what each thing is called, and who is subscribed to what. The filter's
//! benchmark calls its APIs by these names.

use serde::{Deserialize, Serialize};

/// The one identity provider, which issues tokens to every client.
pub const IDENTITY_PROVIDER: &str = "corporate";

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// APIs of 8 operations.
    pub apis: usize,
    /// Applications with a key each.
    pub applications: usize,
    /// Subscriptions, as many for each application.
    pub subscriptions: usize,
}

impl Size {
    /// So many APIs, with 20 applications and 100 subscriptions for each.
    pub const fn of(apis: usize) -> Self {
        Self { apis, applications: apis * 20, subscriptions: apis * 100 }
    }

    /// The number of the API that a subscription is to.
    pub const fn api_of(self, subscription: usize) -> usize {
        (subscription / self.applications + subscription * 7) % self.apis
    }

    /// The number of the application that a subscription is of: the first subscription of each has the application's own.
    pub const fn application_of(self, subscription: usize) -> usize {
        subscription % self.applications
    }
}

/// An API's id.
pub fn api_id(api: usize) -> String {
    format!("a-{api:08}")
}

/// Where an API is served.
pub fn context(api: usize) -> String {
    format!("/api{api}")
}

/// Where one of an API's operations is.
pub fn target(operation: usize) -> String {
    format!("/thing/{operation}")
}

/// An application's id.
pub fn application_id(application: usize) -> String {
    format!("6f0c2a8e-0000-7000-8000-{application:012}")
}

/// The client of an application at the identity provider.
pub fn client_id(application: usize) -> String {
    format!("client-{application}")
}

/// A subscription's id.
pub fn subscription_id(subscription: usize) -> String {
    format!("5f0c2a8e-0000-7000-8000-{subscription:012}")
}
