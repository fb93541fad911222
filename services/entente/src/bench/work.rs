//! The operations that are measured.

use std::time::{Duration, Instant};

use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, CreateInvitationRequest, DeleteAcceptanceRequest,
    DeleteConnectionRequest, DeleteInvitationRequest, DidMethod, Invitation, InvitationFormat,
    InvitationKind, ListConnectionsRequest, ReusePolicy,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::BenchError;
use super::agent::Agent;
use super::arrivals::Arrivals;
use super::measure::{Measured, measure};

/// A version of DIDComm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Version {
    /// did-exchange over DIDComm v1
    #[value(name = "1")]
    One,
    /// The handshake of Identus over DIDComm v2
    #[value(name = "2")]
    Two,
}

/// The page that is listed.
const PAGE: i32 = 1000;
/// How often it is listed.
const LISTS: usize = 50;

/// A connection that was made, on both sides, and what it came from.
pub(super) struct Made {
    /// When both had it.
    pub(super) at: Instant,
    invitation: String,
    acceptance: String,
    pub(super) inviters: String,
    invitees: String,
}

pub(super) struct Work<'a> {
    /// The version of DIDComm.
    pub(super) didcomm: Version,
    pub(super) inviter: &'a Agent,
    pub(super) invitee: &'a Agent,
    /// Connections that the inviter made.
    pub(super) inviter_done: Arrivals,
    /// Connections that the invitee made.
    pub(super) invitee_done: Arrivals,
    /// Reuses that the inviter confirmed to the invitee.
    pub(super) reused: Arrivals,
}

