//! Keys and DIDs that nothing needs are found, and nothing else is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use entente_rpc::proto::connection::v1::{
    AbandonExchangeRequest, AcceptInvitationRequest, CreateInvitationRequest,
    CreateStaticConnectionRequest, DeleteConnectionRequest, DidMethod, DiscardOrphanRequest,
    Finding, FindingKind, HandshakeProtocol, InvitationFormat, InvitationKind, ListFindingsRequest,
    RotateDidRequest,
};
use entente_rpc::proto::keystore::v1::{
    CreateKeyRequest, CreateKeysRequest, GetKeyRequest, Key, KeyType,
};
use entente_rpc::{Code, ErrorReason, Failure, Status};
use entente_tests::Suite;
use entente_tests::suite::{command, seconds};

/// What the connection service says its keys are for.
const PURPOSE: &str = "connection";

/// All that is orphaned, however young, read in pages of a size.
async fn orphans(suite: &Suite, page_size: i32) -> Vec<(FindingKind, String)> {
    let (mut found, mut page_token) = (Vec::<Finding>::new(), String::new());
    loop {
        let patience = Some(seconds(0));
        let request = ListFindingsRequest { page_size, page_token, patience, ..Default::default() };
        let page = suite.diagnosis().list_findings(request).await.unwrap().into_inner();
        found.extend(page.findings);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let kinds = [FindingKind::OrphanedDid, FindingKind::OrphanedKey];
    let found = found.into_iter().filter(|found| kinds.contains(&found.kind()));
    found.map(|found| (found.kind(), found.id)).collect()
}

async fn create_pair(suite: &Suite) -> Vec<String> {
    let request = CreateKeysRequest {
        types: vec![KeyType::X25519.into(), KeyType::Ed25519.into()],
        purpose: PURPOSE.to_owned(),
        ..Default::default()
    };
    let keys = suite.keystore_as_connection().create_keys(request).await.unwrap().into_inner().keys;
    assert_eq!((keys[0].made_with.as_str(), &keys[1].made_with), ("", &keys[0].multibase));
    keys.into_iter().map(|key| key.multibase).collect()
}

async fn create(suite: &Suite, purpose: &str) -> Key {
    let request = CreateKeyRequest { purpose: purpose.to_owned(), ..Default::default() };
    suite.keystore().create_key(request).await.unwrap().into_inner().key.unwrap()
}

async fn discard(suite: &Suite, id: &str, patience: Option<i64>) -> Result<(), Status> {
    let request = DiscardOrphanRequest { id: id.to_owned(), patience: patience.map(seconds) };
    suite.diagnosis().discard_orphan(request).await.map(drop)
}

/// Connects, and accepts a second time, which reuses where there is a DID for it.
async fn connect(inviter: &Suite, invitee: &Suite, request: CreateInvitationRequest) {
    for _ in 0..2 {
        let invitation = inviter.invite_with(request.clone()).await;
        let accepted = invitee.accept(&invitation.url).await;
        assert!(!accepted.connection_id.is_empty(), "{request:?}: {accepted:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_record_names_is_not_orphaned() {
    let (inviter, invitee) = (Suite::start().await, Suite::start().await);
    let plain = CreateInvitationRequest::default();
    let with = |protocol: HandshakeProtocol| CreateInvitationRequest {
        handshake_protocols: vec![protocol.into()],
        ..CreateInvitationRequest::default()
    };
    for request in [
        plain.clone(),
        CreateInvitationRequest { kind: InvitationKind::MultiUse.into(), ..plain.clone() },
        CreateInvitationRequest { create_unique_did: true, ..plain.clone() },
        CreateInvitationRequest { did_method: DidMethod::InlineKey.into(), ..plain.clone() },
        CreateInvitationRequest { did_method: DidMethod::Peer4.into(), ..plain.clone() },
        with(HandshakeProtocol::Connections10),
        with(HandshakeProtocol::Didexchange10),
        CreateInvitationRequest { format: InvitationFormat::OutOfBand2.into(), ..plain.clone() },
        CreateInvitationRequest {
            format: InvitationFormat::OutOfBand2.into(),
            kind: InvitationKind::MultiUse.into(),
            ..plain.clone()
        },
    ] {
        connect(&inviter, &invitee, request).await;
    }
    // A new DID, while the peer has not answered it.
    for connection in invitee.all_connections().await {
        // Only those of DIDComm v2 can.
        let _ = invitee.connections().rotate_did(RotateDidRequest { id: connection.id }).await;
    }
    let their_key = create(&invitee, "").await.multibase;
    let request = CreateStaticConnectionRequest {
        their_key,
        their_endpoint: invitee.didcomm_url.clone(),
        ..Default::default()
    };
    inviter.connections().create_static_connection(request).await.unwrap();
    // Deleted with its keys, where nothing else has them.
    for suite in [&inviter, &invitee] {
        let id = suite.all_connections().await.pop().unwrap().id;
        suite.connections().delete_connection(DeleteConnectionRequest { id }).await.unwrap();
    }
    // A handshake that nobody answers, and one that was given up.
    let mut gone = Suite::start().await;
    let invitations = [gone.invite_with(plain.clone()).await, {
        let unique = CreateInvitationRequest { create_unique_did: true, ..plain.clone() };
        gone.invite_with(unique).await
    }];
    gone.kill9();
    for (invitation, given_up) in invitations.iter().zip([false, true]) {
        let invitation = invitation.url.clone();
        let request = AcceptInvitationRequest { invitation, ..Default::default() };
        let id = invitee.accept_with(request).await.unwrap().exchange_id;
        if given_up {
            let request = AbandonExchangeRequest { id, ..Default::default() };
            invitee.exchanges().abandon_exchange(request).await.unwrap();
        }
    }
    for suite in [&inviter, &invitee] {
        assert_eq!(orphans(suite, 0).await, [], "{}", suite.grpc_url);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_record_names_is_found_and_destroyed() {
    let (suite, peer) = (Suite::start().await, Suite::start().await);
    let (connection, _) = suite.connect_to(&peer).await;
    let mut lost = create_pair(&suite).await;
    lost.push(create(&suite, PURPOSE).await.multibase);
    let other = create(&suite, "billing").await;
    assert_eq!(other.purpose, "billing");
    let expected: Vec<_> = lost.iter().map(|key| (FindingKind::OrphanedKey, key.clone())).collect();
    for page_size in [0, 1, 2, 3] {
        let mut found = orphans(&suite, page_size).await;
        found.sort_by_key(|(_, key)| lost.iter().position(|lost| lost == key));
        assert_eq!(found, expected, "in pages of {page_size}");
    }
    // What has just been made may be for a call that is under way.
    let young = ListFindingsRequest { kind: FindingKind::OrphanedKey.into(), ..Default::default() };
    let young = suite.diagnosis().list_findings(young).await.unwrap().into_inner();
    assert_eq!((young.findings.len(), young.next_page_token.as_str()), (0, ""));
    for (id, patience) in [
        (&lost[0], None),
        (&connection.my_key, Some(0)),
        (&connection.my_did, Some(0)),
        (&other.multibase, Some(0)),
    ] {
        let refused = discard(&suite, id, patience).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{id}: {refused:?}");
        assert!(refused.message().contains("orphaned"), "{refused:?}");
    }
    for key in [&connection.my_key, &other.multibase] {
        let request = GetKeyRequest { key: key.clone() };
        suite.keystore().get_key(request).await.expect("it is still there");
    }
    let nonsense = Failure::of(&discard(&suite, "nonsense", None).await.unwrap_err());
    assert_eq!(nonsense.reason, ErrorReason::InvalidField, "{nonsense}");
    let negative = Failure::of(&discard(&suite, &lost[0], Some(-1)).await.unwrap_err());
    assert!(negative.message.contains("patience"), "{negative}");

    discard(&suite, &lost[0], Some(0)).await.unwrap();
    let twice = discard(&suite, &lost[0], Some(0)).await.unwrap_err();
    assert_eq!(twice.code(), Code::NotFound, "{twice:?}");
    let request = GetKeyRequest { key: lost[0].clone() };
    let gone = suite.keystore().get_key(request).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound, "{gone:?}");
    let run = |arguments: &[&str]| {
        let mut command = command();
        command.args(arguments).args(["--patience", "0s", "--server", &suite.grpc_url]);
        command.args(["--api-key", &suite.api_key]).output().unwrap()
    };
    let told = run(&["doctor", "--kind", "orphaned-key"]);
    let said = String::from_utf8_lossy(&told.stdout).into_owned();
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    for key in &lost[1..] {
        assert!(said.contains(&format!("entente keys discard {key}")), "{said}");
        let discarded = run(&["keys", "discard", key]);
        assert!(discarded.status.success(), "{discarded:?}");
    }
    let told = run(&["doctor", "--kind", "orphaned-key"]);
    assert!(told.status.success(), "{told:?}");
}
