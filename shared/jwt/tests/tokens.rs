//! Tokens against an issuer whose keys are fetched from a server on loopback.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entente_jwt::{IssuerSettings, Issuers, MAX_TOKEN, Refused, Subject};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A server of keys, which counts how often it is asked, and can be away.
#[derive(Clone)]
struct Host {
    url: String,
    keys: Arc<Mutex<Value>>,
    asked: Arc<AtomicUsize>,
    away: Arc<AtomicBool>,
}

impl Host {
    async fn start(keys: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = Self {
            url: format!("http://{}/jwks", listener.local_addr().unwrap()),
            keys: Arc::new(Mutex::new(json!({ "keys": keys }))),
            asked: Arc::default(),
            away: Arc::default(),
        };
        let served = host.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.read(&mut [0; 4096]).await;
                served.asked.fetch_add(1, Ordering::SeqCst);
                let (status, body) = match served.away.load(Ordering::SeqCst) {
                    true => (503, String::new()),
                    false => (200, served.keys.lock().unwrap().to_string()),
                };
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        host
    }

    fn publish(&self, keys: Value) {
        *self.keys.lock().unwrap() = json!({ "keys": keys });
    }

    fn issuers(&self, change: impl FnOnce(&mut IssuerSettings)) -> Issuers {
        let mut settings: IssuerSettings = serde_json::from_value(json!({
            "issuer": "https://idp.test", "audience": ["entente", "other"], "jwks": self.url,
            "algorithms": ["ES256", "EdDSA"], "tenant-claim": "org", "roles-claim": "realm.roles",
            "role-map": {"staff": ["owner", "reader"]},
        }))
        .unwrap();
        change(&mut settings);
        Issuers::new(vec![settings]).unwrap()
    }
}

/// A key of an issuer.
struct Key {
    id: &'static str,
    pair: EcdsaKeyPair,
}

impl Key {
    fn new(id: &'static str) -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self { id, pair: EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap() }
    }

    fn public(&self) -> Value {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "kid": self.id, "use": "sig", "x": encode(x), "y": encode(y)})
    }

    fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({"alg": "ES256", "kid": self.id}), claims)
    }

    fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", encode(signature.as_ref()))
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()))
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn claims() -> Value {
    json!({
        "iss": "https://idp.test", "aud": "entente", "sub": "alice", "iat": now(), "exp": now() + 300,
        "org": "acme", "realm": {"roles": ["staff", "else"]},
    })
}

/// The claims with one that is another, or not there.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => claims.as_object_mut().unwrap().remove(name),
        value => claims.as_object_mut().unwrap().insert(name.to_owned(), value),
    };
    claims
}

#[tokio::test]
async fn a_token_says_who_and_of_which_tenant() {
    let key = Key::new("1");
    let host = Host::start(json!([key.public()])).await;
    let issuers = host.issuers(|_| {});
    let token = key.sign(&claims());
    assert!(issuers.take(&token) && !issuers.take("ent_0_0") && !Issuers::default().take(&token));
    let expected = Subject {
        name: "https://idp.test/alice".to_owned(),
        tenant: "acme".to_owned(),
        roles: vec!["owner".to_owned(), "reader".to_owned()],
    };
    assert_eq!(issuers.verify(&token).await.unwrap(), expected);
    // A list of audiences, times at the edge of what clocks may be apart, roles as a text.
    for right in [
        with("aud", json!(["x", "other"])),
        with("exp", json!(now() - 30)),
        with("nbf", json!(now() + 30)),
        with("iat", json!(now() + 30)),
        with("realm", json!({"roles": "staff else"})),
    ] {
        assert_eq!(issuers.verify(&key.sign(&right)).await.as_ref(), Ok(&expected), "{right}");
    }
    // No kid: the keys that there are.
    let bare = key.sign_with(&json!({"alg": "ES256"}), &claims());
    assert_eq!(issuers.verify(&bare).await.unwrap(), expected);
    // One tenant and its roles for all, and roles by their own names.
    let fixed = host.issuers(|settings| {
        settings.tenant_claim = None;
        settings.tenant = Some("solo".to_owned());
        settings.roles = vec!["reader".to_owned()];
        settings.role_map.clear();
    });
    let subject = fixed.verify(&token).await.unwrap();
    assert_eq!((&*subject.tenant, subject.roles.len()), ("solo", 3));
    assert_eq!(host.asked.load(Ordering::SeqCst), 2, "once for each configuration");
}

