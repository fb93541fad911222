use entente_rpc::proto::connection::v1::{
    AbandonCause, Connection, Exchange, ExchangeState, HandshakeProtocol, Role,
};
use prost_types::Timestamp;
use serde_json::{Map, Value};

use super::states::{names, protocol, their_role};
use super::{is_implicit, put, put_time, short, verkey};

/// A connection record: an exchange, with what is newer in the connection that it made.
pub(crate) fn connection(exchange: &Exchange, made: Option<&Connection>) -> Value {
    let (state, rfc23_state) = names(exchange.state(), exchange.role());
    let mut record = Map::new();
    put(&mut record, "connection_id", &exchange.id);
    put(&mut record, "state", state);
    put(&mut record, "rfc23_state", rfc23_state);
    put(&mut record, "their_role", their_role(exchange.role()));
    put(&mut record, "connection_protocol", protocol(exchange.protocol()));
    put(&mut record, "accept", if exchange.auto_accept { "auto" } else { "manual" });
    put(&mut record, "invitation_mode", if exchange.multi_use { "multi" } else { "once" });
    // Of a request by DID alone it is a DID URL, which ACA-Py does not keep.
    if !is_implicit(&exchange.invitation_id) {
        put(&mut record, "invitation_msg_id", &exchange.invitation_id);
    }
    put(&mut record, "invitation_key", &verkey(&exchange.invitation_key));
    put(&mut record, "request_id", &exchange.thread_id);
    put(&mut record, "my_did", &short(made.map_or(&exchange.my_did, |made| &made.my_did)));
    put(&mut record, "their_did", &short(made.map_or(&exchange.their_did, |made| &made.their_did)));
    put(&mut record, "their_label", made.map_or(&exchange.their_label, |made| &made.their_label));
    put(&mut record, "alias", made.map_or(&exchange.alias, |made| &made.alias));
    if exchange.role() == Role::Invitee {
        put(&mut record, "their_public_did", &short(&exchange.invitation_did));
    }
    if exchange.state() == ExchangeState::Abandoned {
        put(&mut record, "error_msg", error(exchange));
    }
    put_time(&mut record, "created_at", exchange.created_at.as_ref());
    let updated = made.and_then(|made| made.updated_at.as_ref());
    put_time(&mut record, "updated_at", later(exchange.updated_at.as_ref(), updated));
    Value::Object(record)
}

/// Whether no handshake made a connection.
pub(in crate::acapy) fn is_static(made: &Connection) -> bool {
    made.role() == Role::Unspecified
}

/// The `connection_protocol` of a connection that no handshake made, which ACA-Py has nevertheless.
pub(in crate::acapy) const STATIC_PROTOCOL: &str = "didexchange/1.1";

/// The record of a connection without an exchange: it is static, or its exchange was deleted.
pub(crate) fn connection_of(made: &Connection) -> Value {
    let exchange = Exchange {
        id: made.id.clone(),
        role: made.role,
        state: ExchangeState::Done.into(),
        protocol: made.protocol,
        invitation_id: made.invitation_id.clone(),
        invitation_did: made.invitation_did.clone(),
        created_at: made.created_at,
        updated_at: made.updated_at,
        ..Exchange::default()
    };
    let mut record = connection(&exchange, Some(made));
    if let Some(fields) = record.as_object_mut() {
        // Not known any more.
        fields.remove("accept");
        fields.remove("invitation_mode");
        if is_static(made) {
            fields.insert("accept".to_owned(), Value::from("manual"));
            fields.insert("invitation_mode".to_owned(), Value::from("static"));
            fields.insert("connection_protocol".to_owned(), Value::from(STATIC_PROTOCOL));
        }
    }
    record
}

fn later<'a>(one: Option<&'a Timestamp>, other: Option<&'a Timestamp>) -> Option<&'a Timestamp> {
    [one, other].into_iter().flatten().max_by_key(|time| (time.seconds, time.nanos))
}

fn error(exchange: &Exchange) -> &str {
    if !exchange.error.is_empty() {
        return &exchange.error;
    }
    match exchange.abandon_cause() {
        AbandonCause::Rejected => "rejected",
        AbandonCause::Cancelled => "cancelled",
        AbandonCause::PeerReported => "the peer sent a problem report",
        AbandonCause::DeadlinePassed => "the deadline passed",
        AbandonCause::NotDelivered => "a message could not be delivered",
        AbandonCause::InvitationEnded => "the invitation expired or was revoked",
        AbandonCause::Unspecified => "abandoned",
    }
}

/// Whether a filter on `connection_protocol` matches.
pub(in crate::acapy) fn speaks(exchange: &Exchange, name: &str) -> bool {
    exchange.protocol() != HandshakeProtocol::Unspecified && protocol(exchange.protocol()) == name
}