impl Work<'_> {
    fn agents(&self) -> [&Agent; 2] {
        [self.inviter, self.invitee]
    }

    pub(super) async fn create_invitations(
        &self,
        count: usize,
        concurrency: usize,
    ) -> Result<Measured, BenchError> {
        let create = |()| async {
            let begun = Instant::now();
            self.invite().await?;
            Ok(begun.elapsed())
        };
        measure("create invitation", self.agents(), concurrency, vec![(); count], create).await
    }

    /// Accepts with reuse disabled, until both sides have the connection.
    pub(super) async fn handshakes(
        &self,
        name: &'static str,
        count: usize,
        concurrency: usize,
    ) -> Result<Measured, BenchError> {
        let invitations = self.invitations(count, concurrency).await?;
        let handshake = |invitation: Invitation| async move {
            let begun = Instant::now();
            Ok(self.handshake(name, &invitation).await?.at.duration_since(begun))
        };
        measure(name, self.agents(), concurrency, invitations, handshake).await
    }

    /// Invites, and accepts that, until both sides have the connection.
    pub(super) async fn connect(&self, name: &'static str) -> Result<Made, BenchError> {
        self.handshake(name, &self.invite().await?).await
    }

    /// Accepts an invitation, until both sides have the connection.
    pub(super) async fn handshake(
        &self,
        name: &'static str,
        invitation: &Invitation,
    ) -> Result<Made, BenchError> {
        let inviter_done = self.inviter_done.expect(&invitation.id);
        let invitee_done = self.invitee_done.expect(&invitation.id);
        let acceptance = self.accept(name, invitation, true).await?;
        let (invitee_at, invitees) = invitee_done.wait(name).await?;
        let (inviter_at, inviters) = inviter_done.wait(name).await?;
        let at = invitee_at.max(inviter_at);
        Ok(Made { at, invitation: invitation.id.clone(), acceptance, inviters, invitees })
    }

    /// Deletes a connection on both sides, with what it came from.
    pub(super) async fn end(&self, made: Made) -> Result<(), BenchError> {
        let during = BenchError::during;
        let Made { invitation, acceptance, inviters, invitees, .. } = made;
        let (inviter, invitee) = (&self.inviter.api, &self.invitee.api);
        for (api, id) in [(inviter, inviters), (invitee, invitees)] {
            let request = DeleteConnectionRequest { id };
            api.connections().delete_connection(request).await.map_err(during("delete"))?;
        }
        let request = DeleteInvitationRequest { id: invitation };
        inviter.invitations().delete_invitation(request).await.map_err(during("delete"))?;
        let request = DeleteAcceptanceRequest { id: acceptance };
        invitee.invitations().delete_acceptance(request).await.map_err(during("delete"))?;
        Ok(())
    }

    /// Accepts invitations with a DID that is known, until the inviter's confirmation.
    pub(super) async fn reuses(
        &self,
        count: usize,
        concurrency: usize,
    ) -> Result<Measured, BenchError> {
        let name = "reuse";
        let invitations = self.invitations(count, concurrency).await?;
        let reuse = |invitation: Invitation| async move {
            let reused = self.reused.expect(&invitation.id);
            let begun = Instant::now();
            self.accept(name, &invitation, false).await?;
            Ok(reused.wait(name).await?.0.duration_since(begun))
        };
        measure(name, self.agents(), concurrency, invitations, reuse).await
    }

    /// Lists the first page of the inviter's connections, one call after the other.
    pub(super) async fn list(&self, there: usize) -> Result<Measured, BenchError> {
        let name = format!("list {} of {there} connections", there.min(1000));
        let list = |()| async {
            let request = ListConnectionsRequest { page_size: PAGE, ..Default::default() };
            let begun = Instant::now();
            self.inviter
                .api
                .connections()
                .list_connections(request)
                .await
                .map_err(BenchError::during("list"))?;
            Ok::<Duration, BenchError>(begun.elapsed())
        };
        measure(name, self.agents(), 1, vec![(); LISTS], list).await
    }

    /// How many connections the inviter has.
    pub(super) async fn count(&self) -> Result<usize, BenchError> {
        let (mut count, mut page_token) = (0, String::new());
        loop {
            let request =
                ListConnectionsRequest { page_size: PAGE, page_token, ..Default::default() };
            let page = self.inviter.api.connections().list_connections(request).await;
            let page = page.map_err(BenchError::during("count"))?.into_inner();
            count += page.connections.len();
            if page.next_page_token.is_empty() {
                return Ok(count);
            }
            page_token = page.next_page_token;
        }
    }

    /// Invitations with one DID, not measured.
    pub(super) async fn invitations(
        &self,
        count: usize,
        concurrency: usize,
    ) -> Result<Vec<Invitation>, BenchError> {
        stream::iter(0..count)
            .map(|_| self.invite())
            .buffer_unordered(concurrency)
            .try_collect()
            .await
    }

    async fn invite(&self) -> Result<Invitation, BenchError> {
        let (kind, format) = match self.didcomm {
            Version::One => (InvitationKind::SingleUse, InvitationFormat::OutOfBand1),
            // Those for one have a DID each, which no other can be recognised by.
            Version::Two => (InvitationKind::MultiUse, InvitationFormat::OutOfBand2),
        };
        let request = CreateInvitationRequest {
            kind: kind.into(),
            format: format.into(),
            did_method: DidMethod::Peer2.into(),
            ..Default::default()
        };
        let response = self.inviter.api.invitations().create_invitation(request).await;
        Ok(response
            .map_err(BenchError::during("create invitation"))?
            .into_inner()
            .invitation
            .unwrap_or_default())
    }

    /// Gives the id of the acceptance.
    async fn accept(
        &self,
        name: &'static str,
        invitation: &Invitation,
        new: bool,
    ) -> Result<String, BenchError> {
        let request = AcceptInvitationRequest {
            invitation: invitation.url.clone(),
            reuse: Some(ReusePolicy { disabled: new, ..Default::default() }),
            ..Default::default()
        };
        let accepted = self.invitee.api.invitations().accept_invitation(request).await;
        let accepted = accepted.map_err(BenchError::during(name))?.into_inner();
        Ok(accepted.acceptance.unwrap_or_default().id)
    }
}