#[tokio::test]
async fn wrong_claims_are_refused() {
    let key = Key::new("1");
    let host = Host::start(json!([key.public()])).await;
    let issuers = host.issuers(|_| {});
    for (name, value, refused) in [
        ("exp", json!(now() - 120), Refused::Expired),
        ("exp", Value::Null, Refused::Claim),
        ("exp", json!("soon"), Refused::Claim),
        ("nbf", json!(now() + 120), Refused::Early),
        ("nbf", json!("later"), Refused::Claim),
        ("iat", json!(now() + 120), Refused::Early),
        ("iat", json!("then"), Refused::Claim),
        ("aud", json!("elsewhere"), Refused::Audience),
        ("aud", Value::Null, Refused::Audience),
        ("iss", json!("https://evil.test"), Refused::Invalid),
        ("iss", Value::Null, Refused::Invalid),
        ("sub", Value::Null, Refused::Claim),
        ("sub", json!("a b"), Refused::Claim),
        ("sub", json!("a\nb"), Refused::Claim),
        ("sub", json!("a".repeat(256)), Refused::Claim),
        ("org", Value::Null, Refused::Claim),
        ("org", json!(""), Refused::Claim),
        ("org", json!(["acme"]), Refused::Claim),
    ] {
        let token = key.sign(&with(name, value.clone()));
        assert_eq!(issuers.verify(&token).await, Err(refused), "{name} {value}");
    }
    // No role is no reason to refuse: there is nothing that it may do then.
    let none = issuers.verify(&key.sign(&with("realm", json!({"roles": [7, "else"]})))).await;
    assert!(none.unwrap().roles.is_empty());
    let long = key.sign(&with("pad", json!("x".repeat(MAX_TOKEN))));
    assert_eq!(issuers.verify(&long).await, Err(Refused::TooLong));
}

#[tokio::test]
async fn algorithms_cannot_be_mistaken() {
    let key = Key::new("1");
    let random = SystemRandom::new();
    let other =
        Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref());
    let other = other.unwrap();
    let public = json!({"kty": "OKP", "crv": "Ed25519", "kid": "2", "x": encode(other.public_key().as_ref())});
    let secret =
        json!({"kty": "oct", "kid": "3", "k": encode(b"a secret of thirty-two bytes....")});
    let host = Host::start(json!([key.public(), public, secret, {"kty": "?"}, 7])).await;
    let issuers = host.issuers(|_| {});

    let by_other = message(&json!({"alg": "EdDSA", "kid": "2"}), &claims());
    let by_other = format!("{by_other}.{}", encode(other.sign(by_other.as_bytes()).as_ref()));
    assert!(issuers.verify(&by_other).await.is_ok());
    let only = host.issuers(|settings| settings.algorithms = vec!["ES256".to_owned()]);
    assert_eq!(only.verify(&by_other).await, Err(Refused::Invalid), "not allowed");

    let hmac = |header: Value, secret: &[u8]| {
        let message = message(&header, &claims());
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        format!("{message}.{}", encode(ring::hmac::sign(&key, message.as_bytes()).as_ref()))
    };
    let point = key.pair.public_key().as_ref();
    let right = key.sign(&claims());
    let (unsigned, signature) = right.rsplit_once('.').unwrap();
    let forged = message(&json!({"alg": "ES256", "kid": "1"}), &with("sub", json!("mallory")));
    for (what, token) in [
        ("a public key as a secret", hmac(json!({"alg": "HS256", "kid": "1"}), point)),
        (
            "a secret that is published",
            hmac(json!({"alg": "HS256", "kid": "3"}), b"a secret of thirty-two bytes...."),
        ),
        ("no algorithm", format!("{}.", message(&json!({"alg": "none"}), &claims()))),
        ("no signature", format!("{unsigned}.")),
        ("other claims", format!("{forged}.{signature}")),
        ("another's key", key.sign_with(&json!({"alg": "ES256", "kid": "2"}), &claims())),
        ("another's algorithm", key.sign_with(&json!({"alg": "EdDSA", "kid": "1"}), &claims())),
        (
            "a key of its own",
            key.sign_with(&json!({"alg": "RS256", "kid": "1", "jwk": key.public()}), &claims()),
        ),
        (
            "what must be understood",
            key.sign_with(
                &json!({"alg": "ES256", "kid": "1", "crit": ["b64"], "b64": true}),
                &claims(),
            ),
        ),
        ("another issuer's key", Key::new("1").sign(&claims())),
        ("no JSON", "eyJ9.e30.AA".to_owned()),
        ("nothing", "..".to_owned()),
    ] {
        assert_eq!(issuers.verify(&token).await, Err(Refused::Invalid), "{what}");
    }
}

