//! Who did what to which object, and who was refused.

use entente_rpc::proto::access::v1::{
    AuditEntry, AuditFilter, FollowAuditRequest, ListAuditEntriesRequest,
};
use entente_rpc::proto::connection::v1::{
    CreateInvitationRequest, DeleteInvitationRequest, ListConnectionsRequest,
};
use entente_tests::Suite;
use entente_tests::suite::eventually;
use serde_json::json;

use crate::support::{audit, new_key, tenant};

async fn entries(suite: &Suite, key: &str, tenant: &str) -> Vec<AuditEntry> {
    let filter = Some(AuditFilter { tenant: tenant.to_owned(), ..Default::default() });
    let request = ListAuditEntriesRequest { filter, ..Default::default() };
    audit(suite, key).list_audit_entries(request).await.unwrap().into_inner().entries
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_is_told_to_those_whom_it_concerns() {
    let suite = Suite::start().await;
    let (acme, bolt) = tokio::join!(tenant(&suite, "acme"), tenant(&suite, "bolt"));
    let id = acme.invite().await.id;
    let request = DeleteInvitationRequest { id: id.clone() };
    acme.invitations().delete_invitation(request).await.unwrap();
    let body = json!({"handshake_protocols": ["https://didcomm.org/didexchange/1.1"]});
    let (status, text) = acme.call(&suite, "POST", "/out-of-band/create-invitation", &body).await;
    assert_eq!(status, 200, "{text}");
    let (_, reader) = new_key(&suite, "acme", &["reader"]).await;
    let mut reading =
        entente_rpc::proto::connection::v1::invitation_service_client::InvitationServiceClient::new(
            suite.link_with(&reader),
        );
    reading.create_invitation(CreateInvitationRequest::default()).await.unwrap_err();
    bolt.invite().await;

    let done = |entry: &AuditEntry, method: &str, code: &str| {
        entry.method.ends_with(method) && entry.code == code && entry.address == "127.0.0.1"
    };
    let seen = eventually("all of it is told", async || {
        let seen = entries(&suite, &acme.key, "").await;
        let count = |method: &str, code: &str| {
            seen.iter().filter(|entry| done(entry, method, code)).count()
        };
        let told = [
            // By gRPC and by the admin API.
            count("/CreateInvitation", "OK"),
            count("/CreateInvitation", "PERMISSION_DENIED"),
            count("/DeleteInvitation", "OK"),
        ];
        (told == [2, 1, 1]).then_some(seen)
    })
    .await;
    assert!(seen.iter().all(|entry| entry.tenant == "acme"), "{seen:?}");
    let deleted = seen.iter().find(|entry| done(entry, "/DeleteInvitation", "OK")).unwrap();
    assert_eq!(deleted.object, id);
    let mut made = seen.iter().filter(|entry| done(entry, "/CreateInvitation", "OK"));
    assert!(made.clone().all(|entry| !entry.object.is_empty()), "{seen:?}");
    assert!(made.any(|entry| entry.object == id), "{seen:?}");
    assert!(deleted.caller.starts_with("api-key:"));
    assert!(entries(&suite, &acme.key, "bolt").await.is_empty(), "what is another's is not shown");
    // The operator sees all, as it happens.
    let request = FollowAuditRequest { after: seen[0].sequence - 1, filter: None };
    let mut all = audit(&suite, &suite.api_key).follow_audit(request).await.unwrap().into_inner();
    let mut last = 0;
    loop {
        let entry = all.message().await.unwrap().unwrap().entry.unwrap();
        assert!(entry.sequence > last);
        last = entry.sequence;
        if entry.tenant == "bolt" && entry.method.ends_with("/CreateInvitation") {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_refusals_is_counted_and_not_listed() {
    let suite = Suite::start().await;
    let stranger = suite.link_with("no-key-of-this-suite");
    let mut connections =
        entente_rpc::proto::connection::v1::connection_service_client::ConnectionServiceClient::new(
            stranger,
        );
    for _ in 0..200 {
        connections.list_connections(ListConnectionsRequest::default()).await.unwrap_err();
    }
    for _ in 0..10 {
        let (status, _) = crate::support::call(
            &suite,
            "wrong-key",
            "GET",
            "/connections",
            &serde_json::Value::Null,
        )
        .await;
        assert_eq!(status, 401);
    }
    let counted = "entente_auth_refused_total{reason=\"UNAUTHENTICATED\"}";
    assert!(suite.metric(counted).await >= 210.0);
    eventually("the audit has it", async || {
        let all = entries(&suite, &suite.api_key, "").await;
        let refused: Vec<_> = all.iter().filter(|one| one.code == "UNAUTHENTICATED").collect();
        assert!(refused.len() < 5, "{refused:?}");
        (!refused.is_empty()).then_some(())
    })
    .await;
}
