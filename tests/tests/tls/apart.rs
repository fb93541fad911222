//! The program with TLS: services who know each other by certificates, grpcurl, tokens, probes.

use std::path::Path;
use std::process::Command;

use entente_rpc::proto::access::v1::ListAuditEntriesRequest;
use entente_rpc::proto::access::v1::audit_service_client::AuditServiceClient;
use entente_rpc::proto::connection::v1::ListConnectionsRequest;
use entente_rpc::proto::connection::v1::connection_service_client::ConnectionServiceClient;
use entente_rpc::proto::keystore::v1::ListKeysRequest;
use entente_rpc::proto::keystore::v1::keystore_service_client::KeystoreServiceClient;
use entente_rpc::{Code, link};
use entente_tests::certificates::{Authority, text};
use entente_tests::suite::{command, eventually, free_address};
use serde_json::{Value, json};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::processes::{Apart, Running, spawn};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_know_each_other_by_their_certificates() {
    let apart = tokio::task::spawn_blocking(Apart::start).await.unwrap();
    // Through the gateway, the connection service, the keystore and the resolver.
    let invitation = [
        "-d",
        r#"{"handshake_protocols":["https://didcomm.org/didexchange/1.1"]}"#,
        "-H",
        "content-type: application/json",
    ];
    let (status, made) =
        apart.curl(Some(&apart.pair("owner")), "/out-of-band/create-invitation", &invitation);
    assert_eq!(status, "200", "{made}");
    let (status, denied) =
        apart.curl(Some(&apart.pair("reader")), "/out-of-band/create-invitation", &invitation);
    assert_eq!(status, "403", "{denied}");
    assert_eq!(apart.curl(None, "/connections", &[]).0, "000");

    // The gateway may not list keys, nor anybody of the tenant's; who may, may.
    let list = async |name| {
        let mut keystore = KeystoreServiceClient::new(apart.link("keystore", name));
        keystore.list_keys(ListKeysRequest::default()).await
    };
    for name in ["gateway", "transport", "resolver", "operator"] {
        assert_eq!(list(name).await.unwrap_err().code(), Code::PermissionDenied, "{name}");
    }
    assert!(!list("owner").await.unwrap().into_inner().keys.is_empty());
    let mut connections = ConnectionServiceClient::new(apart.link("connection", "reader"));
    connections.list_connections(ListConnectionsRequest::default()).await.unwrap();

    // The audit has the refusals by name, and the owner's invitation.
    let audited = async || {
        let mut audit = AuditServiceClient::new(apart.link("access", "operator"));
        let listed = audit.list_audit_entries(ListAuditEntriesRequest::default()).await.ok()?;
        let entries = listed.into_inner().entries;
        let refused = entries
            .iter()
            .any(|entry| entry.caller == "gateway" && entry.code == "PERMISSION_DENIED");
        let made = entries.iter().any(|entry| entry.caller == "owner" && entry.code == "OK");
        (refused && made).then_some(())
    };
    eventually("the audit knows", audited).await;

    // Probes need no certificate, and find nothing but health.
    let probe = link::remote(&format!("http://{}", apart.probes[0]), None).unwrap();
    let mut health = HealthClient::new(probe.clone());
    let told = health.check(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(told.status, 1);
    let mut connections = ConnectionServiceClient::new(probe);
    assert!(connections.list_connections(ListConnectionsRequest::default()).await.is_err());
    let metrics = entente_tests::suite::http().get(format!("http://{}/metrics", apart.probes[0]));
    let metrics = metrics.send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("entente_tls_certificate_expiry_timestamp_seconds "), "{metrics}");

    grpcurl(&apart);
}

