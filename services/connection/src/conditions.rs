//! What is wrong with the process that the service runs in. The service sees its own tables alone; the process hands in the rest.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use entente_rpc::proto::connection::v1::Finding;

type Looking = Pin<Box<dyn Future<Output = Vec<Finding>> + Send>>;

/// Looks at the process: its certificate, the tables of its services, its clock. By default there is nothing to see. Clones are one.
#[derive(Clone, Default)]
pub struct Conditions(Option<Arc<dyn Fn() -> Looking + Send + Sync>>);

impl Conditions {
    /// Asks this whenever an operator asks.
    pub fn new<F>(look: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Vec<Finding>> + Send + 'static,
    {
        Self(Some(Arc::new(move || Box::pin(look()))))
    }

    /// What is wrong now, in the order of kinds and ids.
    pub(crate) async fn look(&self) -> Vec<Finding> {
        let Some(look) = &self.0 else { return Vec::new() };
        let mut found = look().await;
        found.sort_by(|one, other| (one.kind, &one.id).cmp(&(other.kind, &other.id)));
        found
    }
}

impl fmt::Debug for Conditions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Conditions").finish_non_exhaustive()
    }
}
