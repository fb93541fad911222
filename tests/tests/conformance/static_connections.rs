//! Connections without a handshake, of keys that both sides have from elsewhere.

use entente_did::{PublicKey, create};
use entente_rpc::proto::connection::v1::{
    Connection, CreateStaticConnectionRequest, DeleteConnectionRequest, GetConnectionRequest,
    ListConnectionsRequest, Role, SendBasicMessageRequest, SendPingRequest,
};
use entente_rpc::proto::event::v1::EventKind;
use entente_rpc::proto::keystore::v1::{GetKeyRequest, ImportKeyRequest, KeyType};
use entente_rpc::{Code, ErrorReason, Failure, Status};
use entente_tests::peer::{Connected, Key, kind, message, thread};
use entente_tests::{Peer, Suite};
use serde_json::json;

checks!(
    both_sides_speak_at_once,
    it_is_shown_as_one_that_no_handshake_made,
    an_imported_key_is_spoken_with,
    a_call_may_be_repeated,
    there_is_one_connection_of_two_dids_and_of_two_keys,
    calls_at_once_make_one_connection,
    a_key_lives_as_long_as_a_connection_of_its_did,
    a_key_of_another_did_is_refused,
    two_suites_connect,
);

fn agreed(peer: &Peer) -> CreateStaticConnectionRequest {
    CreateStaticConnectionRequest {
        their_key: peer.key.public.base58(),
        their_endpoint: peer.listener.url.clone(),
        their_label: "Peer".to_owned(),
        ..Default::default()
    }
}

async fn create(
    suite: &Suite,
    request: CreateStaticConnectionRequest,
) -> Result<Connection, Status> {
    let answer = suite.connections().create_static_connection(request).await?;
    Ok(answer.into_inner().connection.unwrap())
}

async fn refused(suite: &Suite, request: CreateStaticConnectionRequest) -> Failure {
    Failure::of(&create(suite, request).await.unwrap_err())
}

/// The connection as the peer has it.
fn known(suite: &Suite, made: &Connection) -> Connected {
    Connected {
        id: made.id.clone(),
        invitation_id: String::new(),
        did: made.my_did.clone(),
        key: PublicKey::from_multibase(&made.my_key).unwrap(),
        url: suite.didcomm_url.clone(),
        thread_id: String::new(),
    }
}

