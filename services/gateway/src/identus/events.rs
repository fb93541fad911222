//! Events as the Cloud Agent's webhooks give them: `ConnectionUpdated`, with the record as REST shows it.

use axum::body::Bytes;
use entente_rpc::proto::connection::v1::{
    Exchange, ExchangeState, Invitation, InvitationState, Role,
};
use entente_rpc::proto::event::v1::event::Record;
use entente_rpc::proto::event::v1::{Event, EventKind};
use entente_rpc::{DEFAULT_TENANT, Status};
use prost_types::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use super::connections::Origins;
use super::records::{self, Delivery};
use crate::acapy::records::timestamp;
use crate::gateway::Shared;

/// The kinds of events that may be told.
pub(crate) const KINDS: [EventKind; 3] =
    [EventKind::InvitationCreated, EventKind::InvitationChanged, EventKind::ExchangeChanged];

/// A change that is told. Its body needs the invitation too, which the event has not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    sequence: i64,
    time: Option<Timestamp>,
    record: Changed,
}

#[derive(Debug, Clone, PartialEq)]
enum Changed {
    Exchange(Box<Exchange>),
    /// A multi-use invitation, which is a record of its own.
    Invitation(Box<Invitation>),
}

impl Change {
    /// `None` for an event that is not told.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        use EventKind as K;
        let record = match (event.kind(), event.record.as_ref()?) {
            (K::ExchangeChanged, Record::Exchange(exchange)) if !is_passing(exchange) => {
                Changed::Exchange(Box::new(exchange.clone()))
            }
            (K::InvitationCreated, Record::Invitation(invitation))
                if invitation.exchange_id.is_empty() =>
            {
                Changed::Invitation(Box::new(invitation.clone()))
            }
            // That it was used once more changes no state.
            (K::InvitationChanged, Record::Invitation(invitation))
                if invitation.exchange_id.is_empty()
                    && invitation.state() != InvitationState::Open =>
            {
                Changed::Invitation(Box::new(invitation.clone()))
            }
            _ => return None,
        };
        Some(Self { sequence: event.sequence, time: event.time, record })
    }

    /// The body of the call.
    ///
    /// # Errors
    /// When the invitation cannot be asked for.
    pub(crate) async fn body(&self, shared: &Shared) -> Result<Bytes, Status> {
        let data = match &self.record {
            Changed::Invitation(invitation) => records::invited(invitation),
            Changed::Exchange(exchange) => {
                let origins = Origins::of(shared, std::slice::from_ref(&**exchange)).await?;
                let origin = origins.origin(exchange);
                let endpoint = &shared.config.endpoint;
                records::connection(exchange, None, origin, Delivery::Begun, endpoint)
            }
        };
        Ok(self.told(shared.behalf().tenant(), data).to_string().into())
    }

    fn told(&self, tenant: &str, data: Value) -> Value {
        json!({
            "type": "ConnectionUpdated",
            "id": event_id(tenant, self.sequence),
            "ts": self.time.as_ref().and_then(timestamp),
            "data": data,
            "walletId": wallet_id(tenant),
        })
    }
}

/// To an invitee, the response and the connection come in one: it is told once, when the connection is there.
fn is_passing(exchange: &Exchange) -> bool {
    exchange.state() == ExchangeState::Response && exchange.role() == Role::Invitee
}

/// The same whenever the event is told, so that a receiver can tell a repetition.
fn event_id(tenant: &str, sequence: i64) -> String {
    named("event", &format!("{tenant} {sequence}")).to_string()
}

/// The Cloud Agent's default wallet has the nil UUID.
fn wallet_id(tenant: &str) -> String {
    let id = if tenant == DEFAULT_TENANT {
        Uuid::nil()
    } else {
        Uuid::parse_str(tenant).unwrap_or_else(|_| named("wallet", tenant))
    };
    id.to_string()
}

fn named(kind: &str, name: &str) -> Uuid {
    let digest = Sha256::digest(format!("{kind} {name}"));
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, from)| *byte = from);
    Builder::from_random_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, record: Record) -> Event {
        let time = Some(Timestamp { seconds: 0, nanos: 0 });
        Event { sequence: 7, kind: kind.into(), time, record: Some(record), ..Event::default() }
    }

    fn exchange(state: ExchangeState, role: Role) -> Record {
        let exchange = Exchange { state: state.into(), role: role.into(), ..Exchange::default() };
        Record::Exchange(exchange)
    }

    fn invitation(exchange_id: &str, state: InvitationState) -> Record {
        Record::Invitation(Invitation {
            exchange_id: exchange_id.to_owned(),
            state: state.into(),
            ..Invitation::default()
        })
    }

    #[test]
    fn changes_of_state_are_told_once() {
        use EventKind as K;
        use ExchangeState as S;
        use InvitationState as I;
        for (kind, record, told) in [
            (K::ExchangeChanged, exchange(S::Invitation, Role::Inviter), true),
            (K::ExchangeChanged, exchange(S::Request, Role::Invitee), true),
            (K::ExchangeChanged, exchange(S::Response, Role::Inviter), true),
            (K::ExchangeChanged, exchange(S::Response, Role::Invitee), false),
            (K::ExchangeChanged, exchange(S::Done, Role::Invitee), true),
            (K::ExchangeChanged, exchange(S::Abandoned, Role::Invitee), true),
            (K::ExchangeDeleted, exchange(S::Done, Role::Inviter), false),
            (K::InvitationCreated, invitation("c1", I::Open), false),
            (K::InvitationCreated, invitation("", I::Open), true),
            (K::InvitationChanged, invitation("", I::Open), false),
            (K::InvitationChanged, invitation("", I::Expired), true),
            (K::InvitationChanged, invitation("c1", I::Used), false),
            (K::InvitationDeleted, invitation("", I::Open), false),
        ] {
            assert_eq!(
                Change::of(&event(kind, record.clone())).is_some(),
                told,
                "{kind:?} {record:?}"
            );
        }
    }

    #[test]
    fn a_change_has_the_same_id_whenever_it_is_told() {
        let change = Change::of(&event(
            EventKind::ExchangeChanged,
            exchange(ExchangeState::Done, Role::Inviter),
        ));
        let change = change.unwrap();
        let told = change.told(DEFAULT_TENANT, json!({"state": "x"}));
        assert_eq!(
            (&told["type"], &told["data"]),
            (&json!("ConnectionUpdated"), &json!({"state": "x"}))
        );
        assert_eq!(told["ts"], "1970-01-01T00:00:00.000000Z");
        assert_eq!(told["walletId"], "00000000-0000-0000-0000-000000000000");
        assert_eq!(told["id"], change.told(DEFAULT_TENANT, json!({}))["id"]);
        assert_ne!(told["id"], change.told("acme", json!({}))["id"]);
        assert!(Uuid::parse_str(told["id"].as_str().unwrap()).is_ok());
        let wallet = "1893e207-4cba-4792-8179-067c78d2acc2";
        assert_eq!(change.told(wallet, json!({}))["walletId"], wallet);
    }
}
