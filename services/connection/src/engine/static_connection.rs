//! Connections that no handshake made, of DIDs and keys that the two sides agreed on elsewhere.

use entente_did::{Did, KeyType, PublicKey, create, resolve_offline};
use entente_protocol::{Identity, Target};
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::proto::event::v1::EventKind;
use entente_rpc::{ErrorReason, Failure};
use url::Url;

use super::invite::MAX_TEXT;
use super::once::Once;
use super::quota::Quota;
use super::{Answer, Engine, check_alias, record_id};
use crate::store::{Connection, Counted, Work};

/// The longest endpoint, in bytes.
const MAX_ENDPOINT: usize = 2048;

/// What the two sides agreed on, as it was read.
struct Agreed {
    my_key: Option<PublicKey>,
    my_did: Option<Did>,
    their_key: PublicKey,
    their_did: Did,
    target: Target,
}

impl Engine {
    /// Makes a connection without a handshake.
    pub async fn create_static_connection(
        &self,
        tenant: &str,
        request: proto::CreateStaticConnectionRequest,
    ) -> Answer<proto::CreateStaticConnectionResponse> {
        let once = Once::new("CreateStaticConnection", &request.request_id, &request)?;
        if let Some(response) = self.recall(tenant, &once).await? {
            return Ok(response);
        }
        let agreed = Agreed::read(&request)?;
        let key = match agreed.my_key {
            Some(key) if self.clients.has_key(tenant, &key).await? => key,
            Some(_) => {
                let text = "is not in the keystore; import it there first";
                return Err(Failure::field("my_key", text));
            }
            None => self.clients.create_key(tenant).await?,
        };
        let mine =
            Identity { did: agreed.my_did.clone().unwrap_or_else(|| create::nym(&key)), key };
        let quota = self.quota(tenant, Counted::Connections).await;
        let answer = self.write_static(tenant, &once, &request, &agreed, &mine, quota).await;
        let made = |answer: &proto::CreateStaticConnectionResponse| {
            answer.connection.as_ref().is_some_and(|made| made.my_key == key.multibase())
        };
        match &answer {
            _ if agreed.my_key.is_some() => {}
            Ok(answer) if made(answer) => {}
            // The same call was faster.
            Ok(_) => self.forget(tenant, &mine).await,
            Err(failure) => self.forget_after(failure, tenant, &mine).await,
        }
        answer
    }

    async fn write_static(
        &self,
        tenant: &str,
        once: &Once,
        request: &proto::CreateStaticConnectionRequest,
        agreed: &Agreed,
        mine: &Identity,
        quota: Quota,
    ) -> Answer<proto::CreateStaticConnectionResponse> {
        let mut work = self.work(tenant).await?;
        quota.check(&mut work).await?;
        let row = agreed.row(request, mine, work.now())?;
        check_new(&mut work, &row).await?;
        work.insert_connection(&row);
        work.insert_peers(&row.my_key, [row.their_key.clone()], &row.id);
        work.emit(self.connection_event(EventKind::ConnectionCreated, &row)?);
        let connection = Some(crate::project::connection(&row, &self.config.endpoint)?);
        let response = proto::CreateStaticConnectionResponse { connection };
        self.commit_once(work, once, response).await
    }
}

/// Messages are told apart by their two keys, and a key of ours is deleted with its DID.
async fn check_new(work: &mut Work, row: &Connection) -> Answer<()> {
    let (dids, keys) = ([&*row.my_did, &*row.their_did], [&*row.my_key, &*row.their_key]);
    if let Some(id) = work.connection_between(dids, keys).await? {
        let text = format!("{} and {} are connected by {id}", row.my_did, row.their_did);
        return Err(Failure::new(ErrorReason::AlreadyExists, text).with("id", id));
    }
    if work.is_otherwise_paired(&row.my_did, &row.my_key).await? {
        let text = "this agent has the DID with another key, or the key with another DID";
        return Err(Failure::field("my_did", text));
    }
    Ok(())
}

