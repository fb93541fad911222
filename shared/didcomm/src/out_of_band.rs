//! Out-of-band invitations of DIDComm v1 (RFC 0434), and the URLs they travel in.

mod error;
mod handshake_protocol;
mod input;
mod invitation;
mod profile;
mod service;

pub use error::{InvitationError, ServiceError, ServiceProblem};
pub use handshake_protocol::HandshakeProtocol;
pub use input::{Decoded, InputError, parse_input};
pub use invitation::Invitation;
pub use profile::{NoCommonProfile, Profile, select_profile};
pub use service::{InlineService, InvitationService};

use crate::message::Version;

/// The protocol's name in message types.
pub const PROTOCOL: &str = "out-of-band";
/// The lowest version that we speak.
pub const MINIMUM_VERSION: Version = Version::new(1, 0);
/// The highest version that we speak, and the one that we start with.
pub const CURRENT_VERSION: Version = Version::new(1, 1);
