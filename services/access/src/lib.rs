//! Who may do what, and for whom: tenants, their API keys, the rights of callers, and the audit.
//!
//! The table of rights itself is in [`entente_rpc::auth`], where every process looks into it. Here is what it takes
//! besides: who has a key, how a tenant stands, and what was done.
//!
//! | module | what |
//! |---|---|
//! | `grpc` | the RPCs |
//! | `tenants`, `api_keys`, `entities`, `audit` | what they do |
//! | `deletion` | destroying a tenant with all that is its |
//! | `last_use` | when keys were used |
//! | `store` | the tables |

mod api_keys;
mod audit;
mod deletion;
mod entities;
mod grpc;
mod last_use;
mod service;
mod store;
mod tenants;

pub use service::{Config, Links, Service, StartError, start};
pub use store::{MIGRATIONS, begin_new_epoch};
