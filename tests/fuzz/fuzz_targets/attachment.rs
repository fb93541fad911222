//! Attachments and the signatures in messages: detached JWS, `connection~sig`, `from_prior`; and the documents that
//! handshakes attach.

#![no_main]

use entente_did::PublicKey;
use entente_didcomm::attachment::{Attachment, jws};
use entente_didcomm::from_prior::Claim;
use entente_didcomm::message::Message;
use entente_didcomm::primitives::Ed25519Secret;
use entente_didcomm::signature;
use entente_fuzz::{base64url, way};
use entente_protocol::handshake::{Presented, Request, Response};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// A content that is longer is refused.
const LIMIT: usize = 4096;

fuzz_target!(|data: &[u8]| match way(data) {
    (1, protected) => attached(&with_protected(protected)),
    (2, content) => signed(content),
    (3, parts) => from_prior(parts),
    (4, message) => handshake(message, None),
    (5, document) => handshake(&request_with(document), Some(signer().public())),
    (_, json) => {
        let Ok(value) = serde_json::from_slice(json) else { return };
        attached(&value);
        if let Ok(field) = signature::Signed::parse("connection~sig", &value) {
            let _ = (field.content(), field.verify());
        }
    }
});

fn attached(value: &Value) {
    let Ok(attachment) = Attachment::parse(value) else { return };
    assert_eq!(Attachment::parse(&attachment.to_value()).as_ref(), Ok(&attachment));
    let _ = attachment.to_v2_value();
    if let Ok(content) = attachment.content(LIMIT) {
        assert!(content.len() <= LIMIT);
    }
    if let Ok(signers) = jws::verify(&attachment) {
        assert!((1..=jws::MAX_SIGNATURES).contains(&signers.len()));
    }
}

fn with_protected(protected: &[u8]) -> Value {
    let signature = json!({"protected": base64url(protected), "signature": base64url([1; 64])});
    json!({"@id": "1", "data": {"base64": base64url(protected), "jws": signature}})
}

/// What was signed verifies, for its signer and for no other content.
fn signed(content: &[u8]) {
    let secret = signer();
    let unsigned = jws::signing_input(content, &secret.public()).unwrap();
    let signature = secret.sign(unsigned.bytes());
    let mut attachment = Attachment::from_bytes("1", "application/json", content);
    attachment.data.jws = Some(unsigned.with_signature(signature));
    assert_eq!(jws::verify(&attachment), Ok(vec![secret.public()]));
    assert_eq!(attachment.content(content.len()).as_deref(), Ok(content));
    let mut longer = Attachment::from_bytes("1", "application/json", &[content, b"x"].concat());
    longer.data.jws = attachment.data.jws;
    assert!(jws::verify(&longer).is_err());
    let Ok(json) = serde_json::from_slice::<Value>(content) else { return };
    let unsigned = signature::signing_input(&json, &secret.public(), 0);
    let signature = secret.sign(unsigned.bytes());
    if let Ok(field) =
        signature::Signed::parse("connection~sig", &unsigned.with_signature(signature))
    {
        assert_eq!(field.verify(), Ok(secret.public()));
        assert_eq!(Some(field.content()), json.as_object());
    }
}

fn from_prior(parts: &[u8]) {
    let text = String::from_utf8_lossy(parts);
    let _ = Claim::parse(&text);
    if let Some((header, payload)) = text.split_once('\n') {
        let (header, payload) = (base64url(header), base64url(payload));
        if let Ok(claim) = Claim::parse(&format!("{header}.{payload}.{}", base64url([1; 64]))) {
            assert!(claim.kid().starts_with("did:") || claim.prior().is_unqualified());
        }
    }
}

fn signer() -> Ed25519Secret {
    Ed25519Secret::from_seed([7; 32])
}

fn handshake(json: &[u8], signer: Option<PublicKey>) {
    let Ok(message) = Message::parse(json) else { return };
    let _ = Response::read(&message);
    let Ok(request) = Request::read(&message) else { return };
    if let (Ok(Presented::Attached(document)), Some(signer)) = (request.presented(), signer) {
        assert!(document.ed25519_keys().contains(&signer), "signed by another");
    }
}

/// A request of did-exchange with a document that one of its keys may have signed.
fn request_with(document: &[u8]) -> Vec<u8> {
    let secret = signer();
    let mut attachment = Attachment::from_bytes("1", "application/json", document);
    let unsigned = jws::signing_input(document, &secret.public()).unwrap();
    let signature = secret.sign(unsigned.bytes());
    attachment.data.jws = Some(unsigned.with_signature(signature));
    let id = serde_json::from_slice::<Value>(document).unwrap_or_default().get("id").cloned();
    let request = json!({
        "@type": "https://didcomm.org/didexchange/1.1/request",
        "@id": "1",
        "~thread": {"thid": "1", "pthid": "2"},
        "label": "Alice",
        "did": id,
        "did_doc~attach": attachment.to_value(),
    });
    request.to_string().into_bytes()
}
