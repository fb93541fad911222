//! API keys: what they are good for, and until when.

use std::time::Duration;

use entente_rpc::caller::for_tenant;
use entente_rpc::proto::access::v1::access_service_client::AccessServiceClient;
use entente_rpc::proto::access::v1::{
    CheckAccessRequest, CreateApiKeyRequest, ListApiKeysRequest, RevokeApiKeyRequest,
    RotateApiKeyRequest,
};
use entente_rpc::proto::connection::v1::CreateInvitationRequest;
use entente_rpc::proto::connection::v1::invitation_service_client::InvitationServiceClient;
use entente_rpc::{Code, ErrorReason, Link, Status};
use entente_tests::Suite;
use entente_tests::suite::{eventually, seconds};

use crate::support::{api_keys, failure, new_key, tenant};

/// Makes an invitation with a key, which takes the right to.
async fn invite(suite: &Suite, key: &str) -> Result<(), Status> {
    let mut invitations: InvitationServiceClient<Link> =
        InvitationServiceClient::new(suite.link_with(key));
    invitations.create_invitation(CreateInvitationRequest::default()).await.map(drop)
}

/// Waits until a key is good for nothing any more.
async fn ends(suite: &Suite, key: &str) -> ErrorReason {
    eventually("the key ends to work", async || {
        invite(suite, key).await.err().map(|status| entente_rpc::Failure::of(&status).reason)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_key_is_not_told() {
    let suite = Suite::start().await;
    let acme = tenant(&suite, "acme").await;
    let (id, revoked) = new_key(&suite, "acme", &["owner"]).await;
    let request = RevokeApiKeyRequest { id };
    api_keys(&suite, &acme.key).revoke_api_key(request).await.unwrap();
    let wrong = format!("{}{}", &acme.key[..acme.key.len() - 4], "0000");
    let unknown = format!("ent_0123456789abcdef_{}", "0".repeat(64));
    let malformed = ["x", "ent_", "ent_zz_zz"].map(str::to_owned);
    let mut told: Vec<(Code, String)> = Vec::new();
    for key in [wrong, unknown, revoked].into_iter().chain(malformed) {
        let status = invite(&suite, &key).await.unwrap_err();
        told.push((status.code(), status.message().to_owned()));
    }
    assert_eq!(told[0].0, Code::Unauthenticated);
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
    invite(&suite, &acme.key).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_rotated_with_overlap_and_ends() {
    let suite = Suite::start().await;
    let acme = tenant(&suite, "acme").await;
    let mut keys = api_keys(&suite, &acme.key);
    let (id, old) = new_key(&suite, "acme", &["owner"]).await;
    invite(&suite, &old).await.unwrap();
    let overlap = Some(seconds(4));
    let request = RotateApiKeyRequest { id: id.clone(), overlap, expires_in: None };
    let new = keys.rotate_api_key(request).await.unwrap().into_inner().key;
    assert_ne!(new, old);
    // Both work, and then the new one alone.
    invite(&suite, &new).await.unwrap();
    invite(&suite, &old).await.unwrap();
    assert_eq!(ends(&suite, &old).await, ErrorReason::Unauthenticated);
    invite(&suite, &new).await.unwrap();

    let list = async || {
        let request = ListApiKeysRequest::default();
        let list = api_keys(&suite, &acme.key).list_api_keys(request).await.unwrap();
        list.into_inner().api_keys
    };
    let known = list().await;
    assert_eq!(known.len(), 2);
    assert!(known.iter().all(|key| key.last_used_at.is_some()), "{known:?}");
    assert!(!format!("{known:?}").contains(&new[21..]), "a list has no secrets");

    // One that expires says so, to who has it.
    let request = CreateApiKeyRequest {
        name: "short".to_owned(),
        roles: vec!["owner".to_owned()],
        expires_in: Some(prost_types::Duration { seconds: 0, nanos: 300_000_000 }),
    };
    let short = keys.create_api_key(request).await.unwrap().into_inner().key;
    assert_eq!(ends(&suite, &short).await, ErrorReason::CredentialExpired);
    let wrong = format!("{}{}", &short[..short.len() - 4], "0000");
    assert_eq!(failure(invite(&suite, &wrong).await).reason, ErrorReason::Unauthenticated);

    keys.revoke_api_key(RevokeApiKeyRequest { id: id.clone() }).await.unwrap();
    assert_eq!(ends(&suite, &new).await, ErrorReason::Unauthenticated);
    let again = keys.revoke_api_key(RevokeApiKeyRequest { id }).await.unwrap();
    assert!(!again.into_inner().revoked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_makes_one_that_may_more() {
    let suite = Suite::start().await;
    let acme = tenant(&suite, "acme").await;
    let (reader_id, reader) = new_key(&suite, "acme", &["reader"]).await;
    let (operator_id, operator) = new_key(&suite, "acme", &["operator"]).await;
    let create = async |key: &str, tenant: Option<&str>, role: &str| {
        let request = CreateApiKeyRequest {
            name: "more".to_owned(),
            roles: vec![role.to_owned()],
            expires_in: None,
        };
        let request = match tenant {
            Some(tenant) => for_tenant(tenant, request).unwrap(),
            None => entente_rpc::Request::new(request),
        };
        api_keys(&suite, key).create_api_key(request).await
    };
    let denied = ErrorReason::PermissionDenied;
    create(&acme.key, None, "reader").await.unwrap();
    assert_eq!(failure(create(&acme.key, None, "operator").await).reason, denied);
    assert_eq!(failure(create(&acme.key, Some("default"), "owner").await).reason, denied);
    assert_eq!(failure(create(&reader, None, "reader").await).reason, denied);
    assert_eq!(failure(create(&acme.key, None, "gateway").await).reason, ErrorReason::InvalidField);
    create(&operator, Some("default"), "operator").await.unwrap();
    // An operator keeps keys, and sees nothing of what is a tenant's.
    assert_eq!(failure(invite(&suite, &operator).await).reason, denied);
    assert_eq!(failure(invite(&suite, &reader).await).reason, denied);
    // An owner may not take an operator's key over by rotating it; a reader's it may.
    let rotate = async |id: &str| {
        let request = RotateApiKeyRequest { id: id.to_owned(), ..Default::default() };
        api_keys(&suite, &acme.key).rotate_api_key(request).await
    };
    assert_eq!(failure(rotate(&operator_id).await).reason, denied);
    rotate(&reader_id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_learns_what_it_may_do() {
    let suite = Suite::start().await;
    let (_, reader) = new_key(&suite, "default", &["reader"]).await;
    let mut access: AccessServiceClient<Link> =
        AccessServiceClient::new(suite.access_link(&reader));
    let all = access.check_access(CheckAccessRequest::default()).await.unwrap().into_inner();
    assert_eq!(all.tenant, "default");
    assert!(all.principal.unwrap().name.starts_with("api-key:"));
    let allowed: Vec<_> = all.methods.iter().filter(|one| one.allowed).collect();
    assert!(allowed.iter().any(|one| one.method.ends_with("/ListConnections")), "{allowed:?}");
    assert!(!allowed.iter().any(|one| one.method.contains("Delete")), "{allowed:?}");
    let method = "entente.keystore.v1.KeystoreService/Sign".to_owned();
    let one = access.check_access(CheckAccessRequest { method }).await.unwrap().into_inner();
    assert_eq!(
        (one.methods[0].allowed, one.methods[0].roles.join(" ")),
        (false, "connection".to_owned())
    );
    let unknown = CheckAccessRequest { method: "x/y".to_owned() };
    assert_eq!(failure(access.check_access(unknown).await).reason, ErrorReason::InvalidField);
    // It takes no long time to say no.
    let began = std::time::Instant::now();
    invite(&suite, "ent_0123456789abcdef_00").await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(10));
}