async fn import(suite: &Suite, seed: [u8; 32]) -> String {
    let request =
        ImportKeyRequest { r#type: KeyType::Ed25519.into(), private_key: seed.to_vec().into() };
    let answer = suite.keystore().import_key(request).await.unwrap();
    answer.into_inner().key.unwrap().multibase
}

async fn has_key(suite: &Suite, key: &str) -> bool {
    match suite.keystore().get_key(GetKeyRequest { key: key.to_owned() }).await {
        Ok(_) => true,
        Err(status) => {
            assert_eq!(status.code(), Code::NotFound, "{status:?}");
            false
        }
    }
}

async fn delete(suite: &Suite, made: &Connection) {
    let request = DeleteConnectionRequest { id: made.id.clone() };
    suite.connections().delete_connection(request).await.unwrap();
}

async fn both_sides_speak_at_once(suite: &Suite) {
    let peer = Peer::start().await;
    let made = create(suite, agreed(&peer)).await.unwrap();
    let agent = known(suite, &made);

    let request = SendPingRequest { connection_id: made.id.clone(), ..Default::default() };
    let ours = suite.messages().send_ping(request).await.unwrap().into_inner().thread_id;
    let ping = peer.listener.next().await;
    assert_eq!((kind(&ping.message), thread(&ping.message)), ("trust_ping/1.0/ping", &*ours));
    assert_eq!(ping.sender, Some(agent.key));

    let ping = message("trust_ping/1.0/ping", json!({}));
    let pong = peer.ask(&agent, &ping).await;
    assert_eq!(thread(&pong.message), ping["@id"]);
    // A stranger to whom nothing was agreed is none the less a stranger.
    let stranger = Peer::start().await;
    stranger.send(&agent, &message("basicmessage/1.0/message", json!({"content": "psst"}))).await;
    let events = suite.all_events().await;
    let texts = events.iter().filter(|event| event.kind() == EventKind::BasicMessageReceived);
    assert_eq!(texts.filter(|event| event.connection_id == made.id).count(), 0);
}

async fn it_is_shown_as_one_that_no_handshake_made(suite: &Suite) {
    let peer = Peer::start().await;
    let request = CreateStaticConnectionRequest { alias: "Static".into(), ..agreed(&peer) };
    let made = create(suite, request).await.unwrap();
    assert_eq!((made.role(), made.protocol), (Role::Unspecified, 0));
    assert_eq!((made.their_label.as_str(), made.alias.as_str()), ("Peer", "Static"));
    assert_eq!(made.their_did, create::nym(&peer.key.public).as_str());
    assert_eq!((&made.their_endpoint, &made.my_endpoint), (&peer.listener.url, &suite.didcomm_url));
    assert_eq!(made.last_seen_at, None);
    let request = GetConnectionRequest { id: made.id.clone() };
    let found = suite.connections().get_connection(request).await.unwrap().into_inner();
    assert_eq!(found.connection.as_ref(), Some(&made));
    let events = suite.all_events().await;
    let kinds: Vec<_> = events.iter().filter(|event| event.connection_id == made.id).collect();
    assert_eq!(kinds.len(), 1, "{kinds:?}");
    assert_eq!(kinds[0].kind(), EventKind::ConnectionCreated);
    assert!(suite.all_exchanges().await.iter().all(|exchange| exchange.id != made.id));

    let other = peer_by_invitation(suite).await;
    let request =
        ListConnectionsRequest { static_only: true, page_size: 1_000, ..Default::default() };
    let listed = suite.connections().list_connections(request).await.unwrap().into_inner();
    assert!(listed.connections.contains(&made));
    assert!(listed.connections.iter().all(|found| found.id != other));

    peer.hears_nothing(&known(suite, &made)).await;
    let request = GetConnectionRequest { id: made.id };
    let found = suite.connections().get_connection(request).await.unwrap().into_inner();
    assert!(found.connection.unwrap().last_seen_at.is_some());
}

async fn peer_by_invitation(suite: &Suite) -> String {
    Peer::start().await.join(suite).await.id
}

async fn an_imported_key_is_spoken_with(suite: &Suite) {
    let (peer, seed) = (Peer::start().await, rand::random());
    let key = import(suite, seed).await;
    let public = PublicKey::from_multibase(&key).unwrap();
    for my_key in [key.clone(), public.base58(), public.did_key()] {
        let made = create(suite, CreateStaticConnectionRequest { my_key, ..agreed(&peer) }).await;
        let made = made.unwrap();
        assert_eq!((&made.my_key, made.my_did.as_str()), (&key, create::nym(&public).as_str()));
        peer.hears_nothing(&known(suite, &made)).await;
        delete(suite, &made).await;
        assert!(!has_key(suite, &key).await);
        assert_eq!(import(suite, seed).await, key);
    }
    let stranger = Key::random().public.multibase();
    let failure =
        refused(suite, CreateStaticConnectionRequest { my_key: stranger, ..agreed(&peer) });
    assert_eq!(failure.await.violations[0].0, "my_key");
}

async fn a_call_may_be_repeated(suite: &Suite) {
    let peer = Peer::start().await;
    let request_id = uuid::Uuid::new_v4().to_string();
    let request = CreateStaticConnectionRequest { request_id, ..agreed(&peer) };
    let made = create(suite, request.clone()).await.unwrap();
    assert_eq!(create(suite, request.clone()).await.unwrap(), made);
    let other = CreateStaticConnectionRequest { alias: "other".into(), ..request };
    assert_eq!(refused(suite, other).await.reason, ErrorReason::RequestIdReused);
}

async fn there_is_one_connection_of_two_dids_and_of_two_keys(suite: &Suite) {
    let (peer, other) = (Peer::start().await, Peer::start().await);
    let made = create(suite, agreed(&peer)).await.unwrap();
    let mine = CreateStaticConnectionRequest { my_key: made.my_key.clone(), ..agreed(&peer) };
    let another_did = CreateStaticConnectionRequest {
        their_did: create::nym(&other.key.public).to_string(),
        ..mine.clone()
    };
    let another_key = CreateStaticConnectionRequest {
        their_key: other.key.public.base58(),
        their_did: made.their_did.clone(),
        ..mine.clone()
    };
    for request in [mine, another_did, another_key] {
        let failure = refused(suite, request).await;
        assert_eq!(failure.reason, ErrorReason::AlreadyExists, "{failure:?}");
        assert_eq!(failure.metadata("id"), Some(made.id.as_str()));
    }
    peer.hears_nothing(&known(suite, &made)).await;
}

async fn calls_at_once_make_one_connection(suite: &Suite) {
    let peer = Peer::start().await;
    let my_key = import(suite, rand::random()).await;
    let request = CreateStaticConnectionRequest { my_key, ..agreed(&peer) };
    let calls = (0..8).map(|_| create(suite, request.clone()));
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    for status in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(Failure::of(status).reason, ErrorReason::AlreadyExists, "{status:?}");
    }
}

