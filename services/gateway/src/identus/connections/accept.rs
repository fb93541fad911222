use std::sync::Arc;

use axum::Extension;
use axum::Json;
use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, Acceptance, AcceptanceState, Exchange, ExchangeState,
    ListAcceptancesRequest, ReusePolicy, ReuseReason,
};
use serde_json::Value;

use super::{Found, find_connection};
use crate::gateway::Shared;
use crate::identus::error::ErrorResponse;
use crate::identus::fields::Body;
use crate::identus::invitations::{Given, Origin};
use crate::identus::present;
use crate::identus::records::{self, Delivery};

/// `POST /connection-invitations`. A new connection is shown as it was when its request was written; one that is reused,
/// as it is.
pub(in crate::identus) async fn accept(
    Extension(shared): Extension<Arc<Shared>>,
    body: Body,
) -> Result<Json<Value>, ErrorResponse> {
    let Some(text) = body.text("invitation")? else {
        return Err(ErrorResponse::unreadable(
            "invitation is missing: the value of _oob in the invitation's URL, or the URL",
        ));
    };
    let given = Given::parse(text)?;
    if let Some(id) = &given.id {
        refuse_received(&shared, id).await?;
    }
    let request = shared.request(request(&body, &given)?)?;
    let accepted = shared.clients.invitations.clone().accept_invitation(request).await;
    let about = |status| ErrorResponse::from(status).about_invitation(given.id.as_deref());
    let acceptance = present(accepted.map_err(about)?.into_inner().acceptance)?;
    let Some(found) = find_connection(&shared, connection_id(&acceptance)).await? else {
        return Err(ErrorResponse::no_record(connection_id(&acceptance)));
    };
    if let Found::Exchange(exchange) | Found::Connection(exchange, _) = &found {
        refuse_repeated(&acceptance, exchange)?;
        if is_new(&acceptance) {
            let begun = as_begun(exchange, &acceptance);
            let origin = Origin::Theirs(&acceptance);
            let endpoint = &shared.config.endpoint;
            return Ok(Json(records::connection(&begun, None, origin, Delivery::Begun, endpoint)));
        }
    }
    Ok(Json(found.record(&shared).await?))
}

fn request(body: &Body, given: &Given) -> Result<AcceptInvitationRequest, ErrorResponse> {
    let disabled = !body.boolean("useExistingConnection")?.unwrap_or(true);
    let [alias] = body.short_texts(["label"])?;
    Ok(AcceptInvitationRequest {
        invitation: given.text.clone(),
        reuse: Some(ReusePolicy { disabled, ..ReusePolicy::default() }),
        alias,
        ..AcceptInvitationRequest::default()
    })
}

/// An invitation is received once, as long as what it led to is there and did not fail.
async fn refuse_received(shared: &Shared, invitation_id: &str) -> Result<(), ErrorResponse> {
    let request = ListAcceptancesRequest {
        invitation_id: invitation_id.to_owned(),
        ..ListAcceptancesRequest::default()
    };
    let request = shared.request(request)?;
    let answer = shared.clients.invitations.clone().list_acceptances(request).await?;
    for acceptance in answer.into_inner().acceptances {
        let id = connection_id(&acceptance);
        if acceptance.state() == AcceptanceState::Refused || id.is_empty() {
            continue;
        }
        let standing = match find_connection(shared, id).await? {
            Some(Found::Exchange(exchange)) => exchange.state() != ExchangeState::Abandoned,
            found => found.is_some(),
        };
        if standing {
            return Err(ErrorResponse::already_received(invitation_id, id));
        }
    }
    Ok(())
}

/// Of two calls at once, the second one is told so by the service, which lets it follow the first.
fn refuse_repeated(acceptance: &Acceptance, exchange: &Exchange) -> Result<(), ErrorResponse> {
    let follows = matches!(
        reason(acceptance),
        ReuseReason::AlreadyAccepted
            | ReuseReason::ConnectionNotReady
            | ReuseReason::JoinedExchange
    );
    if follows && exchange.invitation_id == acceptance.invitation_id {
        return Err(ErrorResponse::already_received(&acceptance.invitation_id, &exchange.id));
    }
    Ok(())
}

/// The connection that is reused, or the exchange that will make one.
fn connection_id(acceptance: &Acceptance) -> &str {
    let candidates = acceptance.decision.iter().flat_map(|decision| &decision.candidates);
    [&acceptance.connection_id, &acceptance.exchange_id]
        .into_iter()
        .chain(candidates)
        .find(|id| !id.is_empty())
        .map_or("", String::as_str)
}

