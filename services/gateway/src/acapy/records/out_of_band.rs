use entente_rpc::proto::connection::v1::{
    Acceptance, AcceptanceState, Invitation, InvitationKind, InvitationState,
};
use serde_json::{Map, Value};

use super::{put, put_time};

/// What `create-invitation` answers.
pub(crate) fn created(invitation: &Invitation) -> Value {
    let mut record = Map::new();
    put(&mut record, "state", "initial");
    record.insert("trace".to_owned(), Value::Bool(false));
    put(&mut record, "oob_id", &invitation.id);
    put(&mut record, "invi_msg_id", &invitation.id);
    record.insert("invitation".to_owned(), json(&invitation.message_json));
    put(&mut record, "invitation_url", &invitation.url);
    Value::Object(record)
}

/// The out-of-band record of an invitation of ours.
pub(crate) fn sent(invitation: &Invitation) -> Value {
    let state = match invitation.state() {
        InvitationState::Open => "await-response",
        InvitationState::Used | InvitationState::Expired | InvitationState::Revoked => "done",
        InvitationState::Unspecified => "initial",
    };
    let mut record = Map::new();
    put(&mut record, "state", state);
    record.insert("trace".to_owned(), Value::Bool(false));
    put(&mut record, "oob_id", &invitation.id);
    put(&mut record, "invi_msg_id", &invitation.id);
    record.insert("invitation".to_owned(), json(&invitation.message_json));
    put(&mut record, "connection_id", &invitation.exchange_id);
    put(&mut record, "role", "sender");
    record
        .insert("multi_use".to_owned(), Value::Bool(invitation.kind() == InvitationKind::MultiUse));
    put_time(&mut record, "created_at", invitation.created_at.as_ref());
    put_time(&mut record, "updated_at", invitation.updated_at.as_ref());
    Value::Object(record)
}

/// The out-of-band record of an invitation that we received.
pub(crate) fn received(acceptance: &Acceptance) -> Value {
    let connection = Some(&acceptance.connection_id).filter(|id| !id.is_empty());
    let mut record = Map::new();
    put(&mut record, "state", acceptance_state(acceptance.state()));
    record.insert("trace".to_owned(), Value::Bool(false));
    put(&mut record, "oob_id", &acceptance.id);
    put(&mut record, "invi_msg_id", &acceptance.invitation_id);
    record.insert("invitation".to_owned(), json(&acceptance.invitation_json));
    put(&mut record, "connection_id", connection.unwrap_or(&acceptance.exchange_id));
    put(&mut record, "role", "receiver");
    record.insert("multi_use".to_owned(), Value::Bool(false));
    put_time(&mut record, "created_at", acceptance.created_at.as_ref());
    put_time(&mut record, "updated_at", acceptance.updated_at.as_ref());
    Value::Object(record)
}

fn acceptance_state(state: AcceptanceState) -> &'static str {
    match state {
        AcceptanceState::Received => "prepare-response",
        AcceptanceState::Pending => "await-response",
        AcceptanceState::Reused => "reuse-accepted",
        AcceptanceState::Connecting => "done",
        AcceptanceState::Refused => "reuse-not-accepted",
        AcceptanceState::Unspecified => "initial",
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
