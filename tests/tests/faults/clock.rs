//! The clock of the machine jumps, forwards and backwards.

use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, CreateInvitationRequest, FindingKind, InvitationState,
    ListFindingsRequest, ListInvitationsRequest,
};
use entente_tests::acapy::Relay;
use entente_tests::load::until;
use entente_tests::reader::Reader;
use entente_tests::suite::seconds;
use entente_tests::{Clock, Suite};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_goes_on_whichever_way_the_clock_jumps() {
    let Some(clock) = Clock::prepare() else { return };
    let suite = Suite::whole_under(clock.under(), Vec::new()).await;
    let relay = Relay::start().await;
    let peer = Suite::whole_with(&["--endpoint", relay.url()]).await;
    relay.lead(&peer.didcomm_url);
    let reader = Reader::start(&suite);
    let expires_in = Some(seconds(7200));
    let expiring = CreateInvitationRequest { expires_in, ..Default::default() };
    let expiring = suite.invite_with(expiring).await;
    for jump in ["+3h", "-3h", "+0"] {
        // A message fails before the jump, and is due by the clock as it was.
        relay.refuse();
        let invitation = peer.invite_with(unique()).await.url;
        suite
            .accept_with(AcceptInvitationRequest { invitation, ..Default::default() })
            .await
            .unwrap();
        until("it was tried", async || {
            let kind = FindingKind::Undelivered.into();
            let request = ListFindingsRequest { kind, ..Default::default() };
            let found = suite.diagnosis().list_findings(request).await.unwrap().into_inner();
            (!found.findings.is_empty()).then_some(())
        })
        .await;
        let before = peer.all_connections().await.len();
        clock.set(jump);
        relay.release();
        until("it arrives", async || (peer.all_connections().await.len() > before).then_some(()))
            .await;
        for (inviter, invitee) in [(&suite, &peer), (&peer, &suite)] {
            let invitation = inviter.invite_with(unique()).await;
            invitee.accept(&invitation.url).await;
            inviter.connection_of(&invitation.id).await;
        }
    }
    let request = ListInvitationsRequest { page_size: 1_000, ..Default::default() };
    let all = suite.invitations().list_invitations(request).await.unwrap().into_inner();
    let found = all.invitations.iter().find(|invitation| invitation.id == expiring.id).unwrap();
    assert_eq!(found.state(), InvitationState::Expired, "it expired at its time, for good");
    reader.assert_saw(&suite.all_events().await).await;
}

fn unique() -> CreateInvitationRequest {
    CreateInvitationRequest { create_unique_did: true, ..Default::default() }
}
