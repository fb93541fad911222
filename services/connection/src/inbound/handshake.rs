//! The messages of handshakes: request, response and complete, and what became of ours.

mod complete;
mod request;
mod response;

use entente_did::{Did, Document};
use entente_protocol::exchange::Input;
use entente_protocol::{Envelope, Misbehaved};
use entente_rpc::{Code, Failure};
use entente_store::StoreError;

pub(super) use request::{Wishes, implicit};

use crate::engine::{Answer, Engine, context};
use crate::store::{Kind, Outgoing, Work};

/// Why a handshake message had no effect: the peer's fault, or ours for the moment.
pub(super) enum Stop {
    Refused(Misbehaved),
    Failed(Failure),
}

impl From<Misbehaved> for Stop {
    fn from(misbehaved: Misbehaved) -> Self {
        Self::Refused(misbehaved)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl Engine {
    async fn resolve_peer(&self, tenant: &str, did: &Did) -> Result<Document, Stop> {
        self.clients.resolve(tenant, did).await.map_err(|failure| match failure.code() {
            Code::Unavailable | Code::ResourceExhausted | Code::Internal => Stop::Failed(failure),
            _ => Stop::Refused(Misbehaved::Unresolvable {
                did: did.to_string(),
                reason: failure.message,
            }),
        })
    }

    /// Whether a handshake may be done with the delivery of a message of ours: in DIDComm v2 nothing confirms a response.
    pub(crate) fn completes(&self, message: &Outgoing) -> bool {
        message.kind == Kind::Handshake && message.target.envelope() == Envelope::V2
    }

    /// The peer took a message of a handshake.
    pub(crate) async fn handshake_delivered(&self, work: &mut Work, id: &str) -> Answer<()> {
        let Some(mut row) = work.exchange(id).await? else { return Ok(()) };
        if let Ok(transition) = row.machine()?.handle(&context(), Input::Delivered) {
            self.step(work, &mut row, transition).await?;
        }
        Ok(())
    }

    /// A message of a handshake could not be delivered: the handshake ends.
    pub(crate) async fn handshake_not_delivered(
        &self,
        work: &mut Work,
        id: &str,
        error: &str,
    ) -> Answer<()> {
        let Some(mut row) = work.exchange(id).await? else { return Ok(()) };
        let context = context();
        if let Ok(transition) =
            row.machine()?.handle(&context, Input::NotDelivered(error.to_owned()))
        {
            self.step(work, &mut row, transition).await?;
        }
        Ok(())
    }
}