fn reason(acceptance: &Acceptance) -> ReuseReason {
    acceptance.decision.as_ref().map_or(ReuseReason::Unspecified, |decision| decision.reason())
}

fn is_new(acceptance: &Acceptance) -> bool {
    matches!(acceptance.state(), AcceptanceState::Connecting | AcceptanceState::Received)
}

/// The exchange as the acceptance began it, however far it is by now.
fn as_begun(exchange: &Exchange, acceptance: &Acceptance) -> Exchange {
    let state = match acceptance.state() {
        AcceptanceState::Received => ExchangeState::Invitation,
        _ => ExchangeState::Request,
    };
    Exchange {
        state: state.into(),
        their_did: String::new(),
        attempts: 0,
        last_error: String::new(),
        updated_at: exchange.created_at,
        ..exchange.clone()
    }
}

#[cfg(test)]
mod tests {
    use entente_rpc::proto::connection::v1::{ReuseDecision, Role};

    use super::*;

    #[test]
    fn reuse_is_the_default() {
        let given = Given { text: "{}".to_owned(), id: None };
        let build = |text: &str| request(&Body::parse(text.as_bytes()).unwrap(), &given);
        let plain = build("{}").unwrap();
        assert_eq!((plain.invitation.as_str(), plain.reuse.unwrap().disabled), ("{}", false));
        let asked = build(r#"{"useExistingConnection": false, "label": "Faber"}"#).unwrap();
        assert_eq!((asked.reuse.unwrap().disabled, asked.alias.as_str()), (true, "Faber"));
        assert!(build(r#"{"useExistingConnection": "no"}"#).is_err());
    }

    #[test]
    fn a_new_connection_is_shown_as_it_began() {
        let exchange = Exchange {
            role: Role::Invitee.into(),
            state: ExchangeState::Done.into(),
            their_did: "did:peer:2.New".to_owned(),
            invitation_did: "did:peer:2.E".to_owned(),
            ..Exchange::default()
        };
        for (state, name) in [
            (AcceptanceState::Connecting, "ConnectionRequestPending"),
            (AcceptanceState::Received, "InvitationReceived"),
        ] {
            let acceptance = Acceptance { state: state.into(), ..Acceptance::default() };
            assert!(is_new(&acceptance));
            let begun = as_begun(&exchange, &acceptance);
            let record = records::connection(&begun, None, Origin::Gone, Delivery::Begun, "");
            assert_eq!(
                (&record["state"], &record["theirDid"]),
                (&name.into(), &"did:peer:2.E".into())
            );
        }
    }

    #[test]
    fn a_repetition_is_refused_and_another_invitation_is_not() {
        let follower = |invitation_id: &str, reason: ReuseReason| Acceptance {
            invitation_id: invitation_id.to_owned(),
            decision: Some(ReuseDecision { reason: reason.into(), ..ReuseDecision::default() }),
            ..Acceptance::default()
        };
        let exchange = Exchange { invitation_id: "i1".to_owned(), ..Exchange::default() };
        use ReuseReason as R;
        for (invitation_id, reason, refused) in [
            ("i1", R::ConnectionNotReady, true),
            ("i1", R::AlreadyAccepted, true),
            ("i1", R::JoinedExchange, true),
            ("i2", R::ConnectionNotReady, false),
            ("i1", R::DidUnknown, false),
            ("i1", R::AwaitingPeer, false),
        ] {
            let result = refuse_repeated(&follower(invitation_id, reason), &exchange);
            assert_eq!(result.is_err(), refused, "{invitation_id} {reason:?}");
        }
    }

    #[test]
    fn the_connection_that_is_asked_for_reuse_is_shown() {
        let decision = ReuseDecision { candidates: vec!["c3".into()], ..ReuseDecision::default() };
        let mut acceptance = Acceptance { decision: Some(decision), ..Acceptance::default() };
        assert_eq!(connection_id(&acceptance), "c3");
        acceptance.exchange_id = "c2".into();
        assert_eq!(connection_id(&acceptance), "c2");
        acceptance.connection_id = "c1".into();
        assert_eq!(connection_id(&acceptance), "c1");
        assert_eq!(connection_id(&Acceptance::default()), "");
    }
}
