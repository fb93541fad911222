//! Invitations, and the URLs they travel in: out-of-band 1.x of DIDComm v1 (RFC 0434), out-of-band 2.0 of
//! DIDComm v2, and those of connections/1.0 (RFC 0160). One [`Invitation`] holds any of them.

mod error;
mod format;
mod handshake_protocol;
mod input;
mod invitation;
mod profile;
mod service;
mod short;
mod url;

pub use error::{InvitationError, ServiceError, ServiceProblem};
pub use format::InvitationFormat;
pub use handshake_protocol::HandshakeProtocol;
pub use input::{Decoded, InputError, MAX_CONNECTIONS_BYTES, parse_input};
pub use invitation::Invitation;
pub use profile::{NoCommonProfile, Profile, select_profile};
pub use service::{InlineService, InvitationService};
pub use short::{short_id, short_url};

use crate::message::Version;

/// The protocol's name in message types.
pub const PROTOCOL: &str = "out-of-band";
/// The lowest version of DIDComm v1's that we speak.
pub const MINIMUM_VERSION: Version = Version::new(1, 0);
/// The highest version of DIDComm v1's that we speak, and the one that we start with.
pub const CURRENT_VERSION: Version = Version::new(1, 1);
/// The version of DIDComm v2.
pub const V2_VERSION: Version = Version::new(2, 0);
