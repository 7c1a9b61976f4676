//! Connectors at real identity providers, npm oidc-provider and Debian's Glewlwyd, and at one that means no good.

mod glewlwyd;
mod hostile;
mod oidc;
mod settings;
