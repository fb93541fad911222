//! Each side packs, and the other opens.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is a failed test")]

use entente_oracles::{
    Affinidi, Cipher, Curve, Implementation, Opened, Ours, SIGNER, Sicpa, Wrapping, alices, message,
};

const WRAPPINGS: [Wrapping; 5] = [
    Wrapping::Signed,
    Wrapping::Anoncrypt,
    Wrapping::Authcrypt,
    Wrapping::Protected,
    Wrapping::AnoncryptSigned,
];
const CIPHERS: [Cipher; 3] = [Cipher::A256CbcHs512, Cipher::A256Gcm, Cipher::Xc20p];

/// Packs with one and opens with the other, in all ways that both know. Gives their number.
fn cross(from: &dyn Implementation, to: &dyn Implementation) -> usize {
    let (text, mut done) = (message(1024), 0);
    for curve in Curve::ALL {
        for cipher in CIPHERS.into_iter().filter(|c| from.knows(curve, *c) && to.knows(curve, *c)) {
            for wrapping in WRAPPINGS {
                let case =
                    format!("{} to {}: {curve:?} {cipher:?} {wrapping:?}", from.name(), to.name());
                let Some(envelope) = from.pack(&text, curve, wrapping, cipher) else { continue };
                let opened = to.open(&envelope).unwrap_or_else(|error| panic!("{case}: {error}"));
                let authcrypted = matches!(wrapping, Wrapping::Authcrypt | Wrapping::Protected);
                let signed = matches!(wrapping, Wrapping::Signed | Wrapping::AnoncryptSigned);
                let expected = Opened {
                    message: serde_json::from_str(&text).unwrap(),
                    sender_kid: authcrypted.then(|| alices(curve).unwrap().kid),
                    signer_kid: signed.then(|| SIGNER.to_owned()),
                };
                assert_eq!(opened, expected, "{case}");
                done += 1;
            }
        }
    }
    done
}

#[test]
fn didcomm_opens_ours() {
    // 2 curves, 3 ciphers, 5 wrappings.
    assert_eq!(cross(&Ours::new(true), &Sicpa::default()), 30);
}

#[test]
fn we_open_didcomms() {
    assert_eq!(cross(&Sicpa::default(), &Ours::new(true)), 30);
}

#[test]
fn affinidi_opens_ours() {
    // 4 curves, 5 wrappings; Alice has no key of P-384 to authcrypt with.
    assert_eq!(cross(&Ours::new(false), &Affinidi::default()), 18);
}

#[test]
fn we_open_affinidis() {
    assert_eq!(cross(&Affinidi::default(), &Ours::new(false)), 18);
}
