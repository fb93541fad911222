//! What the caller asked for, checked.

use entente_protocol::reuse::{NoAnswer, Policy};
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::{Failure, duration_from_proto};

use crate::engine::offer::Offer;
use crate::engine::steps::milliseconds;
use crate::engine::{Answer, Engine, now, numbers, record_id};
use crate::store::Acceptance;

/// The longest wait for a peer's answer to a reuse: a day.
const MAX_PATIENCE: i64 = 24 * 3600 * 1000;
/// The most text of an alias or label.
const MAX_TEXT: usize = 1024;

impl Engine {
    pub(super) fn policy(&self, policy: Option<&proto::ReusePolicy>) -> Answer<(Policy, i64)> {
        let policy = policy.cloned().unwrap_or_default();
        let patience = match &policy.deadline {
            None => milliseconds(self.config.reuse_deadline),
            Some(deadline) => duration_from_proto(deadline)
                .filter(|patience| (1..=MAX_PATIENCE).contains(patience))
                .ok_or_else(|| {
                    Failure::field("reuse.deadline", "must be longer than 0 and at most a day")
                })?,
        };
        numbers::known::<proto::NoAnswerPolicy>("reuse.on_no_answer", policy.on_no_answer)?;
        let no_answer = numbers::no_answer(policy.on_no_answer);
        Ok((Policy { disabled: policy.disabled, no_answer }, patience))
    }

    pub(super) fn acceptance_row(
        &self,
        request: &proto::AcceptInvitationRequest,
        label: String,
        offer: &Offer,
        policy: Policy,
        patience: i64,
    ) -> Answer<Acceptance> {
        for (field, text) in [
            ("alias", request.alias.as_str()),
            ("label", request.label.as_deref().unwrap_or_default()),
        ] {
            if text.len() > MAX_TEXT {
                return Err(Failure::field(field, format!("must have at most {MAX_TEXT} bytes")));
            }
        }
        let did_method = numbers::known::<proto::DidMethod>("did_method", request.did_method)?;
        if did_method == proto::DidMethod::InlineKey {
            return Err(Failure::field("did_method", "must be PEER_2, PEER_4 or unspecified"));
        }
        let now = now();
        let no_answer = match policy.no_answer {
            NoAnswer::NewConnection => proto::NoAnswerPolicy::NewConnection,
            NoAnswer::Fail => proto::NoAnswerPolicy::Fail,
            NoAnswer::KeepWaiting => proto::NoAnswerPolicy::KeepWaiting,
        };
        Ok(Acceptance {
            id: record_id(),
            invitation_id: offer.invitation.id.clone(),
            invitation: offer.json.clone(),
            url: url(&request.invitation),
            invitation_did: offer.did.as_ref().map(ToString::to_string).unwrap_or_default(),
            canonical_did: offer.canonical_did(),
            state: 0,
            outcome: 0,
            reason: 0,
            candidates: String::new(),
            rule: String::new(),
            no_answer: no_answer.into(),
            patience,
            exchange_id: None,
            connection_id: None,
            thread_id: None,
            their_label: offer.invitation.label.clone().unwrap_or_default(),
            alias: request.alias.clone(),
            label,
            auto_accept: request.auto_accept.unwrap_or(self.config.auto_accept_invitations),
            did_method: request.did_method,
            deadline_at: None,
            created_at: now,
            updated_at: now,
            version: 0,
        })
    }
}

/// The text of an invitation that is a URL.
fn url(invitation: &str) -> String {
    let text = invitation.trim();
    let url = text.contains("://") && !text.starts_with('{');
    if url { text.to_owned() } else { String::new() }
}
