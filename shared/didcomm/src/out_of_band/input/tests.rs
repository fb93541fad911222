use proptest::prelude::*;

use super::*;
use crate::out_of_band::{HandshakeProtocol, InvitationService};

/// Made with ACA-Py 1.7.0: JSON with spaces, keys with fragments, a request attached.
const ACAPY: &str = "http://127.0.0.1:8020?oob=eyJAdHlwZSI6ICJodHRwczovL2RpZGNvbW0ub3JnL291dC1vZi1iYW5kLzEuMS9pbnZpdGF0aW9uIiwgIkBpZCI6ICJpbnYtMDAwMS1hY2FweSIsICJsYWJlbCI6ICJGYWJlciBcdTAwZmMiLCAiaGFuZHNoYWtlX3Byb3RvY29scyI6IFsiaHR0cHM6Ly9kaWRjb21tLm9yZy9kaWRleGNoYW5nZS8xLjEiLCAiaHR0cHM6Ly9kaWRjb21tLm9yZy9kaWRleGNoYW5nZS8xLjAiXSwgImFjY2VwdCI6IFsiZGlkY29tbS9haXAxIiwgImRpZGNvbW0vYWlwMjtlbnY9cmZjMTkiXSwgInJlcXVlc3RzfmF0dGFjaCI6IFt7IkBpZCI6ICJyZXF1ZXN0LTAiLCAibWltZS10eXBlIjogImFwcGxpY2F0aW9uL2pzb24iLCAiZGF0YSI6IHsianNvbiI6IHsiQHR5cGUiOiAiaHR0cHM6Ly9kaWRjb21tLm9yZy90cnVzdF9waW5nLzEuMC9waW5nIiwgIkBpZCI6ICJhdHRhY2hlZC0xIn19fV0sICJzZXJ2aWNlcyI6IFt7ImlkIjogIiNpbmxpbmUiLCAidHlwZSI6ICJkaWQtY29tbXVuaWNhdGlvbiIsICJyZWNpcGllbnRLZXlzIjogWyJkaWQ6a2V5Ono2TWtvbjNOZWNkNk5ra3lmb0dvSHhpZDJ6bkdjNTlMVTNLN211YmFSY0ZiTGZMWCN6Nk1rb24zTmVjZDZOa2t5Zm9Hb0h4aWQyem5HYzU5TFUzSzdtdWJhUmNGYkxmTFgiXSwgInNlcnZpY2VFbmRwb2ludCI6ICJodHRwOi8vMTI3LjAuMC4xOjgwMjAifV0sICJnb2FsX2NvZGUiOiAiaXNzdWUtdmMiLCAiZ29hbCI6ICJnIn0";

/// The sample of RFC 0434.
const SAMPLE: &str = r#"{"@type":"https://didcomm.org/out-of-band/1.0/invitation","@id":"69212a3a-d068-4f9d-a2dd-4741bca89af3","label":"Faber College","goal_code":"issue-vc","goal":"To issue a Faber College Graduate credential","handshake_protocols":["https://didcomm.org/didexchange/1.0","https://didcomm.org/connections/1.0"],"services":["did:sov:LjgpST2rjsoxYegQDRm7EL"]}"#;

fn invitation(input: &str) -> Invitation {
    match parse_input(input) {
        Ok(Decoded::Invitation(invitation)) => *invitation,
        other => panic!("{input}: {other:?}"),
    }
}

#[test]
fn reads_what_acapy_wrote() {
    let read = invitation(ACAPY);
    assert_eq!(read.id, "inv-0001-acapy");
    assert_eq!(read.label.as_deref(), Some("Faber ü"));
    let InvitationService::Inline(service) = &read.services[0] else { panic!() };
    assert_eq!(service.recipient_keys[0].base58(), "AKnL4NNf3DGWZJS6cPknBuEGnVsV4A4m5tgebLHaRSZ9");
    assert_eq!(
        read.known_protocols().collect::<Vec<_>>(),
        [HandshakeProtocol::DidExchange11, HandshakeProtocol::DidExchange10]
    );
    assert_eq!(read.requests_attach[0].data.json.as_ref().unwrap()["@id"], "attached-1");
}

#[test]
fn reads_the_sample_in_every_wrapping() {
    let expected = invitation(SAMPLE);
    assert_eq!(expected.label.as_deref(), Some("Faber College"));
    let oob = base64url::encode(SAMPLE);
    let padded = format!("{oob}{}", "=".repeat((4 - oob.len() % 4) % 4));
    let plain = padded.replace('-', "+").replace('_', "/");
    let escaped = padded.replace('=', "%3D");
    for input in [
        format!("http://example.com/ssi?oob={oob}"),
        format!("http://example.com/ssi?oob={padded}"),
        format!("http://example.com/ssi?oob={plain}"),
        format!("http://example.com/ssi?oob={escaped}"),
        format!("https://example.com?a=b&oob={oob}&c_i=x#fragment"),
        format!("didcomm://?oob={oob}"),
        format!("didcomm://invite?oob={oob}"),
        format!("didcomm:?oob={oob}"),
        format!("  http://example.com/ssi?oob={oob}\n"),
        format!("\n {SAMPLE} "),
    ] {
        assert_eq!(invitation(&input), expected, "{input}");
    }
}

#[test]
fn tells_short_urls_from_what_it_cannot_read() {
    for url in [
        "https://example.com/s/1",
        "http://example.com/?id=5",
        "https://example.com/?_oobid=5f0e3ffb",
    ] {
        assert_eq!(parse_input(url), Ok(Decoded::ShortUrl(url.to_owned())));
    }
    let no_parameter = InputError::NoParameter { scheme: "didcomm".to_owned() };
    assert_eq!(parse_input("didcomm://x?a=b"), Err(no_parameter));
    assert_eq!(
        parse_input("https://example.com?oob=!"),
        Err(InputError::Encoding { parameter: "oob" })
    );
    assert!(matches!(parse_input("https://example.com?oob=e30"), Err(InputError::Invitation(_))));
    assert!(matches!(parse_input("https://example.com?oob="), Err(InputError::Invitation(_))));
    for text in ["", "hello", "[1]", "example.com/s/1"] {
        assert!(matches!(parse_input(text), Err(InputError::Unrecognised { .. })), "{text}");
    }
    let large = format!("https://example.com?oob={}", "A".repeat(MAX_BYTES));
    assert!(matches!(parse_input(&large), Err(InputError::TooLarge { limit: MAX_BYTES, .. })));
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        let _ = parse_input(&text);
        let _ = parse_input(&format!("https://x?oob={text}"));
    }

    #[test]
    fn no_change_of_an_invitation_panics(at in any::<prop::sample::Index>(), with: u8) {
        let mut json = SAMPLE.as_bytes().to_vec();
        let at = at.index(json.len());
        json[at] = with;
        let url = format!("https://x?oob={}", base64url::encode(&json));
        if let Ok(Decoded::Invitation(read)) = parse_input(&url) {
            prop_assert_eq!(Invitation::from_value(read.to_json()), Ok(*read));
        }
    }
}
