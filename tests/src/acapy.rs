//! A real ACA-Py process, and what stands around it: its admin API, a controller for webhooks, a relay on its wire.

mod agent;
mod controller;
mod process;
mod relay;

pub use agent::{Agent, Refused, did, text};
pub use controller::Controller;
pub use process::{AcaPy, Release};
pub use relay::Relay;
