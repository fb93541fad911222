use super::*;
use AddressingError as E;

const ALICE: &str = "did:example:alice";
const BOB: &str = "did:example:bob";

fn proved<'a>(recipient: &'a str, sender: &'a str, signer: &'a str) -> Proved<'a> {
    let kid = |kid: &'a str| Some(kid).filter(|kid| !kid.is_empty());
    Proved { recipient_kid: kid(recipient), sender_kid: kid(sender), signer_kid: kid(signer) }
}

#[test]
fn from_and_to_are_those_of_the_envelope() {
    let auth = proved("did:example:bob#2", "did:example:alice#1", "");
    let anon_signed = proved("did:example:bob#2", "", "did:example:alice#sign");
    let anon = proved("did:example:bob#2", "", "");
    let signed = proved("", "", "did:example:alice#sign");
    let sender =
        |from: &str| Err(E::SenderNotFrom { from: from.into(), kid: "did:example:alice#1".into() });
    let signer = |from: &str| {
        Err(E::SignerNotFrom { from: from.into(), kid: "did:example:alice#sign".into() })
    };
    let recipient = Err(E::RecipientNotInTo { kid: "did:example:bob#2".into() });
    let no_from = |kid: &str| Err(E::NoFrom { kid: kid.into() });
    let both = &[BOB][..];
    for (from, to, proved, expected) in [
        (Some(ALICE), Some(both), auth, Ok(())),
        (Some(ALICE), Some(&["did:example:carol", BOB]), auth, Ok(())),
        (Some(ALICE), None, auth, Ok(())),
        (Some("did:example:alice?x=y"), Some(both), auth, Ok(())),
        (Some("did:example:alic"), Some(both), auth, sender("did:example:alic")),
        (Some(BOB), Some(both), auth, sender(BOB)),
        (Some("alice"), Some(both), auth, sender("alice")),
        (None, Some(both), auth, no_from("did:example:alice#1")),
        (Some(ALICE), Some(&[ALICE]), auth, recipient.clone()),
        (Some(ALICE), Some(&[]), auth, recipient.clone()),
        (None, Some(both), anon, Ok(())),
        // Nothing proves it: the caller takes it for nobody's word.
        (Some(ALICE), None, anon, Ok(())),
        (None, Some(&[ALICE]), anon, recipient),
        (Some(ALICE), Some(both), anon_signed, Ok(())),
        (Some(BOB), Some(both), anon_signed, signer(BOB)),
        (None, Some(both), anon_signed, no_from("did:example:alice#sign")),
        (Some(ALICE), None, anon_signed, Err(E::NoTo)),
        (Some(ALICE), None, signed, Ok(())),
        (Some(ALICE), Some(&[ALICE]), signed, Ok(())),
        (Some(BOB), None, signed, signer(BOB)),
    ] {
        assert_eq!(check_addressing(from, to, proved), expected, "{from:?} {to:?} {proved:?}");
    }
}

#[test]
fn the_two_forms_of_a_peer_did_4_are_one() {
    let document = serde_json::json!({"verificationMethod": []});
    let entente_did::peer4::Peer4 { long, short, .. } =
        entente_did::peer4::encode(&document).unwrap();
    let kid = format!("{long}#key-1");
    let proved = Proved { sender_kid: Some(&kid), recipient_kid: Some(&kid), signer_kid: None };
    for did in [long.as_str(), short.as_str()] {
        assert_eq!(check_addressing(Some(did), Some(&[did]), proved), Ok(()));
    }
}
