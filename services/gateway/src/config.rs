use std::time::Duration;

use entente_rpc::auth::Callers;

use crate::webhook::WebhookSettings;

/// How the gateway works.
#[derive(Clone)]
pub struct Config {
    /// The URL that peers reach us at; the base of invitation URLs.
    pub endpoint: String,
    /// Our self-attested name, as the admin API tells it.
    pub label: String,
    /// Who may use the admin API.
    pub callers: Callers,
    /// What a peer may ask of us at once.
    pub didcomm: DidcommLimits,
    /// How long `receive-invitation` waits for the peer's answer to a reuse. At most 30 s.
    pub accept_wait: Duration,
    /// The URLs that events are sent to, and how.
    pub webhooks: WebhookSettings,
    /// Admin WebSockets open at once.
    pub max_admin_sockets: usize,
}

impl Config {
    /// The defaults, for an endpoint, a name and the callers of the admin API.
    pub fn new(endpoint: impl Into<String>, label: impl Into<String>, callers: Callers) -> Self {
        Self {
            endpoint: endpoint.into(),
            label: label.into(),
            callers,
            didcomm: DidcommLimits::default(),
            accept_wait: Duration::from_secs(2),
            webhooks: WebhookSettings::default(),
            max_admin_sockets: 256,
        }
    }
}

/// The bounds on what peers may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DidcommLimits {
    /// The largest body or frame, in bytes.
    pub max_message: usize,
    /// How long a body may take to arrive.
    pub read_timeout: Duration,
    /// How long a message may take to be handled; the peer is then told to try again.
    pub handle_timeout: Duration,
    /// Messages a second from one address, and five seconds' worth at once; 0 for no limit. More are told to come later.
    pub address_rate: u32,
    /// Messages a second from one key of a peer, and five seconds' worth at once; 0 for no limit.
    pub peer_rate: u32,
    /// Messages handled at once; more are told to try again.
    pub max_in_flight: usize,
    /// Bytes of bodies in memory at once, those that are still arriving included; more are told to try again.
    pub max_buffered: usize,
    /// WebSockets open at once.
    pub max_sockets: usize,
    /// How long a WebSocket may be without a message.
    pub socket_idle: Duration,
    /// How often a WebSocket is pinged; it is dead when it is silent for twice as long.
    pub socket_ping: Duration,
    /// Replies given on a WebSocket for one message with return-route.
    pub max_socket_replies: u16,
}

impl Default for DidcommLimits {
    fn default() -> Self {
        Self {
            max_message: 1024 * 1024,
            read_timeout: Duration::from_secs(10),
            handle_timeout: Duration::from_secs(30),
            address_rate: 0,
            peer_rate: 0,
            max_in_flight: 256,
            max_buffered: 64 * 1024 * 1024,
            max_sockets: 1024,
            socket_idle: Duration::from_secs(600),
            socket_ping: Duration::from_secs(30),
            max_socket_replies: 16,
        }
    }
}
