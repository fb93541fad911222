//! Tenants are made, rest, and are deleted.

use entente_rpc::proto::access::v1::{
    CreateTenantRequest, DeleteTenantRequest, GetTenantRequest, ListTenantsRequest,
    ResumeTenantRequest, SuspendTenantRequest,
};
use entente_rpc::proto::connection::v1::connection_service_client::ConnectionServiceClient;
use entente_rpc::proto::connection::v1::message_service_client::MessageServiceClient;
use entente_rpc::proto::connection::v1::{
    CreateInvitationRequest, ListBasicMessagesRequest, ListConnectionsRequest,
    SendBasicMessageRequest,
};
use entente_rpc::proto::keystore::v1::ListKeysRequest;
use entente_rpc::proto::keystore::v1::keystore_service_client::KeystoreServiceClient;
use entente_rpc::{ErrorReason, Failure, Link};
use entente_tests::Suite;
use entente_tests::suite::{eventually, seconds};

use crate::support::{Tenant, failure, tenant, tenants};

async fn send(from: &Tenant, connection_id: &str, content: &str) {
    let mut messages: MessageServiceClient<Link> = MessageServiceClient::new(from.link.clone());
    let request = SendBasicMessageRequest {
        connection_id: connection_id.to_owned(),
        content: content.to_owned(),
        ..Default::default()
    };
    messages.send_basic_message(request).await.unwrap();
}

