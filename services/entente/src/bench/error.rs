use entente_rpc::Status;
use entente_rpc::link::LinkError;

/// Why the benchmark ended early.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A process of this program cannot be started.
    #[error("the {label} cannot be started")]
    Spawn {
        /// Which agent.
        label: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A process of this program did not become ready.
    #[error("the {label} did not become ready: {last:?}")]
    NotReady {
        /// Which agent.
        label: &'static str,
        /// What it printed last.
        last: String,
    },
    /// An agent's address or key cannot be used.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// An operation failed.
    #[error("{operation}: {status}")]
    Operation {
        /// Which.
        operation: &'static str,
        /// What the agent answered.
        status: Box<Status>,
    },
    /// Something is more after a long load than it was at first.
    #[error("after the load there is more than before of: {0}")]
    Grown(String),
    /// An agent's DIDComm listener cannot be posted to.
    #[error("the agent's DIDComm listener cannot be posted to")]
    Post {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no envelope to post.
    #[error("no envelope can be made: {0}")]
    Envelope(String),
    /// The event that ends an operation did not come.
    #[error("{operation}: no event within {seconds} s for invitation {invitation}")]
    Missing {
        /// Which.
        operation: &'static str,
        /// How long it was waited for.
        seconds: u64,
        /// The invitation that it is about.
        invitation: String,
    },
}

impl BenchError {
    pub(super) fn during(operation: &'static str) -> impl Fn(Status) -> Self {
        move |status| Self::Operation { operation, status: Box::new(status) }
    }
}
