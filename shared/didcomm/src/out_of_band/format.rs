use super::Profile;

/// How an invitation is written, and so how it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InvitationFormat {
    /// `out-of-band/1.0` or `1.1` (RFC 0434): DIDComm v1.
    OutOfBand1,
    /// `out-of-band/2.0`: DIDComm v2.
    OutOfBand2,
    /// The invitation of `connections/1.0` (RFC 0160): DIDComm v1.
    Connections1,
}

impl InvitationFormat {
    /// The parameter of a URL that holds such an invitation.
    pub fn parameter(self) -> &'static str {
        match self {
            Self::OutOfBand1 => "oob",
            Self::OutOfBand2 => "_oob",
            Self::Connections1 => "c_i",
        }
    }

    /// The profiles in which such an invitation can be answered, the preferred first.
    pub fn profiles(self) -> &'static [Profile] {
        match self {
            Self::OutOfBand1 | Self::Connections1 => &Profile::V1,
            Self::OutOfBand2 => &[Profile::V2],
        }
    }
}