/// The real grpcurl, where it is installed.
fn grpcurl(apart: &Apart) {
    let path = std::env::var("ENTENTE_TEST_GRPCURL").unwrap_or_else(|_| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/bin/grpcurl").to_owned()
    });
    if !Path::new(&path).exists() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "no {path}");
        eprintln!("*** SKIPPED: no {path}; `make grpcurl` installs it ***");
        return;
    }
    let run = |flags: &[&str]| {
        let mut command = Command::new(&path);
        // Its certificates are SPIFFE's, without a name.
        command.arg("-insecure").args(flags).arg(apart.address("connection"));
        let output = command
            .arg("entente.connection.v1.ConnectionService/ListConnections")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), told)
    };
    let pair = apart.pair("owner");
    let shown = ["-cert", text(&pair.certificate), "-key", text(&pair.key)];
    let (done, told) = run(&shown);
    assert!(done, "{told}");
    assert!(!run(&[]).0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_may_show_a_key_or_a_token_instead() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let pair = authority.issue("server", &["DNS:localhost", "IP:127.0.0.1"]);
    let issuer = Issuer::new(folder.path());
    let file = folder.path().join("entente.toml");
    std::fs::write(
        &file,
        format!(
            "[[issuers]]\nissuer = \"https://idp.test\"\naudience = [\"entente\"]\njwks = \"{}\"\n\
             algorithms = [\"ES256\"]\ntenant-claim = \"org\"\nroles-claim = \"groups\"\n\
             [issuers.role-map]\nstaff = [\"owner\"]\nrobots = [\"gateway\"]\n",
            text(&issuer.jwks)
        ),
    )
    .unwrap();
    let (didcomm, admin, grpc) = (free_address(), free_address(), free_address());
    let arguments: Vec<String> = [
        "--config",
        text(&file),
        "--grpc-addr",
        &grpc,
        "--didcomm-addr",
        &didcomm,
        "--admin-addr",
        &admin,
        "--tls-cert",
        text(&pair.certificate),
        "--tls-key",
        text(&pair.key),
        "--tls-client-ca",
        text(&authority.certificate()),
        "--tls-client-auth",
        "optional",
        "--tls-listeners",
        "grpc,admin,didcomm",
        "--admin-api-key",
        "the-administrators-key",
    ]
    .map(str::to_owned)
    .into();
    let home = folder.path().join("home");
    let _running =
        Running(vec![tokio::task::spawn_blocking(move || spawn(&home, &arguments)).await.unwrap()]);
    let get = |path: &str, header: &str| {
        let mut command = Command::new("curl");
        command.args([
            "-s",
            "--cacert",
            text(&authority.certificate()),
            "-w",
            "\n%{http_code}",
            "-H",
            header,
        ]);
        let output = command.arg(format!("https://{admin}{path}")).output().unwrap();
        String::from_utf8_lossy(&output.stdout).rsplit_once('\n').unwrap().1.to_owned()
    };
    let bearer = |claims: &Value| format!("authorization: Bearer {}", issuer.sign(claims));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let claims = |org: &str, group: &str, until: u64| json!({"iss": "https://idp.test", "aud": "entente", "sub": "alice", "exp": until, "org": org, "groups": [group]});
    assert_eq!(get("/connections", "x-api-key: the-administrators-key"), "200");
    assert_eq!(get("/connections", &bearer(&claims("default", "staff", now + 60))), "200");
    // Another tenant's, a service's role, none, and what is over.
    assert_eq!(get("/connections", &bearer(&claims("no-such", "staff", now + 60))), "403");
    assert_eq!(get("/connections", &bearer(&claims("default", "robots", now + 60))), "403");
    assert_eq!(get("/connections", &bearer(&claims("default", "others", now + 60))), "403");
    assert_eq!(get("/connections", &bearer(&claims("default", "staff", now - 120))), "401");
    assert_eq!(
        get("/connections", "x-forwarded-client-cert: URI=spiffe://entente.test/owner"),
        "401"
    );

    // The commands take the authority, and a peer finds the DIDComm listener over TLS.
    let output = command()
        .args([
            "connections",
            "--server",
            &format!("https://{grpc}"),
            "--api-key",
            "the-administrators-key",
        ])
        .args(["--tls-ca", text(&authority.certificate())])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = Command::new("curl")
        .args([
            "-s",
            "--cacert",
            text(&authority.certificate()),
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
        ])
        .arg(format!("https://{didcomm}/"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&page.stdout), "200");
}

/// An issuer of tokens whose key openssl made.
struct Issuer {
    key: std::path::PathBuf,
    jwks: std::path::PathBuf,
}

impl Issuer {
    fn new(folder: &Path) -> Self {
        use base64::Engine as _;
        let (key, jwks) = (folder.join("issuer.key"), folder.join("jwks.json"));
        let openssl = entente_tests::certificates::openssl;
        openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", text(&key)]);
        let public = folder.join("issuer.der");
        openssl(&["ec", "-in", text(&key), "-pubout", "-outform", "DER", "-out", text(&public)]);
        let der = std::fs::read(public).unwrap();
        let (x, y) = der[der.len() - 64..].split_at(32);
        let encode = |bytes| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        let set = json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "1", "x": encode(x), "y": encode(y)}]});
        std::fs::write(&jwks, set.to_string()).unwrap();
        Self { key, jwks }
    }

    /// A token with ES256.
    fn sign(&self, claims: &Value) -> String {
        use base64::Engine as _;
        let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        let header = json!({"alg": "ES256", "kid": "1"}).to_string();
        let message =
            format!("{}.{}", encode(header.as_bytes()), encode(claims.to_string().as_bytes()));
        let file = self.key.with_extension("message");
        std::fs::write(&file, &message).unwrap();
        let signature = Command::new("openssl")
            .args(["dgst", "-sha256", "-sign", text(&self.key), text(&file)])
            .output()
            .unwrap()
            .stdout;
        format!("{message}.{}", encode(&fixed(&signature)))
    }
}

/// The two numbers of a DER signature, each of 32 bytes.
fn fixed(der: &[u8]) -> Vec<u8> {
    let number = |at: usize| {
        let length = usize::from(der[at + 1]);
        let digits = &der[at + 2..at + 2 + length];
        let digits = &digits[digits.len().saturating_sub(32)..];
        ([vec![0; 32 - digits.len()], digits.to_vec()].concat(), at + 2 + length)
    };
    let (first, next) = number(2);
    [first, number(next).0].concat()
}