async fn a_key_lives_as_long_as_a_connection_of_its_did(suite: &Suite) {
    let (one, two) = (Peer::start().await, Peer::start().await);
    let first = create(suite, agreed(&one)).await.unwrap();
    let request = CreateStaticConnectionRequest { my_key: first.my_key.clone(), ..agreed(&two) };
    let second = create(suite, request).await.unwrap();
    assert_eq!(first.my_did, second.my_did);
    delete(suite, &first).await;
    two.hears_nothing(&known(suite, &second)).await;
    delete(suite, &second).await;
    assert!(!has_key(suite, &first.my_key).await);
    // What failed leaves no key of its own.
    let before = keys(suite).await;
    let taken = create(suite, agreed(&one)).await.unwrap();
    let clash = CreateStaticConnectionRequest { my_did: taken.my_did.clone(), ..agreed(&two) };
    assert_eq!(refused(suite, clash).await.violations[0].0, "my_did");
    delete(suite, &taken).await;
    assert_eq!(keys(suite).await, before);
}

async fn keys(suite: &Suite) -> usize {
    let request = entente_rpc::proto::keystore::v1::ListKeysRequest {
        page_size: 1_000,
        ..Default::default()
    };
    suite.keystore().list_keys(request).await.unwrap().into_inner().keys.len()
}

/// Else it would be deleted with the connection.
async fn a_key_of_another_did_is_refused(suite: &Suite) {
    let (peer, other) = (Peer::start().await, Peer::start().await);
    let paired = peer.join(suite).await;
    for my_key in [suite.invite().await.key, paired.key.multibase()] {
        let request = CreateStaticConnectionRequest { my_key: my_key.clone(), ..agreed(&other) };
        let failure = refused(suite, request).await;
        assert_eq!(failure.violations[0].0, "my_did", "{failure:?}");
        assert!(has_key(suite, &my_key).await);
    }
    peer.hears_nothing(&paired).await;
}

async fn two_suites_connect(suite: &Suite) {
    let other = Suite::start().await;
    let keys = [import(suite, rand::random()).await, import(&other, rand::random()).await];
    let side = |mine: usize, url: &str| CreateStaticConnectionRequest {
        my_key: keys[mine].clone(),
        their_key: keys[1 - mine].clone(),
        their_endpoint: url.to_owned(),
        ..Default::default()
    };
    let ours = create(suite, side(0, &other.didcomm_url)).await.unwrap();
    let theirs = create(&other, side(1, &suite.didcomm_url)).await.unwrap();
    assert_eq!((&ours.my_did, &ours.their_did), (&theirs.their_did, &theirs.my_did));
    for (from, sender, to, receiver) in
        [(suite, &ours, &other, &theirs), (&other, &theirs, suite, &ours)]
    {
        let connection_id = || sender.id.clone();
        let ping = SendPingRequest { connection_id: connection_id(), ..Default::default() };
        from.messages().send_ping(ping).await.unwrap();
        let text = SendBasicMessageRequest {
            connection_id: connection_id(),
            content: "Hello".to_owned(),
            ..Default::default()
        };
        from.messages().send_basic_message(text).await.unwrap();
        let patience = std::time::Duration::from_secs(20);
        let has = |id: &str, kind: EventKind| {
            let id = id.to_owned();
            move |events: &[entente_rpc::proto::event::v1::Event]| {
                events.iter().any(|event| event.kind() == kind && event.connection_id == id)
            }
        };
        to.events_until(has(&receiver.id, EventKind::PingReceived), patience).await;
        to.events_until(has(&receiver.id, EventKind::BasicMessageReceived), patience).await;
        from.events_until(has(&sender.id, EventKind::PingResponseReceived), patience).await;
    }
}
