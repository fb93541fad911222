//! The vectors of the DIDComm v2 specification, appendix C, with the keys of its appendix A.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use entente_did::PublicKey;
use entente_didcomm::envelope::v2::{Keys, Layer, NamedKey, Opened, Proved, check_addressing};
use entente_didcomm::envelope::{Envelope, EnvelopeError};
use entente_didcomm::primitives::{AgreementKey, AgreementSecret};
use serde_json::{Value, json};

fn secrets() -> Vec<Value> {
    serde_json::from_str(include_str!("appendix/secrets.json")).unwrap()
}

/// Bob's secrets of one curve; Alice's public keys.
struct Party {
    bob: Vec<(String, AgreementSecret)>,
    alice: Vec<NamedKey>,
}

impl Party {
    fn new() -> Self {
        let mut party = Self { bob: Vec::new(), alice: Vec::new() };
        for jwk in secrets() {
            let (kid, key) = (jwk["kid"].as_str().unwrap(), PublicKey::from_jwk(&jwk).unwrap());
            if kid.starts_with("did:example:alice") {
                party.alice.push(NamedKey::new(kid, key));
                continue;
            }
            let d = BASE64_URL_SAFE_NO_PAD.decode(jwk["d"].as_str().unwrap()).unwrap();
            let secret = AgreementSecret::from_bytes(key.key_type(), &d).unwrap();
            assert_eq!(secret.public(), key, "{kid}");
            party.bob.push((kid.to_owned(), secret));
        }
        party
    }

    /// Opens with those of Bob's keys whose kid begins so.
    fn open(&self, envelope: &str, kids: &[&str]) -> Result<Opened, EnvelopeError> {
        let recipients: Vec<_> = self
            .bob
            .iter()
            .filter(|(kid, _)| kids.iter().any(|start| kid.contains(start)))
            .map(|(kid, secret)| (kid.as_str(), secret as &dyn AgreementKey))
            .collect();
        let keys = Keys { recipients: &recipients, senders: &self.alice, signers: &self.alice };
        match Envelope::peek(envelope.as_bytes())? {
            Envelope::V2(encrypted) => encrypted.open(&keys),
            Envelope::Signed(signed) => signed.open(&keys),
            other => panic!("{other:?}"),
        }
    }
}

/// C.1.
fn message() -> Value {
    json!({
        "id": "1234567890", "typ": "application/didcomm-plain+json",
        "type": "http://example.com/protocols/lets_do_lunch/1.0/proposal",
        "from": "did:example:alice", "to": ["did:example:bob"],
        "created_time": 1516269022, "expires_time": 1516385931,
        "body": {"messagespecificattribute": "and its value"}
    })
}

fn check(opened: &Opened, layers: &[Layer], sender: Option<&str>, signer: Option<&str>) {
    let plaintext: Value = serde_json::from_slice(&opened.plaintext).unwrap();
    assert_eq!(plaintext, message());
    assert_eq!(opened.layers, layers);
    let kid = |key: &Option<NamedKey>| key.as_ref().map(|key| key.kid.clone());
    let alice = |fragment: Option<&str>| fragment.map(|f| format!("did:example:alice#{f}"));
    assert_eq!((kid(&opened.sender), kid(&opened.signer)), (alice(sender), alice(signer)));
    let proved = Proved {
        recipient_kid: opened.recipient.as_ref().map(|key| key.kid.as_str()),
        sender_kid: opened.sender.as_ref().map(|key| key.kid.as_str()),
        signer_kid: opened.signer.as_ref().map(|key| key.kid.as_str()),
    };
    assert_eq!(
        check_addressing(Some("did:example:alice"), Some(&["did:example:bob"]), proved),
        Ok(())
    );
}

#[test]
fn signed_messages() {
    let party = Party::new();
    for (vector, key) in [
        (include_str!("appendix/signed-eddsa.json"), "key-1"),
        (include_str!("appendix/signed-es256.json"), "key-2"),
        (include_str!("appendix/signed-es256k.json"), "key-3"),
    ] {
        let opened = party.open(vector, &[]).unwrap();
        check(&opened, &[Layer::Signed], None, Some(key));
        assert_eq!(opened.recipient, None);
        // Flattened, and with the kid where the text of the specification has it.
        let value: Value = serde_json::from_str(vector).unwrap();
        let signature = &value["signatures"][0];
        let flattened = json!({"payload": value["payload"], "protected": signature["protected"],
            "signature": signature["signature"], "header": signature["header"]});
        assert_eq!(party.open(&flattened.to_string(), &[]).unwrap(), opened);
    }
}

#[test]
fn encrypted_messages() {
    use Layer::{Anoncrypt, Authcrypt, Signed};
    let party = Party::new();
    for (vector, kids, layers, sender, signer) in [
        (
            include_str!("appendix/anoncrypt-x25519-xc20p.json"),
            &["x25519-1", "x25519-2", "x25519-3"][..],
            &[Anoncrypt][..],
            None,
            None,
        ),
        (
            include_str!("appendix/anoncrypt-p384-a256cbc-hs512.json"),
            &["p384-1", "p384-2"],
            &[Anoncrypt],
            None,
            None,
        ),
        (
            include_str!("appendix/anoncrypt-p521-a256gcm.json"),
            &["p521-1", "p521-2"],
            &[Anoncrypt],
            None,
            None,
        ),
        (
            include_str!("appendix/authcrypt-x25519.json"),
            &["x25519-1", "x25519-2", "x25519-3"],
            &[Authcrypt],
            Some("key-x25519-1"),
            None,
        ),
        (
            include_str!("appendix/authcrypt-p256-signed.json"),
            &["p256-1", "p256-2"],
            &[Authcrypt, Signed],
            Some("key-p256-1"),
            Some("key-1"),
        ),
    ] {
        for kid in kids {
            let opened = party.open(vector, &[kid]).unwrap();
            check(&opened, layers, sender, signer);
            assert!(opened.recipient.unwrap().kid.ends_with(kid));
        }
        assert_eq!(party.open(vector, &[]), Err(EnvelopeError::NotARecipient));
    }
}

#[test]
fn a_protected_sender_and_a_signature() {
    let party = Party::new();
    let vector = include_str!("appendix/anoncrypt-p521-authcrypt-p521-signed.json");
    for kid in ["p521-1", "p521-2"] {
        let opened = party.open(vector, &[kid]).unwrap();
        // The specification's text says X25519 of the layer within; it is of P-521 as well.
        let layers = [Layer::Anoncrypt, Layer::Authcrypt, Layer::Signed];
        check(&opened, &layers, Some("key-p521-1"), Some("key-1"));
        assert!(opened.recipient.unwrap().kid.ends_with(kid));
    }
    assert_eq!(party.open(vector, &["x25519-1"]), Err(EnvelopeError::NotARecipient));
}
