//! Who calls, and what it may do.
//!
//! | module | what |
//! |---|---|
//! | `credential` | what a call carries |
//! | `peer`, `forwarded` | who is at the other end of a connection, and for whom a proxy there calls |
//! | `token` | who has a token of an issuer |
//! | `callers` | who has it: the configuration's, and those whose API keys the access service has |
//! | `roles`, `principal` | what they may do |
//! | `guesses` | how many wrong keys may come from an address |
//! | `rates` | how much each of many may do over time |
//! | `tenants`, `standings`, `bucket` | whether their tenant may work, and how much |
//! | `edge`, `behalf` | the two places where all of that is asked: where a call comes in, and where it is made for somebody |
//! | `journal`, `refusals` | what the audit is told of it |

mod behalf;
mod bucket;
mod callers;
mod credential;
mod edge;
mod forwarded;
mod guesses;
mod journal;
mod peer;
mod principal;
mod rates;
mod refusals;
mod roles;
mod standings;
mod tenants;
mod token;

pub use behalf::Behalf;
pub use callers::{Callers, Credential, Known, StaticCaller};
pub use credential::{
    API_KEY_HEADER, Digest, MadeKey, bearer_in, digest, is_chosen_key, key_id, key_in, service_key,
};
pub(crate) use edge::Authenticate;
pub use entente_jwt::{IssuerSettings, Issuers};
pub use peer::{FORWARDED_HEADER, Network, Peer, Proxies};
pub use principal::{ADMIN, Permit, Principal};
pub use rates::{Rates, network};
pub(crate) use refusals::register;
pub use roles::Roles;
pub use tenants::{Standing, Tenants};
