//! Connections that lead to one peer are found, and become one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod merged;
mod races;
mod refused;

use entente_rpc::Status;
use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, Connection, DuplicateGroup, FindDuplicatesRequest,
    GetConnectionRequest, MergeConnectionsRequest, MergeConnectionsResponse, ReusePolicy,
};
use entente_tests::peer::Connected;
use entente_tests::suite::seconds;
use entente_tests::{Peer, Suite};

/// Has a peer join by a new invitation, also where it is connected already.
async fn join(peer: &Peer, suite: &Suite) -> Connected {
    let agent = peer.join(suite).await;
    let id = suite.connection_of(&agent.invitation_id).await.id;
    Connected { id, ..agent }
}

/// Connects as who will not reuse what there is; gives the invitee's connection.
async fn connect_anew(invitee: &Suite, inviter: &Suite) -> Connection {
    let invitation = inviter.invite().await;
    let request = AcceptInvitationRequest {
        invitation: invitation.url,
        reuse: Some(ReusePolicy { disabled: true, ..Default::default() }),
        wait: Some(seconds(30)),
        ..Default::default()
    };
    let accepted = invitee.accept_with(request).await.unwrap();
    inviter.connection_of(&invitation.id).await;
    get(invitee, &accepted.connection_id).await.unwrap()
}

async fn get(suite: &Suite, id: &str) -> Result<Connection, Status> {
    let request = GetConnectionRequest { id: id.to_owned() };
    let answer = suite.connections().get_connection(request).await?;
    Ok(answer.into_inner().connection.unwrap())
}

async fn groups(suite: &Suite) -> Vec<DuplicateGroup> {
    let answer = suite.connections().find_duplicates(FindDuplicatesRequest::default()).await;
    let answer = answer.unwrap().into_inner();
    assert_eq!(answer.next_page_token, "");
    answer.groups
}

async fn merge(
    suite: &Suite,
    keep: &str,
    absorb: &[&str],
) -> Result<MergeConnectionsResponse, Status> {
    let request = MergeConnectionsRequest {
        keep: keep.to_owned(),
        absorb: absorb.iter().map(|&id| id.to_owned()).collect(),
        ..Default::default()
    };
    Ok(suite.connections().merge_connections(request).await?.into_inner())
}
