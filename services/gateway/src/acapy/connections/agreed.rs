//! Static connections: of keys that the two sides agreed on elsewhere.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use entente_did::{Did, PublicKey};
use entente_didcomm::primitives::Ed25519Secret;
use entente_rpc::proto::connection::v1::CreateStaticConnectionRequest;
use entente_rpc::proto::keystore::v1::{ImportKeyRequest, KeyType};
use entente_rpc::{Code, Status};
use serde_json::{Value, json};
use url::Url;
use zeroize::Zeroizing;

use crate::acapy::error::ApiError;
use crate::acapy::fields::{Body, Fields};
use crate::acapy::{present, records};
use crate::gateway::Shared;

/// A private key, which is 32 bytes.
type Seed = Zeroizing<[u8; 32]>;

/// `POST /connections/create-static`.
pub(in crate::acapy) async fn create(
    Extension(shared): Extension<Arc<Shared>>,
    Body(body): Body,
) -> Result<Json<Value>, ApiError> {
    let (mut request, seed) = read(&body)?;
    if let Some(seed) = seed {
        request.my_key = import(&shared, &seed).await?;
    }
    let request = shared.request(request)?;
    let answer = shared.clients.connections.clone().create_static_connection(request).await;
    let made = present(answer.map_err(refused)?.into_inner().connection)?;
    Ok(Json(json!({
        "my_did": made.my_did,
        "my_endpoint": made.my_endpoint,
        "my_verkey": records::verkey(&made.my_key),
        "their_did": made.their_did,
        "their_verkey": records::verkey(&made.their_key),
        "record": records::connection_of(&made),
    })))
}

