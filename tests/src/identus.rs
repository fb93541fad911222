//! Agents built on the SDK of Identus and on didcomm-node, in one process of Node, and the REST API of the Cloud Agent
//! that Entente speaks too.

mod agent;
mod cloud_agent;
mod process;

pub use agent::{Agent, Failed, Reach};
pub use cloud_agent::CloudAgent;
pub use process::{Identus, post};
