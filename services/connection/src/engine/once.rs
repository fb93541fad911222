//! Calls that may be repeated: the first answer is kept under the caller's request_id.

use entente_rpc::{ErrorReason, Failure};
use entente_store::StoreError;
use prost::Message;
use sha2::{Digest as _, Sha256};

use super::{Answer, Engine};
use crate::store::Work;

/// How long a request_id may be.
const MAX_REQUEST_ID: usize = 64;

/// A call that may be repeated.
pub(crate) struct Once {
    method: &'static str,
    request_id: String,
    digest: Vec<u8>,
}

impl Once {
    /// A call with a request_id; an empty one makes it an ordinary call.
    pub fn new(method: &'static str, request_id: &str, request: &impl Message) -> Answer<Self> {
        if request_id.len() > MAX_REQUEST_ID {
            return Err(Failure::field("request_id", "must have at most 64 characters"));
        }
        let digest = if request_id.is_empty() {
            Vec::new()
        } else {
            Sha256::digest(request.encode_to_vec()).to_vec()
        };
        Ok(Self { method, request_id: request_id.to_owned(), digest })
    }
}

impl Engine {
    /// Commits the work of a call, with its answer under the request_id. If the same call was faster, its answer counts.
    pub(crate) async fn commit_once<M: Message + Default>(
        &self,
        mut work: Work,
        once: &Once,
        response: M,
    ) -> Answer<M> {
        if once.request_id.is_empty() {
            self.commit(work).await?;
            return Ok(response);
        }
        let tenant = work.tenant().to_owned();
        work.remember(once.method, &once.request_id, &once.digest, &response.encode_to_vec());
        match self.commit(work).await {
            Ok(()) => Ok(response),
            Err(error @ StoreError::Duplicate(_)) => {
                self.store.settled(&tenant).await?;
                let known = self.recall(&tenant, once).await?;
                known.ok_or_else(|| error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The answer to the same call, if it was made before.
    pub(crate) async fn recall<M: Message + Default>(
        &self,
        tenant: &str,
        once: &Once,
    ) -> Answer<Option<M>> {
        if once.request_id.is_empty() {
            return Ok(None);
        }
        let Some(known) = self.store.recall(tenant, once.method, &once.request_id).await? else {
            return Ok(None);
        };
        if known.digest != once.digest {
            let text = "the request_id was used for a call with another payload; use a new one";
            return Err(Failure::new(ErrorReason::RequestIdReused, text));
        }
        let response = M::decode(known.response.as_slice())
            .map_err(|_| Failure::new(ErrorReason::Internal, "the stored answer cannot be read"))?;
        Ok(Some(response))
    }
}
