//! Logs, metrics and traces of the process. Only the binary calls this; services log through `tracing`, register their
//! metrics on the registry that they are given, and tell their parts of a trace by `entente_trace`.

pub mod log;
pub mod metrics;
pub mod process;
pub mod trace;
