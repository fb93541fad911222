//! Messages in another's name: what an agent was sent, sent again by somebody who did not write it.

use bytes::Bytes;
use entente_did::{Did, PublicKey};
use entente_protocol::Identity;
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::keystore::v1::keystore_service_client::KeystoreServiceClient;
use entente_rpc::proto::keystore::v1::{
    CreateKeyRequest, EnvelopeFormat, KeyReference, KeyType, PackRequest,
};
use entente_rpc::{Link, Status};
use serde_json::json;

use crate::calls::Call;
use crate::work::Opened;
use crate::world::{Checked, World};

/// How many messages the forgers remember.
const REMEMBERED: usize = 40;
/// The messages of a handshake, which say of themselves which one they are of.
const HANDSHAKE: [&str; 3] = ["request", "response", "complete"];

/// A message to be packed by who did not write it.
#[derive(Debug, Clone)]
pub struct Forgery {
    message: Opened,
    disguise: Disguise,
    /// Whose agents it goes to.
    pub to: usize,
}

/// As whom a forger sends.
#[derive(Debug, Clone)]
enum Disguise {
    /// As nobody.
    Nobody,
    /// Under a key of its own that the recipient never saw.
    Stranger,
    /// As the peer of a connection of its own: its key there, by its name.
    Peer(KeyReference),
}

/// A message that came to a process.
pub(crate) struct Heard {
    pub by: usize,
    pub message: Opened,
}

impl World {
    /// Remembers a message, so that it can be forged.
    pub(crate) fn hear(&mut self, by: usize, message: Opened) {
        if self.heard.len() == REMEMBERED {
            self.heard.remove(0);
        }
        self.heard.push(Heard { by, message });
    }
}

/// Somebody sends a message that was heard, as if it were its own.
pub(crate) fn forge(world: &mut World) -> Checked {
    let at = world.dice.below(world.heard.len());
    let (to, mut message) = (world.heard[at].by, world.heard[at].message.clone());
    let forger = world.dice.below(world.agents.len());
    let disguise = match world.dice.below(3) {
        0 => Disguise::Nobody,
        1 => Disguise::Stranger,
        _ => peer(world, forger, &message).unwrap_or(Disguise::Stranger),
    };
    // Under the id of the right message it may come before that one, or instead of it.
    if world.dice.percent(30) {
        let id = if message.message.get("@id").is_some() { "@id" } else { "id" };
        message.message[id] = json!(format!("forged-{}", world.number()));
    }
    let name = match &disguise {
        Disguise::Nobody => "nobody",
        Disguise::Stranger => "a stranger",
        Disguise::Peer(_) => "another peer",
    };
    let text = format!("a {} for process {to} in the name of {name}", message.name);
    world.call(forger, Call::Forge(Box::new(Forgery { message, disguise, to })), &text)
}

/// The forger as the peer of a connection of its own, for a message of another handshake than that connection's. What else
/// a peer sends on its own connection is its own.
fn peer(world: &World, forger: usize, message: &Opened) -> Option<Disguise> {
    if !HANDSHAKE.contains(&message.name.as_str()) {
        return None;
    }
    let watch = &world.agents[forger].watch;
    let live = watch.made.iter().filter_map(|made| watch.connections.get(&made.id));
    let mut others = live.filter(|connection| connection.my_key != message.sender_key);
    others.find_map(|connection| {
        let key = PublicKey::from_multibase(&connection.my_key).unwrap();
        let sender = Identity { did: Did::parse(&connection.my_did).ok()?, key }.sender();
        let kid = sender.kid.unwrap_or_default();
        let fits = kid.is_empty() == message.recipient_kid.is_empty();
        fits.then(|| Disguise::Peer(KeyReference { kid, key: key.multibase() }))
    })
}

/// Packs a forgery with the forger's keystore.
pub(crate) async fn pack(keystore: Link, tenant: &str, forgery: Forgery) -> Result<Bytes, Status> {
    let Forgery { message, disguise, .. } = forgery;
    let is_v2 = !message.recipient_kid.is_empty();
    let mut keystore = KeystoreServiceClient::new(keystore);
    let sender = match disguise {
        Disguise::Nobody => None,
        Disguise::Peer(sender) => Some(sender),
        Disguise::Stranger => {
            let kind = if is_v2 { KeyType::X25519 } else { KeyType::Ed25519 };
            let request = CreateKeyRequest { r#type: kind.into(), ..Default::default() };
            let made = keystore.create_key(for_tenant(tenant, request)?).await?.into_inner();
            let key = made.key.unwrap_or_default().multibase;
            Some(KeyReference { kid: format!("did:key:{key}#{key}"), key })
        }
    };
    let plaintext = Bytes::from(message.message.to_string());
    let (to, kid) = (message.recipient_key, message.recipient_kid);
    let request = match is_v2 {
        true => PackRequest {
            plaintext,
            format: EnvelopeFormat::V2.into(),
            recipients: vec![KeyReference { kid, key: to }],
            sender,
            ..Default::default()
        },
        false => PackRequest {
            plaintext,
            recipient_keys: vec![to],
            sender_key: sender.map(|sender| sender.key).unwrap_or_default(),
            ..Default::default()
        },
    };
    Ok(keystore.pack(for_tenant(tenant, request)?).await?.into_inner().envelope)
}
