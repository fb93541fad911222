//! How often an invitation may be used.

use serde::{Deserialize, Serialize};

/// Whether an invitation may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum InvitationState {
    /// It may.
    Open,
    /// It was used as often as allowed.
    Used,
    /// Its time has passed.
    Expired,
    /// Its owner revoked it.
    Revoked,
}

/// The uses of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Whether it may be used.
    pub state: InvitationState,
    /// True for multi-use.
    pub multi_use: bool,
    /// The limit of a multi-use invitation, if there is one.
    pub max_uses: Option<u32>,
    /// Connections begun and reuses accepted so far.
    pub uses: u32,
    /// When it stops working, in milliseconds since the epoch.
    pub expires_at: Option<i64>,
}

/// Why an invitation cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// We made none with this id.
    #[error("is not known here")]
    Unknown,
    /// It was used.
    #[error("was used already")]
    Used,
    /// Its time has passed.
    #[error("has expired")]
    Expired,
    /// Its owner revoked it.
    #[error("was revoked")]
    Revoked,
    /// It offers no handshake protocol, only requests.
    #[error("offers no handshake")]
    NoHandshake,
}

impl Usage {
    /// Whether it may be used at `now`.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn check(&self, now: i64) -> Result<(), Unusable> {
        match self.state {
            InvitationState::Used => Err(Unusable::Used),
            InvitationState::Revoked => Err(Unusable::Revoked),
            InvitationState::Expired => Err(Unusable::Expired),
            InvitationState::Open if self.expires_at.is_some_and(|end| end <= now) => {
                Err(Unusable::Expired)
            }
            InvitationState::Open => Ok(()),
        }
    }

    /// Uses it once.
    ///
    /// # Errors
    /// [`Unusable`]; nothing is changed.
    pub fn consume(mut self, now: i64) -> Result<Self, Unusable> {
        self.check(now)?;
        self.uses = self.uses.saturating_add(1);
        let limit = if self.multi_use { self.max_uses } else { Some(1) };
        if limit.is_some_and(|limit| self.uses >= limit) {
            self.state = InvitationState::Used;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPEN: Usage = Usage {
        state: InvitationState::Open,
        multi_use: false,
        max_uses: None,
        uses: 0,
        expires_at: None,
    };

    #[test]
    fn a_single_use_invitation_works_once() {
        let used = OPEN.consume(0).unwrap();
        assert_eq!(used.state, InvitationState::Used);
        assert_eq!(used.consume(0), Err(Unusable::Used));
    }

    #[test]
    fn an_expired_or_revoked_one_does_not_work() {
        let expiring = Usage { expires_at: Some(10), ..OPEN };
        assert!(expiring.check(9).is_ok());
        assert_eq!(expiring.consume(10), Err(Unusable::Expired));
        assert_eq!(
            Usage { state: InvitationState::Revoked, ..OPEN }.check(0),
            Err(Unusable::Revoked)
        );
    }

    proptest! {
        #[test]
        fn no_invitation_is_used_more_often_than_allowed(multi_use: bool, max in proptest::option::of(1u32..20), tries in 0u32..40) {
            let mut usage = Usage { multi_use, max_uses: max, ..OPEN };
            for _ in 0..tries {
                usage = usage.consume(0).unwrap_or(usage);
            }
            let limit = if multi_use { max.unwrap_or(u32::MAX) } else { 1 };
            prop_assert_eq!(usage.uses, tries.min(limit));
        }
    }
}