#[tokio::test]
async fn keys_are_rotated_with_overlap() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let host = Host::start(json!([old.public()])).await;
    let issuers = host.issuers(|_| {});
    assert!(issuers.verify(&old.sign(&claims())).await.is_ok());
    // An unknown key is asked for, but not again and again.
    for _ in 0..20 {
        assert_eq!(issuers.verify(&new.sign(&claims())).await, Err(Refused::Invalid));
    }
    assert_eq!(host.asked.load(Ordering::SeqCst), 1);

    // What looks at the issuers every few minutes does so at its start.
    let look = async || {
        let before = host.asked.load(Ordering::SeqCst);
        tokio::spawn(issuers.clone().follow());
        while host.asked.load(Ordering::SeqCst) == before {
            tokio::task::yield_now().await;
        }
    };
    host.publish(json!([old.public(), new.public()]));
    look().await;
    until(async || issuers.verify(&new.sign(&claims())).await.is_ok()).await;
    assert!(issuers.verify(&old.sign(&claims())).await.is_ok());
    // The old one is not published any more, and does not count.
    host.publish(json!([new.public()]));
    look().await;
    until(async || issuers.verify(&old.sign(&claims())).await.is_err()).await;
    assert!(issuers.verify(&new.sign(&claims())).await.is_ok());
    // The host is away, or tells nonsense: the known keys count on.
    host.away.store(true, Ordering::SeqCst);
    look().await;
    // One fetch begins when the one before has ended.
    look().await;
    assert!(issuers.verify(&new.sign(&claims())).await.is_ok());
    host.away.store(false, Ordering::SeqCst);
    host.publish(json!([]));
    look().await;
    look().await;
    assert!(issuers.verify(&new.sign(&claims())).await.is_ok());
}

#[tokio::test]
async fn a_new_key_is_found_by_the_first_token_that_names_it() {
    let key = Key::new("1");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    std::fs::write(&file, json!({"keys": [key.public()]}).to_string()).unwrap();
    let host = Host::start(json!([])).await;
    let issuers = host.issuers(|settings| settings.jwks = file.to_str().unwrap().to_owned());
    assert!(issuers.verify(&key.sign(&claims())).await.is_ok());
    assert_eq!(host.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn rsa_keys_count_as_openssl_makes_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let openssl = |arguments: &[&str]| {
        let output = std::process::Command::new("openssl").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    openssl(&["genrsa", "-out", &path("key"), "2048"]);
    let told =
        String::from_utf8(openssl(&["rsa", "-in", &path("key"), "-noout", "-modulus"])).unwrap();
    let digits = told.trim().trim_start_matches("Modulus=");
    let modulus: Vec<u8> = (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    let public =
        json!({"kty": "RSA", "kid": "r", "alg": "RS256", "n": encode(&modulus), "e": "AQAB"});
    let host = Host::start(json!([public])).await;
    let issuers =
        host.issuers(|settings| settings.algorithms = vec!["RS256".to_owned(), "PS256".to_owned()]);
    let sign = |algorithm: &str, more: &[&str]| {
        let message = message(&json!({"alg": algorithm, "kid": "r"}), &claims());
        let (key, file) = (path("key"), path("message"));
        std::fs::write(&file, &message).unwrap();
        let command = [&["dgst", "-sha256", "-sign", &key], more, &[&file]].concat();
        format!("{message}.{}", encode(&openssl(&command)))
    };
    assert!(issuers.verify(&sign("RS256", &[])).await.is_ok());
    // The key says that it is for RS256 alone.
    let padded = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"];
    assert_eq!(issuers.verify(&sign("PS256", &padded)).await, Err(Refused::Invalid));
}

async fn until(mut done: impl AsyncFnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !done().await {
        assert!(std::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
}
