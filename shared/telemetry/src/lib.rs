//! Logging and metrics of the process. Only the binary calls this; services log through `tracing` and register their
//! metrics on the registry that they are given.

pub mod log;
pub mod metrics;
pub mod process;
