use std::collections::{BTreeSet, HashMap};

use entente_rpc::proto::connection::v1::{
    Acceptance, BatchGetAcceptancesRequest, BatchGetInvitationsRequest, Exchange, Invitation, Role,
};
use entente_rpc::{Code, Status};

use crate::gateway::Shared;
use crate::identus::invitations::Origin;

/// Records asked for at once.
const BATCH: usize = 250;

/// The invitations behind some exchanges.
#[derive(Default)]
pub(in crate::identus) struct Origins {
    /// Ours, by id.
    invitations: HashMap<String, Invitation>,
    /// Theirs, by the exchange that they began.
    acceptances: HashMap<String, Acceptance>,
}

impl Origins {
    pub(in crate::identus) async fn of(
        shared: &Shared,
        exchanges: &[Exchange],
    ) -> Result<Self, Status> {
        let mut origins = Self::default();
        let (ours, theirs): (Vec<_>, Vec<_>) =
            exchanges.iter().partition(|exchange| exchange.role() != Role::Invitee);
        let ids: BTreeSet<_> = ours.into_iter().map(|exchange| &exchange.invitation_id).collect();
        origins.fetch_ours(shared, ids.into_iter().cloned().collect()).await?;
        let began: HashMap<_, _> = theirs
            .into_iter()
            .map(|exchange| (exchange.id.clone(), exchange.invitation_id.as_str()))
            .collect();
        origins.fetch_theirs(shared, &began).await?;
        Ok(origins)
    }

    async fn fetch_ours(&mut self, shared: &Shared, ids: Vec<String>) -> Result<(), Status> {
        let mut batches = Batches::new(ids);
        while let Some(ids) = batches.next() {
            let request = shared.request(BatchGetInvitationsRequest { ids })?;
            match shared.clients.invitations.clone().batch_get_invitations(request).await {
                Ok(answer) => {
                    batches.taken();
                    for invitation in answer.into_inner().invitations {
                        self.invitations.insert(invitation.id.clone(), invitation);
                    }
                }
                Err(status) => batches.refused(status)?,
            }
        }
        Ok(())
    }

    /// `began`: exchanges with the invitation that began each.
    async fn fetch_theirs(
        &mut self,
        shared: &Shared,
        began: &HashMap<String, &str>,
    ) -> Result<(), Status> {
        let mut batches = Batches::new(began.keys().cloned().collect());
        while let Some(exchange_ids) = batches.next() {
            let request = shared.request(BatchGetAcceptancesRequest { exchange_ids })?;
            match shared.clients.invitations.clone().batch_get_acceptances(request).await {
                Ok(answer) => {
                    batches.taken();
                    for acceptance in answer.into_inner().acceptances {
                        // Others that followed the exchange came with invitations of their own.
                        if began.get(&acceptance.exchange_id)
                            == Some(&acceptance.invitation_id.as_str())
                        {
                            self.acceptances.insert(acceptance.exchange_id.clone(), acceptance);
                        }
                    }
                }
                Err(status) => batches.refused(status)?,
            }
        }
        Ok(())
    }

    pub(in crate::identus) fn origin(&self, exchange: &Exchange) -> Origin<'_> {
        if exchange.role() == Role::Invitee {
            self.acceptances.get(&exchange.id).map_or(Origin::Gone, Origin::Theirs)
        } else {
            self.invitations.get(&exchange.invitation_id).map_or(Origin::Gone, Origin::Ours)
        }
    }
}

/// Ids, as many at once as fit into one answer.
struct Batches {
    rest: Vec<String>,
    size: usize,
}

impl Batches {
    fn new(ids: Vec<String>) -> Self {
        Self { rest: ids, size: BATCH }
    }

    fn next(&self) -> Option<Vec<String>> {
        let batch: Vec<_> = self.rest.iter().take(self.size).cloned().collect();
        Some(batch).filter(|batch| !batch.is_empty())
    }

    fn taken(&mut self) {
        self.rest.drain(..self.size.min(self.rest.len()));
    }

    /// Makes the batches smaller, if that may help.
    fn refused(&mut self, status: Status) -> Result<(), Status> {
        if self.size == 1 || !is_too_large(&status) {
            return Err(status);
        }
        self.size = self.size.div_ceil(4);
        Ok(())
    }
}

/// The answer would be larger than a message may be.
fn is_too_large(status: &Status) -> bool {
    matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_shrink_until_they_fit() {
        let ids: Vec<_> = (0..600).map(|id| id.to_string()).collect();
        let mut batches = Batches::new(ids.clone());
        let (mut found, mut sizes) = (Vec::new(), Vec::new());
        while let Some(batch) = batches.next() {
            sizes.push(batch.len());
            if batch.len() > 100 {
                batches.refused(Status::out_of_range("too large")).unwrap();
            } else {
                found.extend(batch);
                batches.taken();
            }
        }
        assert_eq!((found, &sizes[..3]), (ids, &[250, 63, 63][..]));
    }

    #[test]
    fn other_failures_are_the_callers() {
        let mut batches = Batches::new(vec!["1".to_owned()]);
        assert_eq!(
            batches.refused(Status::unavailable("x")).unwrap_err().code(),
            Code::Unavailable
        );
        while batches.refused(Status::out_of_range("too large")).is_ok() {}
        assert_eq!(batches.size, 1);
    }
}