/// The key goes to the keystore, and nowhere else.
async fn import(shared: &Shared, seed: &Seed) -> Result<String, ApiError> {
    let private_key = seed.to_vec().into();
    let request =
        shared.request(ImportKeyRequest { r#type: KeyType::Ed25519.into(), private_key })?;
    let answer = shared.clients.keystore.clone().import_key(request).await.map_err(refused)?;
    Ok(present(answer.into_inner().key)?.multibase)
}

/// ACA-Py has no 409.
fn refused(status: Status) -> ApiError {
    match status.code() {
        Code::AlreadyExists => ApiError::bad_request(status.message()),
        _ => status.into(),
    }
}

/// What is asked for, and our private key if it is given.
fn read(body: &Fields) -> Result<(CreateStaticConnectionRequest, Option<Seed>), ApiError> {
    check(body)?;
    let seed = |name| match body.filter(name)? {
        Some(text) => seed(text).map(Some).ok_or_else(|| {
            ApiError::bad_request(format!("{name}: Seed value must be 32 bytes in length"))
        }),
        None => Ok(None),
    };
    let (my_seed, their_seed) = (seed("my_seed")?, seed("their_seed")?);
    let their_verkey = body.filter("their_verkey")?.map(str::to_owned);
    let derived = their_seed.map(|seed| Ed25519Secret::from_seed(*seed).public().base58());
    if let (Some(given), Some(derived)) = (&their_verkey, &derived)
        && given != derived
    {
        return Err(ApiError::bad_request("their_verkey: is not the key of their_seed"));
    }
    let their_key = their_verkey.or(derived).ok_or_else(|| {
        ApiError::bad_request("Either a verkey or seed must be provided for the other party")
    })?;
    let request = CreateStaticConnectionRequest {
        my_key: String::new(),
        my_did: unqualified(&body.owned("my_did")?).to_owned(),
        their_key,
        their_did: unqualified(&body.owned("their_did")?).to_owned(),
        their_endpoint: body.owned("their_endpoint")?,
        their_label: body.owned("their_label")?,
        alias: body.owned("alias")?,
        request_id: String::new(),
    };
    Ok((request, my_seed))
}

/// What the schema has to say, of all fields at once.
fn check(body: &Fields) -> Result<(), ApiError> {
    let mut problems = Vec::new();
    let fields: [(&str, Option<Format>); 8] = [
        ("my_seed", None),
        ("my_did", Some((is_did, "Value is not an indy decentralized identifier (DID)"))),
        ("their_seed", None),
        ("their_did", Some((is_did, "Value is not an indy decentralized identifier (DID)"))),
        ("their_verkey", Some((is_verkey, "Value is not a raw Ed25519VerificationKey2018 key"))),
        ("their_endpoint", Some((is_endpoint, "Value is not a valid endpoint"))),
        ("their_label", None),
        ("alias", None),
    ];
    for (name, format) in fields {
        match (body.filter(name), format) {
            (Err(_), _) => problems.push((name, "Not a valid string.".to_owned())),
            (Ok(Some(text)), Some((fits, problem))) if !fits(text) => {
                problems.push((name, problem.to_owned()));
            }
            _ => {}
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(ApiError::invalid_fields("json", &problems)),
    }
}

/// How a text must be, and what is said if it is not.
type Format = (fn(&str) -> bool, &'static str);

fn is_did(text: &str) -> bool {
    Did::parse(unqualified(text)).is_ok_and(|did| did.is_unqualified())
}

fn is_verkey(text: &str) -> bool {
    PublicKey::from_base58_ed25519(text).is_ok()
}

fn is_endpoint(text: &str) -> bool {
    Url::parse(text)
        .is_ok_and(|url| url.has_host() && matches!(url.scheme(), "http" | "https" | "ws" | "wss"))
}

/// did:sov is another way to write a DID without a method.
fn unqualified(did: &str) -> &str {
    did.strip_prefix("did:sov:").unwrap_or(did)
}

/// A seed as 32 characters, or as base64 with its padding.
fn seed(text: &str) -> Option<Seed> {
    let bytes = Zeroizing::new(match text.contains('=') {
        true => URL_SAFE.decode(text).or_else(|_| STANDARD.decode(text)).ok()?,
        false => text.as_bytes().to_vec(),
    });
    <[u8; 32]>::try_from(bytes.as_slice()).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "00000000000000000000000000000My1";

    fn of(body: Value) -> Result<(CreateStaticConnectionRequest, Option<Seed>), ApiError> {
        read(&Fields::body(body.to_string().as_bytes()).unwrap())
    }

    #[test]
    fn a_seed_is_text_or_base64() {
        let (request, seed) = of(json!({"my_seed": SEED, "their_seed": SEED})).unwrap();
        assert_eq!(seed.unwrap().as_slice(), SEED.as_bytes());
        let encoded = json!({"their_seed": STANDARD.encode(SEED), "their_did": ""});
        assert_eq!(of(encoded).unwrap().0.their_key, request.their_key);
        assert_eq!(request.my_key, "", "the seed is for the keystore alone");
    }

    #[test]
    fn each_wrong_field_is_named_at_once() {
        let wrong = of(json!({"my_did": "did:web:x", "their_did": "nobody", "alias": 7,
            "their_verkey": "0OIl", "their_endpoint": "hello", "my_seed": [SEED]}))
        .unwrap_err();
        assert_eq!(wrong.status(), 422);
        let text = format!("{wrong:?}");
        for field in ["my_did", "their_did", "alias", "their_verkey", "their_endpoint", "my_seed"] {
            assert!(text.contains(&format!("'{field}'")), "{field}: {text}");
        }
    }

    #[test]
    fn a_wrong_seed_is_not_repeated() {
        for body in [
            json!({"my_seed": "a secret that is short", "their_seed": SEED}),
            json!({"their_seed": "a secret that is short"}),
            json!({"their_seed": "a secret that is no base64====="}),
        ] {
            let wrong = of(body).unwrap_err();
            let text = format!("{wrong:?}");
            assert_eq!(wrong.status(), 400);
            assert!(text.contains("_seed") && !text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn the_other_partys_key_is_needed_and_must_be_one() {
        let verkey = Ed25519Secret::from_seed([7; 32]).public().base58();
        for body in [json!({}), json!({"their_did": "WgWxqztrNooG92RXvxSTWv"})] {
            assert_eq!(of(body).unwrap_err().status(), 400);
        }
        let conflict = json!({"their_seed": SEED, "their_verkey": verkey});
        assert_eq!(of(conflict).unwrap_err().status(), 400);
        assert_eq!(of(json!({"their_verkey": verkey})).unwrap().0.their_key, verkey);
    }
}