impl Agreed {
    /// Reads it; the failure names each field that is wrong.
    fn read(request: &proto::CreateStaticConnectionRequest) -> Answer<Self> {
        let mut wrong = Wrong::default();
        let my_key = wrong.optional("my_key", &request.my_key, key);
        let my_did = wrong.optional("my_did", &request.my_did, did);
        let their_key = wrong.of("their_key", key(&request.their_key));
        let their_did = wrong.optional("their_did", &request.their_did, did);
        let endpoint = wrong.optional("their_endpoint", &request.their_endpoint, endpoint);
        if let (Some(did), Some(key)) = (&my_did, &my_key) {
            wrong.of("my_did", own(did, key));
        } else if my_did.as_ref().is_some_and(|did| resolve_offline(did).is_some()) {
            wrong.of("my_key", Err::<(), _>("is needed: it must be that of my_did".to_owned()));
        }
        if let (Some(did), Some(key)) = (&their_did, &their_key) {
            wrong.of("their_did", has(did, key));
        }
        if their_key.is_some() && their_key == my_key {
            wrong.of("their_key", Err::<(), _>("is our own".to_owned()));
        }
        if request.their_label.len() > MAX_TEXT {
            wrong.of("their_label", Err::<(), _>(format!("must have at most {MAX_TEXT} bytes")));
        }
        if let Err(failure) = check_alias(&request.alias) {
            wrong.0.extend(failure.violations);
        }
        match (wrong.into_failure(), their_key) {
            (None, Some(their_key)) => Ok(Self {
                my_key,
                my_did,
                their_key,
                their_did: their_did.unwrap_or_else(|| create::nym(&their_key)),
                target: Target::V1 {
                    endpoint: endpoint.unwrap_or_default(),
                    recipient_keys: vec![their_key],
                    routing_keys: Vec::new(),
                    others: Vec::new(),
                },
            }),
            (failure, _) => {
                Err(failure.unwrap_or_else(|| Failure::field("their_key", "is missing")))
            }
        }
    }

    fn row(
        &self,
        request: &proto::CreateStaticConnectionRequest,
        mine: &Identity,
        now: i64,
    ) -> Answer<Connection> {
        let (did, key) = (&self.their_did, &self.their_key);
        Ok(Connection {
            their_label: request.their_label.clone(),
            alias: request.alias.clone(),
            ..Connection::new(record_id(), mine, did, key, &self.target, now)?
        })
    }
}

/// The fields that are wrong, and why.
#[derive(Default)]
struct Wrong(Vec<(String, String)>);

impl Wrong {
    fn of<T>(&mut self, field: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|problem| self.0.push((field.to_owned(), problem))).ok()
    }

    fn optional<T>(
        &mut self,
        field: &str,
        text: &str,
        read: fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        if text.is_empty() { None } else { self.of(field, read(text)) }
    }

    fn into_failure(self) -> Option<Failure> {
        let problems: Vec<_> =
            self.0.iter().map(|(field, problem)| format!("{field}: {problem}")).collect();
        let mut failure = Failure::new(ErrorReason::InvalidField, problems.join("; "));
        failure.violations = self.0;
        (!problems.is_empty()).then_some(failure)
    }
}

fn key(text: &str) -> Result<PublicKey, String> {
    if text.is_empty() {
        return Err("is missing".to_owned());
    }
    let key = PublicKey::parse_reference(text)
        .or_else(|error| PublicKey::from_multibase(text).map_err(|_| error))
        .map_err(|error| error.to_string())?;
    match key.key_type() {
        // One off the curve could not be packed for.
        KeyType::Ed25519 => key.to_x25519().map(|_| key).map_err(|error| error.to_string()),
        other => Err(format!("is a key of {other}; DIDComm v1 needs Ed25519")),
    }
}

fn did(text: &str) -> Result<Did, String> {
    Did::parse(text).map_err(|error| error.to_string())
}

fn endpoint(text: &str) -> Result<String, String> {
    let scheme = |url: &Url| ["http", "https", "ws", "wss"].contains(&url.scheme());
    match Url::parse(text) {
        Ok(url) if scheme(&url) && url.has_host() && text.len() <= MAX_ENDPOINT => {
            Ok(text.to_owned())
        }
        _ => Err(format!(
            "must be a URL with http, https, ws or wss, of at most {MAX_ENDPOINT} bytes"
        )),
    }
}

/// A DID that resolves by itself has its keys in it.
fn has(did: &Did, key: &PublicKey) -> Result<(), String> {
    match resolve_offline(did) {
        Some(Ok(document)) if document.ed25519_keys().contains(key) => Ok(()),
        Some(Ok(_)) => Err("has another key".to_owned()),
        Some(Err(error)) => Err(error.to_string()),
        None => Ok(()),
    }
}

/// Of our own DID the key is known, so that an unqualified one must be made of it.
fn own(did: &Did, key: &PublicKey) -> Result<(), String> {
    let nym = did.as_str().strip_prefix("did:sov:").unwrap_or(did.as_str());
    let (qualified, expected) = (nym.starts_with("did:"), create::nym(key));
    match !qualified && nym != expected.as_str() {
        true => {
            Err(format!("is not the DID of the key, which is {expected}; leave one of them out"))
        }
        false => has(did, key),
    }
}
