//! Outbound connections to places that others name: endpoints, did:web hosts, short URLs.
//!
//! Whoever names such a place must not be able to make this process talk to its own network. [`AddressPolicy`] says
//! which addresses are public; [`client`] and [`connect`] apply it to the address that is connected to, so that a name
//! that resolves to another address the second time changes nothing.

mod body;
mod client;
mod policy;
mod resolve;
mod span;
mod tls;

pub use body::{BodyError, read_body};
pub use client::{ClientError, ClientSettings, cause, client};
pub use policy::{AddressPolicy, Refused, refusal};
pub use resolve::connect;
pub use span::RequestSpan;
pub use tls::tls_config;
