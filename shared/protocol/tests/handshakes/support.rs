//! Keys, terms and approvals.

pub use entente_did::{Did, Document, PublicKey, create, peer2, peer4};
pub use entente_didcomm::attachment::{Attachment, jws};
pub use entente_didcomm::envelope::AuthenticatedSender;
pub use entente_didcomm::message::Message;
pub use entente_didcomm::primitives::Ed25519Secret;
pub use entente_protocol::exchange::{Context, Effect, Exchange, Input, State, Terms};
pub use entente_protocol::handshake::{
    Evidence, Presented, Request, Response, VerifiedRequest, read_complete,
};
pub use entente_protocol::{
    Approval, Envelope, Handshake, Identity, Misbehaved, Peer, Target, problem,
};

pub const ENDPOINT: &str = "http://127.0.0.1:8030";

pub fn secret(seed: u8) -> Ed25519Secret {
    Ed25519Secret::from_seed([seed; 32])
}

pub fn sender(seed: u8) -> AuthenticatedSender {
    AuthenticatedSender::from_keystore_answer(secret(seed).public())
}

pub fn signed(content: &[u8], seed: u8) -> Attachment {
    let mut attachment = Attachment::from_bytes("did-rotate", "text/string", content);
    let unsigned = jws::signing_input(content, &secret(seed).public()).unwrap();
    let signature = secret(seed).sign(unsigned.bytes());
    attachment.data.jws = Some(unsigned.with_signature(signature));
    attachment
}

pub fn approval(did: Did, key: PublicKey) -> Approval {
    Approval {
        identity: Identity { did, key },
        label: "Alice".into(),
        evidence: Evidence::None,
        goal_code: Some("p2p-messaging".into()),
        goal: None,
    }
}

pub fn terms(handshake: Handshake) -> Terms {
    let key = secret(1).public();
    Terms {
        handshake,
        invitation_id: "invitation-1".into(),
        invitation_keys: vec![key],
        invitation_did: Some(create::v1_peer2(&key, ENDPOINT, &[]).unwrap()),
        target: Some(Target::V1 {
            endpoint: ENDPOINT.into(),
            recipient_keys: vec![key],
            routing_keys: vec![],
            others: vec![],
        }),
    }
}

pub fn resolve(did: &Did) -> Document {
    entente_did::resolve_offline(did).unwrap().unwrap()
}

pub fn context(id: &str) -> Context {
    Context { message_id: id.into(), now: 1_700_000_000_000 }
}

pub fn sent(effects: &[Effect]) -> Message {
    let Some(Effect::Send { message, .. }) = effects.first() else { panic!("nothing was sent") };
    Message::parse(&message.to_vec()).unwrap()
}
