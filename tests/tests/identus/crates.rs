//! The crates for DIDs and envelopes, and didcomm-node: no server between them.

use entente_did::create::v2_peer2;
use entente_did::{Did, Document, KeyType, resolve_offline};
use entente_didcomm::envelope::Envelope;
use entente_didcomm::envelope::v2::{Keys, NamedKey, Opened, pack_anoncrypt, pack_authcrypt, sign};
use entente_didcomm::primitives::{
    AgreementKey as _, AgreementSecret, ContentEncryption, Ed25519Secret,
};
use entente_tests::identus::{Identus, Reach, post};
use serde_json::{Value, json};

const TEXT: &str = "https://didcomm.org/basicmessage/2.0/message";

/// Who speaks for the crates.
struct Ours {
    did: String,
    agreement: AgreementSecret,
    signing: Ed25519Secret,
}

impl Ours {
    fn new() -> Self {
        let agreement = AgreementSecret::random(KeyType::X25519, &mut rand::rng()).unwrap();
        let signing = Ed25519Secret::from_seed(rand::random());
        let url = "http://127.0.0.1:1/a/path?with=a~query";
        let did = v2_peer2(&agreement.public(), &signing.public(), url, &[]).unwrap();
        Self { did: did.to_string(), agreement, signing }
    }

    fn kid(&self) -> String {
        format!("{}#key-1", self.did)
    }

    /// Opens what is from a peer whose document this is.
    fn open(&self, envelope: &str, from: &Document) -> Opened {
        let Envelope::V2(envelope) = Envelope::peek(envelope.as_bytes()).unwrap() else {
            panic!("an encrypted message")
        };
        let named = |keys: Vec<_>| keys.into_iter().map(|(kid, key)| NamedKey { kid, key });
        let keys = Keys {
            recipients: &[(&self.kid(), &self.agreement)],
            senders: &named(from.agreement_keys()).collect::<Vec<_>>(),
            signers: &named(from.authentication_keys()).collect::<Vec<_>>(),
        };
        envelope.open(&keys).unwrap()
    }
}

fn resolve(did: &str) -> Document {
    resolve_offline(&Did::parse(did).unwrap()).expect("an offline DID").unwrap()
}

fn text(from: &str, to: &str) -> Value {
    let id = uuid::Uuid::new_v4().to_string();
    json!({ "id": id, "type": TEXT, "from": from, "to": [to], "body": { "content": "Grüße \u{1f980}" } })
}

#[tokio::test]
async fn we_open_what_didcomm_node_packs() {
    let Some(identus) = Identus::start().await else { return };
    let ours = Ours::new();
    let peer = identus.agent(Reach::Direct).await;
    let did = peer.did().await;
    let anonymously = |encryption: &str| json!({ "from": did, "protect_sender": true, "enc_alg_anon": encryption });
    let kinds = [
        json!({ "from": did }),
        anonymously("A256cbcHs512EcdhEsA256kw"),
        anonymously("A256gcmEcdhEsA256kw"),
        anonymously("Xc20pEcdhEsA256kw"),
        json!({ "from": did, "signer": did }),
        json!({ "signer": did }),
        json!({}),
    ];
    for kind in kinds {
        let message = text(&did, &ours.did);
        let (envelope, endpoint) = peer.pack_with(&message, &ours.did, kind.clone()).await;
        assert_eq!(endpoint, "http://127.0.0.1:1/a/path?with=a~query");
        let opened = ours.open(&envelope, &resolve(&did));
        let plaintext: Value = serde_json::from_slice(&opened.plaintext).unwrap();
        assert_eq!(plaintext["body"], message["body"], "{kind}");
        let kid = |option: &str, key: &str| kind[option].as_str().map(|did| format!("{did}#{key}"));
        assert_eq!(opened.sender.map(|key| key.kid), kid("from", "key-1"), "{kind}");
        assert_eq!(opened.signer.map(|key| key.kid), kid("signer", "key-2"), "{kind}");
        assert_eq!(opened.recipient.unwrap().kid, ours.kid(), "{kind}");
    }
}

#[tokio::test]
async fn didcomm_node_opens_what_we_pack() {
    let Some(identus) = Identus::start().await else { return };
    let ours = Ours::new();
    let peer = identus.agent(Reach::Direct).await;
    let did = peer.did().await;
    let document = resolve(&did);
    let to: Vec<_> =
        document.agreement_keys().into_iter().map(|(kid, key)| NamedKey { kid, key }).collect();
    let endpoint = document.v2_services().next().unwrap().uri.clone();

    let rng = &mut rand::rng();
    let message = text(&ours.did, &did).to_string();
    let message = message.as_bytes();
    let authcrypted = pack_authcrypt(message, &ours.kid(), &ours.agreement, &to, rng).unwrap();
    let signed = sign(message, &format!("{}#key-2", ours.did), &ours.signing).unwrap();
    let mut envelopes = vec![authcrypted.clone()];
    for encryption in
        [ContentEncryption::A256CbcHs512, ContentEncryption::A256Gcm, ContentEncryption::Xc20p]
    {
        for inner in [&authcrypted, &signed] {
            envelopes.push(pack_anoncrypt(inner, &to, encryption, rng).unwrap());
        }
    }
    for envelope in &envelopes {
        let (status, body) = post(&endpoint, envelope.clone()).await;
        assert_eq!(status, 200, "{body}");
    }
    let received = peer.received(TEXT).await;
    assert_eq!(received.len(), envelopes.len());
    assert!(received.iter().all(|one| one["from"] == ours.did.as_str()), "{received:?}");
}
