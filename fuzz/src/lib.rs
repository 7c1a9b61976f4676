//! What the fuzz targets share: a gateway, the proxy's part around it, and a second opinion about paths.
#![forbid(unsafe_code)]

mod gateway;
pub mod path;
mod shared_data;

pub use gateway::{NOW, Unmatched, begin, exchange, gateway, ports, request};
pub use shared_data::SharedValues;
