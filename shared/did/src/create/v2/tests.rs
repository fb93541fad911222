use super::*;
use crate::document::Document;
use crate::{DidUrl, resolve_offline};

const ED25519: &str = "z6Mkj3PUd1WjvaDhNZhhhXQdz5UnZXmS7ehtx8bsPpD47kKc";
const X25519: &str = "z6LSg8zQom395jKLrGiBNruB9MM6V8PWuf2FpEy4uRFiqQBR";
const ENDPOINT: &str = "http://host.docker.internal:8080/didcomm";

fn key(multibase: &str) -> PublicKey {
    PublicKey::from_multibase(multibase).unwrap()
}

fn reaches_us(did: &Did, routing_keys: &[String]) {
    let document = resolve_offline(did).unwrap().unwrap();
    assert_eq!(document.agreement_keys(), [(format!("{did}#key-1"), key(X25519))]);
    assert_eq!(document.authentication_keys(), [(format!("{did}#key-2"), key(ED25519))]);
    let services: Vec<_> = document.v2_services().collect();
    assert_eq!(services.len(), 1);
    assert_eq!((services[0].uri.as_str(), services[0].mediator()), (ENDPOINT, None));
    assert_eq!(services[0].accept, V2_ACCEPT);
    assert_eq!(services[0].routing_keys, routing_keys);
    assert_eq!(document.v1_services(), Ok(vec![]));
    assert_eq!(Document::from_value(serde_json::to_value(&document).unwrap()), Ok(document));
}

#[test]
fn v2_peer2_is_what_a_cloud_agent_makes() {
    let did = v2_peer2(&key(X25519), &key(ED25519), ENDPOINT, &[]).unwrap();
    // {"t":"dm","s":{"uri":"http://host.docker.internal:8080/didcomm","r":[],"a":["didcomm/v2"]}}
    let service = "eyJ0IjoiZG0iLCJzIjp7InVyaSI6Imh0dHA6Ly9ob3N0LmRvY2tlci5pbnRlcm5hbDo4MDgwL2RpZGNvbW0iLCJyIjpbXSwiYSI6WyJkaWRjb21tL3YyIl19fQ";
    assert_eq!(did.as_str(), format!("did:peer:2.E{X25519}.V{ED25519}.S{service}"));
    reaches_us(&did, &[]);
    let routing = ["did:example:mediator#key-1".to_owned()];
    reaches_us(&v2_peer2(&key(X25519), &key(ED25519), ENDPOINT, &routing).unwrap(), &routing);
}

#[test]
fn v2_peer4_has_the_same() {
    let routing = ["did:example:mediator#key-1".to_owned()];
    for routing in [&[][..], &routing] {
        let made = v2_peer4(&key(X25519), &key(ED25519), ENDPOINT, routing).unwrap();
        reaches_us(&made.long, routing);
        let document = resolve_offline(&made.long).unwrap().unwrap();
        for did in [&made.short, &made.long] {
            let kid = DidUrl::parse(&format!("{did}#key-1")).unwrap().to_string();
            assert_eq!(document.agreement_key(&kid), Some(key(X25519)), "either form of the DID");
        }
    }
}

#[test]
fn refuses_keys_that_cannot_serve() {
    let (agreement, signing) = (key(X25519), key(ED25519));
    for (agreement, signing) in [(signing, signing), (agreement, agreement), (signing, agreement)] {
        for refused in [
            v2_peer2(&agreement, &signing, ENDPOINT, &[]).map(|_| ()),
            v2_peer4(&agreement, &signing, ENDPOINT, &[]).map(|_| ()),
        ] {
            assert!(matches!(refused, Err(DidError::KeyTypeMismatch { .. })));
        }
    }
    let low_order = v2_peer2(&PublicKey::X25519([0; 32]), &signing, ENDPOINT, &[]);
    assert_eq!(low_order, Err(DidError::KeyLowOrder));
}
