//! What the owner of the suite decides.

use std::time::Duration;

use entente_rpc::auth::Tenants;

use crate::conditions::Conditions;

/// The configuration of the service.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the tables are: `sqlite:path` or `postgres://user@host/name`.
    pub database_url: String,
    /// A NATS server with JetStream that events are published to: `nats://host:port`, several with commas between.
    pub nats_url: Option<String>,
    /// The URL that peers reach this agent at; it stands in every DID and invitation.
    pub endpoint: String,
    /// What this agent calls itself.
    pub label: String,
    /// Send requests for accepted invitations without asking, unless the call says otherwise.
    pub auto_accept_invitations: bool,
    /// Approve requests without asking, unless the invitation says otherwise.
    pub auto_accept_requests: bool,
    /// How long a handshake may wait for the peer, or for its owner's approval.
    pub request_deadline: Duration,
    /// How long an inviter waits for the complete.
    pub response_deadline: Duration,
    /// How long a peer may take to confirm a reuse, unless the call says otherwise.
    pub reuse_deadline: Duration,
    /// How often a message is tried before it has failed: with back-off from 1 s to 5 min, 24 tries take 90 minutes.
    pub delivery_attempts: i32,
    /// How many messages are delivered at the same time.
    pub deliveries: usize,
    /// How long events and basic messages are kept.
    pub event_retention: Duration,
    /// How long the id of a message is remembered: by then a peer no longer repeats it.
    pub message_id_retention: Duration,
    /// Tell peers, in the encrypted messages, which trace a message belongs to, and take it from theirs.
    pub didcomm_trace_context: bool,
    /// How the tenants stand: whether they may work, and what they may have.
    pub tenants: Tenants,
    /// What is wrong with the process, which operators find among what is stuck.
    pub conditions: Conditions,
    /// How long a reader of events may leave its stream blocked.
    pub slow_reader: Duration,
}

impl Config {
    /// The defaults for a database and an endpoint.
    #[must_use]
    pub fn new(database_url: impl Into<String>, endpoint: impl Into<String>) -> Self {
        Self {
            database_url: database_url.into(),
            nats_url: None,
            endpoint: endpoint.into(),
            label: "Entente".to_owned(),
            auto_accept_invitations: true,
            auto_accept_requests: true,
            request_deadline: Duration::from_secs(24 * 3600),
            response_deadline: Duration::from_secs(3600),
            reuse_deadline: Duration::from_secs(15),
            delivery_attempts: 24,
            deliveries: 64,
            event_retention: Duration::from_secs(30 * 24 * 3600),
            message_id_retention: Duration::from_secs(14 * 24 * 3600),
            didcomm_trace_context: false,
            tenants: Tenants::default(),
            conditions: Conditions::default(),
            slow_reader: Duration::from_secs(30),
        }
    }
}