async fn received(by: &Tenant, connection_id: &str) -> Vec<String> {
    let mut messages: MessageServiceClient<Link> = MessageServiceClient::new(by.link.clone());
    let request = ListBasicMessagesRequest {
        connection_ids: vec![connection_id.to_owned()],
        ..Default::default()
    };
    let list = messages.list_basic_messages(request).await.unwrap().into_inner();
    list.pages.into_iter().flat_map(|page| page.messages).map(|message| message.content).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_are_made_once_and_listed_in_pages() {
    let suite = Suite::start().await;
    let request = CreateTenantRequest {
        label: "Acme".to_owned(),
        settings: [("wallet_name".to_owned(), "acme".to_owned())].into(),
        request_id: "r1".to_owned(),
        ..Default::default()
    };
    let made = tenants(&suite).create_tenant(request.clone()).await.unwrap().into_inner();
    let again = tenants(&suite).create_tenant(request.clone()).await.unwrap().into_inner();
    assert_eq!(made, again);
    let other = CreateTenantRequest { label: "Bolt".to_owned(), ..request };
    let reused = failure(tenants(&suite).create_tenant(other).await);
    assert_eq!(reused.reason, ErrorReason::RequestIdReused);
    let id = made.tenant.unwrap().id;
    let taken = CreateTenantRequest { id: id.clone(), ..Default::default() };
    assert_eq!(
        failure(tenants(&suite).create_tenant(taken).await).reason,
        ErrorReason::AlreadyExists
    );
    for wrong in ["a b", "ä", &"x".repeat(65)] {
        let request = CreateTenantRequest { id: wrong.to_owned(), ..Default::default() };
        assert_eq!(failure(tenants(&suite).create_tenant(request).await).violations[0].0, "id");
    }
    let (mut ids, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListTenantsRequest { page_size: 1, page_token, ..Default::default() };
        let page = tenants(&suite).list_tenants(request).await.unwrap().into_inner();
        ids.extend(page.tenants.into_iter().map(|tenant| tenant.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(ids, [id.as_str(), "default"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_tenant_rests_and_loses_nothing() {
    let suite = Suite::start().await;
    let (acme, bolt) = tokio::join!(tenant(&suite, "acme"), tenant(&suite, "bolt"));
    acme.accept(&bolt.invite().await.url).await;
    let (ours, theirs) = (acme.connection().await, bolt.connection().await);
    let request = CreateInvitationRequest {
        expires_in: Some(seconds(3600)),
        short_url: true,
        ..Default::default()
    };
    let short = acme.invitations().create_invitation(request).await.unwrap().into_inner();
    let short = short.invitation.unwrap().short_url;
    let short_answers = async |expected: u16| {
        eventually("its short URL ends, and comes back", async || {
            let answer = suite.http.get(&short).header("accept", "application/json").send().await;
            (answer.unwrap().status() == expected).then_some(())
        })
        .await;
    };
    short_answers(200).await;
    let request = SuspendTenantRequest { id: "acme".to_owned() };
    tenants(&suite).suspend_tenant(request).await.unwrap();
    eventually("its callers are refused", async || {
        let request = ListConnectionsRequest::default();
        let refused = acme.connections().list_connections(request).await.err()?;
        (Failure::of(&refused).reason == ErrorReason::TenantSuspended).then_some(())
    })
    .await;
    // Each process learns it within some seconds.
    let admin_answers = async |expected: u16| {
        eventually("the admin API learns it", async || {
            let nothing = serde_json::Value::Null;
            let (status, _) = acme.call(&suite, "GET", "/connections", &nothing).await;
            (status == expected).then_some(())
        })
        .await;
    };
    admin_answers(403).await;
    short_answers(404).await;
    // Its peer is answered as a stranger would be: there is no error, and no effect.
    send(&bolt, &theirs.id, "while it rests").await;
    eventually("the message was taken and had no effect", async || {
        let log =
            suite.metric("entente_gateway_inbound_messages_total{result=\"suspended\"}").await;
        (log > 0.0).then_some(())
    })
    .await;

    tenants(&suite).resume_tenant(ResumeTenantRequest { id: "acme".to_owned() }).await.unwrap();
    let request = ListConnectionsRequest::default();
    let again = eventually("it works again", async || {
        acme.connections().list_connections(request.clone()).await.ok()
    })
    .await;
    assert_eq!(again.into_inner().connections.len(), 1);
    admin_answers(200).await;
    short_answers(200).await;
    assert!(received(&acme, &ours.id).await.is_empty());
    send(&bolt, &theirs.id, "after it").await;
    eventually("a message arrives", async || {
        (received(&acme, &ours.id).await == ["after it"]).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_tenant_leaves_nothing_whatever_fails_meanwhile() {
    let mut suite = Suite::start().await;
    let (acme, bolt) = tokio::join!(tenant(&suite, "acme"), tenant(&suite, "bolt"));
    acme.accept(&bolt.invite().await.url).await;
    // On both sides: what acme has not sent yet goes with it.
    tokio::join!(acme.connection(), bolt.connection());
    let request = DeleteTenantRequest { id: "acme".to_owned() };
    assert!(!tenants(&suite).delete_tenant(request.clone()).await.unwrap().into_inner().done);
    suite.restart().await;
    eventually("all is gone", async || {
        let answer = tenants(&suite).delete_tenant(request.clone()).await.unwrap();
        answer.into_inner().done.then_some(())
    })
    .await;
    let get = GetTenantRequest { id: "acme".to_owned() };
    assert_eq!(failure(tenants(&suite).get_tenant(get).await).reason, ErrorReason::NotFound);
    let again = CreateTenantRequest { id: "acme".to_owned(), ..Default::default() };
    assert_eq!(
        failure(tenants(&suite).create_tenant(again).await).reason,
        ErrorReason::AlreadyExists
    );
    // A key of it lets nobody in.
    let request = ListConnectionsRequest::default();
    let refused = failure(acme.connections().list_connections(request.clone()).await);
    assert_eq!(refused.reason, ErrorReason::Unauthenticated);
    // Nothing is left: a service that could see it sees nothing.
    let key = entente_rpc::auth::service_key(&suite.api_key, "gateway");
    let mut connections: ConnectionServiceClient<Link> =
        ConnectionServiceClient::new(suite.link_with(&key));
    let left = entente_rpc::caller::for_tenant("acme", request.clone()).unwrap();
    let left = connections.list_connections(left).await.unwrap().into_inner().connections;
    assert!(left.is_empty(), "{left:?}");
    // The others have what they had.
    assert_eq!(bolt.all_connections().await.len(), 1);
    let mut keystore: KeystoreServiceClient<Link> = KeystoreServiceClient::new(bolt.link.clone());
    let keys = keystore.list_keys(ListKeysRequest::default()).await.unwrap().into_inner().keys;
    assert!(!keys.is_empty());
    let default = DeleteTenantRequest { id: "default".to_owned() };
    assert_eq!(
        failure(tenants(&suite).delete_tenant(default).await).reason,
        ErrorReason::WrongState
    );
}
