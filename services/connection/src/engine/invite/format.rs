//! How an invitation is written, and which handshakes it offers: each format has its own.

use entente_didcomm::out_of_band::InvitationFormat;
use entente_protocol::{Envelope, Handshake};
use entente_rpc::Failure;
use entente_rpc::proto::connection::v1 as proto;

use crate::engine::{Answer, numbers};

/// What an invitation is to be.
pub(super) struct Plan {
    pub format: InvitationFormat,
    /// Best first; none for an invitation that only carries messages.
    pub handshakes: Vec<Handshake>,
}

impl Plan {
    /// What the caller asked for.
    pub fn of(request: &proto::CreateInvitationRequest) -> Answer<Self> {
        let unknown = || {
            Failure::field("handshake_protocols", "names a protocol that this agent does not speak")
        };
        let handshakes = request.handshake_protocols.iter();
        let handshakes: Vec<Handshake> = handshakes
            .map(|number| numbers::handshake_of(*number).ok_or_else(unknown))
            .collect::<Answer<_>>()?;
        let format = match numbers::known::<proto::InvitationFormat>("format", request.format)? {
            proto::InvitationFormat::OutOfBand2 => InvitationFormat::OutOfBand2,
            proto::InvitationFormat::Connections1 => InvitationFormat::Connections1,
            proto::InvitationFormat::Unspecified
                if handshakes.first().is_some_and(|h| h.envelope() == Envelope::V2) =>
            {
                InvitationFormat::OutOfBand2
            }
            _ => InvitationFormat::OutOfBand1,
        };
        let carries = |handshake: &Handshake| match format {
            InvitationFormat::OutOfBand1 => handshake.envelope() == Envelope::V1,
            InvitationFormat::OutOfBand2 => *handshake == Handshake::Identus10,
            InvitationFormat::Connections1 => *handshake == Handshake::Connections10,
        };
        if let Some(other) = handshakes.iter().find(|handshake| !carries(handshake)) {
            let text =
                format!("has {}, which an invitation of this format cannot offer", other.name());
            return Err(Failure::field("handshake_protocols", text));
        }
        let implied = match format {
            InvitationFormat::OutOfBand1 if !request.attachments_json.is_empty() => vec![],
            InvitationFormat::OutOfBand1 => {
                vec![Handshake::DidExchange11, Handshake::DidExchange10]
            }
            InvitationFormat::OutOfBand2 => vec![Handshake::Identus10],
            InvitationFormat::Connections1 => vec![Handshake::Connections10],
        };
        let handshakes = if handshakes.is_empty() { implied } else { handshakes };
        let plan = Self { format, handshakes };
        plan.check_did(request)?;
        Ok(plan)
    }

    fn check_did(&self, request: &proto::CreateInvitationRequest) -> Answer<()> {
        use proto::DidMethod as M;
        let method = request.did_method();
        if self.format == InvitationFormat::OutOfBand2
            && !matches!(method, M::Unspecified | M::Peer2)
        {
            return Err(Failure::field("did_method", "must be PEER_2 for out-of-band/2.0"));
        }
        if self.format == InvitationFormat::Connections1 && !request.attachments_json.is_empty() {
            let text = "cannot be carried by an invitation of connections/1.0";
            return Err(Failure::field("attachments_json", text));
        }
        Ok(())
    }

    /// The kind of DID, or key, that the invitation carries.
    pub fn did_method(&self, request: &proto::CreateInvitationRequest) -> proto::DidMethod {
        use proto::DidMethod as M;
        match (request.did_method(), self.format) {
            (M::Unspecified, InvitationFormat::Connections1) => M::InlineKey,
            (M::Unspecified, _) => M::Peer2,
            (method, _) => method,
        }
    }

    /// The format's number.
    pub fn number(&self) -> i32 {
        match self.format {
            InvitationFormat::OutOfBand1 => proto::InvitationFormat::OutOfBand1,
            InvitationFormat::OutOfBand2 => proto::InvitationFormat::OutOfBand2,
            InvitationFormat::Connections1 => proto::InvitationFormat::Connections1,
        }
        .into()
    }
}
