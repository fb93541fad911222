//! Enum values as the command line writes them: in lower case, with dashes, without the prefix.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use entente_rpc::proto::connection::v1::{
    DidMethod, ExchangeState, FindingKind, HandshakeProtocol, InvitationState, NoAnswerPolicy, Role,
};
use entente_rpc::proto::event::v1::EventKind;
use entente_rpc::proto::keystore::v1::KeyType;

fn named<T: Clone + Send + Sync + 'static>(
    values: &[(&'static str, T)],
) -> impl TypedValueParser<Value = T> {
    let values = values.to_vec();
    let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
    PossibleValuesParser::new(names).try_map(move |given| {
        values
            .iter()
            .find(|(name, _)| *name == given)
            .map(|(_, value)| value.clone())
            .ok_or("no such name")
    })
}

pub(super) fn did_method() -> impl TypedValueParser<Value = DidMethod> {
    named(&[
        ("did:peer:2", DidMethod::Peer2),
        ("did:peer:4", DidMethod::Peer4),
        ("inline-key", DidMethod::InlineKey),
    ])
}

pub(super) fn handshake_protocol() -> impl TypedValueParser<Value = HandshakeProtocol> {
    named(&[
        ("didexchange/1.1", HandshakeProtocol::Didexchange11),
        ("didexchange/1.0", HandshakeProtocol::Didexchange10),
    ])
}

pub(super) fn no_answer() -> impl TypedValueParser<Value = NoAnswerPolicy> {
    named(&[
        ("new", NoAnswerPolicy::NewConnection),
        ("fail", NoAnswerPolicy::Fail),
        ("wait", NoAnswerPolicy::KeepWaiting),
    ])
}

pub(super) fn finding_kind() -> impl TypedValueParser<Value = FindingKind> {
    named(&[
        ("undelivered", FindingKind::Undelivered),
        ("unanswered", FindingKind::Unanswered),
        ("undecided", FindingKind::Undecided),
        ("dead-letters", FindingKind::DeadLetters),
        ("behind", FindingKind::Behind),
        ("orphaned-did", FindingKind::OrphanedDid),
        ("orphaned-key", FindingKind::OrphanedKey),
        ("certificate", FindingKind::Certificate),
        ("schema-drift", FindingKind::SchemaDrift),
        ("clock-skew", FindingKind::ClockSkew),
    ])
}

pub(super) fn role() -> impl TypedValueParser<Value = Role> {
    named(&[("inviter", Role::Inviter), ("invitee", Role::Invitee)])
}

pub(super) fn exchange_state() -> impl TypedValueParser<Value = ExchangeState> {
    named(&[
        ("invitation", ExchangeState::Invitation),
        ("request", ExchangeState::Request),
        ("response", ExchangeState::Response),
        ("done", ExchangeState::Done),
        ("abandoned", ExchangeState::Abandoned),
    ])
}

pub(super) fn invitation_state() -> impl TypedValueParser<Value = InvitationState> {
    named(&[
        ("open", InvitationState::Open),
        ("used", InvitationState::Used),
        ("expired", InvitationState::Expired),
        ("revoked", InvitationState::Revoked),
    ])
}

pub(super) fn key_type() -> impl TypedValueParser<Value = KeyType> {
    named(&[
        ("ed25519", KeyType::Ed25519),
        ("x25519", KeyType::X25519),
        ("p256", KeyType::P256),
        ("p384", KeyType::P384),
        ("p521", KeyType::P521),
    ])
}

pub(super) fn event_kind() -> impl TypedValueParser<Value = EventKind> {
    named(&[
        ("invitation-created", EventKind::InvitationCreated),
        ("invitation-changed", EventKind::InvitationChanged),
        ("invitation-deleted", EventKind::InvitationDeleted),
        ("exchange-changed", EventKind::ExchangeChanged),
        ("exchange-deleted", EventKind::ExchangeDeleted),
        ("connection-created", EventKind::ConnectionCreated),
        ("connection-changed", EventKind::ConnectionChanged),
        ("connection-deleted", EventKind::ConnectionDeleted),
        ("connection-reuse", EventKind::ConnectionReuse),
        ("connection-reuse-accepted", EventKind::ConnectionReuseAccepted),
        ("connection-reuse-rejected", EventKind::ConnectionReuseRejected),
        ("acceptance-changed", EventKind::AcceptanceChanged),
        ("basic-message-received", EventKind::BasicMessageReceived),
        ("ping-received", EventKind::PingReceived),
        ("ping-response-received", EventKind::PingResponseReceived),
        ("problem-report-received", EventKind::ProblemReportReceived),
        ("features-disclosed", EventKind::FeaturesDisclosed),
        ("message-received", EventKind::MessageReceived),
        ("request-attached", EventKind::RequestAttached),
        ("message-sent", EventKind::MessageSent),
        ("message-failed", EventKind::MessageFailed),
        ("connection-merged", EventKind::ConnectionMerged),
    ])
}
