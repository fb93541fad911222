//! gRPC: every method with every field that may name something, foreign or unknown.

use entente_rpc::auth::Roles;
use entente_rpc::proto::event::v1::webhook_service_client::WebhookServiceClient;
use entente_rpc::proto::event::v1::{CreateWebhookRequest, SubscribeRequest, WebhookFormat};
use entente_rpc::proto::keystore::v1::ListKeysRequest;
use entente_rpc::proto::keystore::v1::keystore_service_client::KeystoreServiceClient;
use entente_rpc::{Failure, Link, Method, Status};
use entente_tests::wire::{call, methods, path};
use entente_tests::{Peer, Suite};
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, Value};

use crate::support::{Tenant, tenant};

/// Something of a tenant, and its like that nobody has.
struct Pair {
    foreign: String,
    unknown: String,
}

/// What is a tenant's: everything by which a request could name it.
async fn belongings(owner: &Tenant, other: &Tenant, stranger: &Peer) -> Vec<Pair> {
    let uuid = || uuid::Uuid::now_v7().to_string();
    let invitation = owner.invite().await;
    let accepted = owner.accept(&other.invite().await.url).await;
    let connection = owner.connection().await;
    let mut webhooks: WebhookServiceClient<Link> = WebhookServiceClient::new(owner.link.clone());
    let request = CreateWebhookRequest {
        url: "http://127.0.0.1:9/hook".to_owned(),
        format: WebhookFormat::Identus.into(),
        headers: Vec::new(),
    };
    let webhook = webhooks.create_webhook(request).await.unwrap().into_inner().webhook.unwrap();
    let mut keystore: KeystoreServiceClient<Link> = KeystoreServiceClient::new(owner.link.clone());
    let keys = keystore.list_keys(ListKeysRequest::default()).await.unwrap().into_inner().keys;
    let mut pairs: Vec<_> = [invitation.id, accepted.id, connection.id, webhook.id]
        .into_iter()
        .map(|foreign| Pair { foreign, unknown: uuid() })
        .collect();
    pairs.push(Pair { foreign: webhook.consumer, unknown: format!("webhook:{}", uuid()) });
    // A hash that is as long, and nobody's.
    let end = if connection.my_did.ends_with('a') { 'b' } else { 'a' };
    let unknown = format!("{}{end}", &connection.my_did[..connection.my_did.len() - 1]);
    pairs.push(Pair { foreign: connection.my_did, unknown });
    let unknown = stranger.key.public.multibase();
    pairs.push(Pair { foreign: keys[0].multibase.clone(), unknown: unknown.clone() });
    pairs.push(Pair { foreign: connection.my_key, unknown });
    pairs
}

/// Messages with a text in one field, one for each field that takes it, also of messages inside.
fn messages(
    descriptor: &MessageDescriptor,
    text: &str,
    depth: usize,
) -> Vec<(String, DynamicMessage)> {
    let mut made = Vec::new();
    for field in descriptor.fields() {
        let inner: Vec<(String, Value)> = match field.kind() {
            Kind::String if field.name() != "request_id" && !field.is_map() => {
                vec![(String::new(), Value::String(text.to_owned()))]
            }
            Kind::Message(inner) if depth > 0 && !field.is_map() => {
                messages(&inner, text, depth - 1)
                    .into_iter()
                    .map(|(name, message)| (format!(".{name}"), Value::Message(message)))
                    .collect()
            }
            _ => Vec::new(),
        };
        for (name, value) in inner {
            let mut message = DynamicMessage::new(descriptor.clone());
            let value = if field.is_list() { Value::List(vec![value]) } else { value };
            message.set_field(&field, value);
            made.push((format!("{}{name}", field.name()), message));
        }
    }
    made
}

fn encode(message: &DynamicMessage) -> Vec<u8> {
    use prost::Message as _;
    message.encode_to_vec()
}

/// An answer without what the caller said itself.
fn told(answer: Result<Vec<u8>, Status>, said: &str) -> Result<Vec<u8>, String> {
    answer.map_err(|status| {
        let Failure { reason, message, metadata, violations, .. } = Failure::of(&status);
        format!("{:?} {reason:?} {message} {metadata:?} {violations:?}", status.code())
            .replace(said, "@")
    })
}

async fn nothing_is_told(suite: &Suite) {
    let (acme, bolt, cord) =
        tokio::join!(tenant(suite, "acme"), tenant(suite, "bolt"), tenant(suite, "cord"));
    let stranger = Peer::start().await;
    let pairs = belongings(&bolt, &cord, &stranger).await;
    let before = bolt.changes().await;
    let owners = Roles::of(["owner", "everyone"]);
    let mut compared = 0;
    for method in methods() {
        let path = path(&method);
        let known = Method::of_path(&path).unwrap();
        if owners.among(Roles::that_may(known)).is_empty() {
            continue;
        }
        for pair in &pairs {
            let theirs = messages(&method.input(), &pair.foreign, 2);
            let nobodys = messages(&method.input(), &pair.unknown, 2);
            for ((field, foreign), (_, unknown)) in theirs.iter().zip(&nobodys) {
                let ask = async |message: &DynamicMessage, said: &str| {
                    let answer = call(acme.link.clone(), &path, encode(message));
                    match tokio::time::timeout(std::time::Duration::from_millis(400), answer).await
                    {
                        Ok(answer) => told(answer, said),
                        Err(_) => Err("a stream without an event".to_owned()),
                    }
                };
                let theirs = ask(foreign, &pair.foreign).await;
                let nobodys = ask(unknown, &pair.unknown).await;
                compared += 1;
                let name = format!("{path} {field} = {}", pair.foreign);
                match (theirs, nobodys) {
                    (Err(theirs), Err(nobodys)) => assert_eq!(theirs, nobodys, "{name}"),
                    // What it made or keeps of its own differs by ids and times.
                    (Ok(theirs), Ok(nobodys)) => {
                        let shown = |bytes: &[u8]| {
                            DynamicMessage::decode(method.output(), bytes).unwrap().to_string()
                        };
                        for other in &pairs {
                            let leaks = shown(&theirs).contains(&other.foreign);
                            let said = pair.foreign.contains(&other.foreign);
                            assert!(!leaks || said, "{name}: {}", shown(&theirs));
                        }
                        let _ = nobodys;
                    }
                    (theirs, nobodys) => panic!("{name}: {theirs:?} and {nobodys:?}"),
                }
            }
        }
    }
    assert!(compared > 300, "{compared} calls were compared");
    assert_eq!(bolt.changes().await, before, "nothing of it was changed");
    assert_eq!(bolt.all_connections().await.len(), 1);

    // A stream has what is the reader's own; of one that has said nothing of what is another's.
    let dove = tenant(suite, "dove").await;
    let request = SubscribeRequest { heartbeat: None, ..Default::default() };
    let mut events = dove.events().subscribe(request).await.unwrap().into_inner();
    dove.invite().await;
    loop {
        let answer = events.message().await.unwrap().unwrap();
        let shown = format!("{answer:?}");
        for pair in pairs.iter().take(4) {
            assert!(!shown.contains(&pair.foreign), "{shown}");
        }
        let created = entente_rpc::proto::event::v1::EventKind::InvitationCreated;
        if answer.event.is_some_and(|event| event.kind() == created) {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_anothers_looks_like_what_is_not_there() {
    nothing_is_told(&Suite::start().await).await;
}
