//! A store's failure as a caller sees it.

use std::time::Duration;

use entente_rpc::{ErrorReason, Failure};

use crate::StoreError;

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict | StoreError::Duplicate(_) => Failure::new(
                ErrorReason::Conflict,
                "another call changed the same record; try again",
            )
            .retry_after(Duration::from_millis(50)),
            StoreError::Unavailable(_) | StoreError::NotCommitted => {
                tracing::warn!(error = &error as &dyn std::error::Error, "store unavailable");
                Failure::new(ErrorReason::StoreUnavailable, "the store is busy or away; try again")
                    .retry_after(Duration::from_secs(1))
            }
            StoreError::Text => {
                Failure::field("text", "has the character U+0000 in it; leave it out")
            }
            StoreError::NotFound => Failure::new(ErrorReason::NotFound, "there is no such record"),
            StoreError::Corrupt { .. }
            | StoreError::Url(_)
            | StoreError::Migration(_)
            | StoreError::Internal(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "store failed");
                Failure::new(ErrorReason::Internal, "the store failed; the log has the details")
            }
        }
    }
}
