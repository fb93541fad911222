//! The door of the suite: inbound DIDComm over HTTP and WebSocket, the admin dialects, webhooks.
//!
//! Nothing is decided here. A message from a peer is measured, opened by the keystore and handed to the connection
//! service; a call of the admin API is translated to gRPC and its answer back; an event becomes a webhook.
//!
//! | module | what |
//! |---|---|
//! | `listener` | HTTP/1.1 on a socket, with time-outs and a bound on connections |
//! | `observe` | the trace, the metrics and the log of each HTTP request |
//! | `didcomm` | what peers reach: envelopes by POST and WebSocket, the page of an invitation |
//! | `admin` | what the owner reaches: authentication, the dialects, metrics |
//! | `acapy` | the dialect of ACA-Py's admin API |
//! | `graphql` | the dialect of the Sudo Platform Cloud Agent's GraphQL API |
//! | `identus` | the dialect of the Identus Cloud Agent's connections API |
//! | `webhook` | events to the owner's URLs, each at least once |

mod acapy;
mod admin;
mod caller;
mod clients;
mod config;
mod didcomm;
mod gateway;
mod graphql;
mod identus;
mod listener;
mod metrics;
mod observe;
mod webhook;

pub use clients::Links;
pub use config::{Config, DidcommLimits};
pub use gateway::{Gateway, StartError, start};
pub use graphql::graphql_schema;
pub use listener::{HttpListener, ServeError};
pub use webhook::{TargetError, WebhookSettings};
