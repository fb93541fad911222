//! What a handshake must refuse (RFC 0023): nothing of it moves a state.

mod end;
mod request;
mod response;

use entente_did::PublicKey;
use entente_rpc::proto::connection::v1::ExchangeState;
use entente_tests::peer::{kind, resolve};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

/// A problem report that has its code in both shapes.
fn code(report: &Value) -> &str {
    assert!(kind(report).ends_with("/problem_report"), "{report}");
    assert_eq!(report["problem-code"], report["description"]["code"], "{report}");
    report["problem-code"].as_str().unwrap()
}

/// An agent that sent its request to the peer.
struct Requested {
    request: Value,
    key: PublicKey,
    url: String,
    invitation_id: String,
}

impl Requested {
    async fn of(suite: &Suite, peer: &Peer) -> Self {
        let invitation = peer.invitation(json!({}));
        suite.receive(&invitation).await;
        let request = peer.listener.next().await.message;
        let (key, url) = resolve(request["did"].as_str().unwrap());
        let invitation_id = invitation["@id"].as_str().unwrap().to_owned();
        Self { request, key, url, invitation_id }
    }

    async fn send(&self, from: &Peer, message: &Value) {
        from.post_envelope(&self.url, from.key.pack(message, &self.key)).await;
    }

    async fn state(&self, suite: &Suite) -> ExchangeState {
        suite.exchange_of(&self.invitation_id).await.state()
    }
}
