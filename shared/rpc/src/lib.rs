//! What every service needs to speak gRPC: the code generated from `proto/`, [`Link`]s from a client to a service in
//! this process or another, the caller's identity, errors with details, and server start-up.

mod access;
mod admission;
pub mod auth;
pub mod caller;
mod codec;
pub mod deadline;
mod edge;
pub mod failure;
mod health;
pub mod link;
mod listener;
mod method;
pub mod metrics;
pub mod proto;
mod refusal;
mod serve;
pub mod server;
mod span;
mod time;

pub use admission::Limits;

pub use caller::{Caller, DEFAULT_TENANT};
pub use failure::Failure;
pub use health::Health;
pub use link::Link;
pub use listener::Listener;
pub use method::Method;
pub use proto::r#type::v1::ErrorReason;
pub use server::{GrpcServer, MAX_MESSAGE};
pub use time::{
    duration_from_proto, from_proto as time_from_proto, now, stop_clock, to_proto as time_to_proto,
};
pub use tonic::service::RoutesBuilder;
pub use tonic::{Code, Request, Response, Status};
