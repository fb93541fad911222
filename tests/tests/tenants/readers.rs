//! Two tenants act at the same time, and each is followed by every reader that there is: each reader is told all of its
//! own tenant, and nothing of the other.

mod follow;

use entente_rpc::proto::access::v1::FollowAuditRequest;
use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, CreateInvitationRequest, DeleteInvitationRequest, ExchangeState,
    Invitation, InvitationKind, ReuseOutcome,
};
use entente_rpc::proto::event::v1::event::Record;
use entente_rpc::proto::event::v1::webhook_service_client::WebhookServiceClient;
use entente_rpc::proto::event::v1::{
    CommitConsumerRequest, CreateWebhookRequest, Event, EventFilter, EventKind, GetConsumerRequest,
    LeaseConsumerRequest, SubscribeRequest, WebhookFormat,
};
use entente_tests::Suite;
use entente_tests::acapy::Controller;
use entente_tests::suite::{eventually, seconds};
use serde_json::{Value, json};

use self::follow::{Told, graphql, socket, subscribed};
use crate::support::{Tenant, audit, call};

const INVITATIONS: usize = 6;
const ACCEPTED: usize = 3;

/// A sub-wallet that is followed from its first event on.
struct Followed {
    id: String,
    tenant: Tenant,
    /// Told by ACA-Py's webhooks of its own, and by Identus'.
    controller: Controller,
    /// Told by everything else: its name, and what it was told.
    readers: Vec<(&'static str, Told)>,
    events: [Told; 2],
}

/// What only one tenant knows, and by what each of its records is known to readers.
#[derive(Debug)]
struct Own {
    secrets: Vec<String>,
    exchanges: Vec<String>,
    invitations: Vec<String>,
    reuses: Vec<String>,
}

impl Followed {
    async fn start(suite: &Suite) -> Self {
        let controller = Controller::start().await;
        let body =
            json!({"wallet_webhook_urls": [controller.url()], "wallet_dispatch_type": "both"});
        let made = call(suite, &suite.api_key, "POST", "/multitenancy/wallet", &body).await.1;
        let made: Value = serde_json::from_str(&made).unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let (id, key) = (text("wallet_id"), text("token"));
        let tenant = Tenant { link: suite.link_with(&key), key };
        let request = CreateWebhookRequest {
            url: format!("{}/topic/identus/", controller.url()),
            format: WebhookFormat::Identus.into(),
            headers: Vec::new(),
        };
        let mut webhooks = WebhookServiceClient::new(tenant.link.clone());
        webhooks.create_webhook(request).await.unwrap();
        let events = [
            subscribed(&tenant, SubscribeRequest::default()).await,
            subscribed(&tenant, SubscribeRequest { from_now: true, ..Default::default() }).await,
        ];
        let update = "{ exchange { id state alias } }";
        let exchanges = format!("onAipConnectionExchangeUpdate {update}");
        let all_exchanges = format!("onAipConnectionExchangeUpdate(after: \"0\") {update}");
        let reuses = "onConnectionReuse(after: \"0\") { threadId connectionId }";
        let readers = vec![
            ("/ws", socket(suite, &tenant, "/ws").await),
            ("exchanges", graphql(suite, &tenant, &exchanges).await),
            ("/ws?after=0", socket(suite, &tenant, "/ws?after=0").await),
            ("all exchanges", graphql(suite, &tenant, &all_exchanges).await),
            ("reuses", graphql(suite, &tenant, reuses).await),
        ];
        let followed = Self { id, tenant, controller, readers, events };
        followed.awake().await;
        followed
    }

    /// Something happens until those are told of it who are told only what happens after they came.
    async fn awake(&self) {
        eventually("the readers read", async || {
            self.tenant
                .invitations()
                .create_invitation(CreateInvitationRequest::default())
                .await
                .unwrap();
            self.readers.iter().take(2).all(|(_, told)| !told.texts().is_empty()).then_some(())
        })
        .await;
    }

    async fn invite(&self) -> Vec<Invitation> {
        let mut made = Vec::new();
        for number in 0..INVITATIONS {
            let request = CreateInvitationRequest {
                kind: InvitationKind::MultiUse.into(),
                alias: format!("{} invites {number}", self.id),
                ..Default::default()
            };
            let answer = self.tenant.invitations().create_invitation(request).await.unwrap();
            made.push(answer.into_inner().invitation.unwrap());
        }
        made
    }

    /// Accepts a new connection, and reuses it; and deletes an invitation that nobody saw.
    async fn accept(&self, theirs: &[Invitation], unseen: &Invitation) {
        for (number, invitation) in theirs.iter().take(ACCEPTED).enumerate() {
            let request = AcceptInvitationRequest {
                invitation: invitation.url.clone(),
                alias: format!("{} accepts {number}", self.id),
                wait: Some(seconds(30)),
                ..Default::default()
            };
            let answer = self.tenant.invitations().accept_invitation(request).await.unwrap();
            let decision = answer.into_inner().acceptance.unwrap().decision.unwrap();
            let wanted = if number == 0 { ReuseOutcome::New } else { ReuseOutcome::Reused };
            assert_eq!(decision.outcome(), wanted);
        }
        let request = DeleteInvitationRequest { id: unseen.id.clone() };
        self.tenant.invitations().delete_invitation(request).await.unwrap();
    }

    /// Its events, once both handshakes and all reuses are over.
    async fn settled(&self) -> Vec<Event> {
        eventually("everything has happened", async || {
            let events = self.tenant.all_events().await;
            let count = |kind: EventKind| events.iter().filter(|one| one.kind() == kind).count();
            let done = events.iter().filter(|event| {
                matches!(&event.record, Some(Record::Exchange(exchange)) if exchange.state() == ExchangeState::Done)
            });
            let reused = [EventKind::ConnectionReuse, EventKind::ConnectionReuseAccepted];
            let enough = done.count() >= 2
                && reused.map(count) == [ACCEPTED - 1; 2]
                && count(EventKind::InvitationDeleted) == 1;
            enough.then_some(events)
        })
        .await
    }
}

impl Own {
    fn of(followed: &Followed, events: &[Event], unseen: &Invitation) -> Self {
        let (mut exchanges, mut invitations, mut reuses) = (Vec::new(), Vec::new(), Vec::new());
        let mut secrets = vec![followed.id.clone(), unseen.id.clone()];
        for event in events {
            match event.record.as_ref().unwrap() {
                Record::Exchange(exchange) if exchange.state() == ExchangeState::Done => {
                    exchanges.push(exchange.id.clone());
                }
                Record::Invitation(invitation) if invitation.kind() == InvitationKind::MultiUse => {
                    invitations.push(invitation.id.clone());
                }
                Record::Acceptance(acceptance) => secrets.push(acceptance.id.clone()),
                Record::Reuse(reuse) => reuses.push(reuse.thread_id.clone()),
                _ => {}
            }
        }
        for ids in [&mut exchanges, &mut invitations, &mut reuses, &mut secrets] {
            ids.sort();
            ids.dedup();
        }
        assert_eq!(
            [exchanges.len(), invitations.len(), reuses.len()],
            [2, INVITATIONS, 2 * (ACCEPTED - 1)]
        );
        secrets.extend(exchanges.iter().cloned());
        Self { secrets, exchanges, invitations, reuses }
    }
}

/// Waits until a reader was told of all these, and sees that it was told nothing of the other.
async fn told(reader: &str, texts: impl Fn() -> Vec<String>, wanted: &[&[String]], other: &Own) {
    for id in wanted.iter().copied().flatten() {
        let what = format!("{reader} is told of {id}");
        eventually(&what, async || texts().iter().any(|text| text.contains(id)).then_some(()))
            .await;
    }
    for text in texts() {
        for secret in &other.secrets {
            assert!(!text.contains(secret), "{reader} is told of {secret}: {text}");
        }
    }
}

/// Everything that one of them was told.
async fn all_readers(
    suite: &Suite,
    base: &Controller,
    one: &Followed,
    own: &Own,
    other: &Own,
    events: &[Event],
) {
    let everything: [&[String]; 3] = [&own.invitations, &own.exchanges, &own.reuses];
    for (name, reader) in &one.readers {
        let wanted: &[&[String]] = match *name {
            "reuses" => &[&own.reuses],
            "exchanges" | "all exchanges" => &[&own.exchanges],
            _ => &everything,
        };
        told(name, || reader.texts(), wanted, other).await;
    }
    told("its own URL", || one.controller.told_with("x-wallet-id", &one.id), &everything, other)
        .await;
    let identus = || one.controller.told("identus").iter().map(Value::to_string).collect();
    told("Identus' webhook", identus, &[&own.exchanges], other).await;
    let everyones = one.controller.values("x-wallet-id");
    assert!(
        everyones.iter().all(|id| [one.id.as_str(), ""].contains(&id.as_str())),
        "{everyones:?}"
    );
    // One URL for all: each call says whose it is, and has nothing of anybody else.
    told("the base wallet's URL", || base.told_with("x-wallet-id", &one.id), &everything, other)
        .await;

    // The log, event by event, and with a cursor that is kept under a name which the other uses too.
    let last = events.last().unwrap().sequence;
    let shown: Vec<_> = events.iter().map(|event| format!("{event:?}")).collect();
    for reader in &one.events {
        eventually("all events came", async || (reader.texts().len() >= shown.len()).then_some(()))
            .await;
        assert_eq!(reader.texts(), shown);
    }
    let name = "worker".to_owned();
    let lease = LeaseConsumerRequest {
        name: name.clone(),
        holder: one.id.clone(),
        duration: Some(seconds(60)),
    };
    assert!(one.tenant.events().lease_consumer(lease).await.unwrap().into_inner().held);
    let commit = CommitConsumerRequest { name: name.clone(), cursor: last, ..Default::default() };
    one.tenant.events().commit_consumer(commit).await.unwrap();
    let kept = one.tenant.events().get_consumer(GetConsumerRequest { name }).await.unwrap();
    assert_eq!(kept.into_inner().consumer.unwrap().cursor, last);
    audited(suite, one, other).await;
}

/// The audit, as its owner follows it.
async fn audited(suite: &Suite, one: &Followed, other: &Own) {
    let request = FollowAuditRequest { after: 0, filter: None };
    let mut entries =
        audit(suite, &one.tenant.key).follow_audit(request).await.unwrap().into_inner();
    let mut counts = [0; 3];
    while counts.iter().zip([INVITATIONS, ACCEPTED, 1]).any(|(count, wanted)| *count < wanted) {
        let next =
            tokio::time::timeout(std::time::Duration::from_secs(30), entries.message()).await;
        let entry = next.unwrap_or_else(|_| panic!("{counts:?}")).unwrap().unwrap().entry.unwrap();
        assert_eq!(entry.tenant, one.id);
        assert!(
            !other.secrets.iter().any(|secret| format!("{entry:?}").contains(secret)),
            "{entry:?}"
        );
        for (count, method) in
            counts.iter_mut().zip(["CreateInvitation", "AcceptInvitation", "DeleteInvitation"])
        {
            *count +=
                usize::from(entry.code == "OK" && entry.method.ends_with(&format!("/{method}")));
        }
    }
}

/// A reader who asks for what is another's is told what one is who asks for what is not there: nothing, until the end.
async fn foreign_filters(one: &Followed, own: &[Event], other: &Own) {
    let last = own.last().unwrap().sequence;
    let unknown = uuid::Uuid::now_v7().to_string();
    let filters = [
        EventFilter { connection_id: other.exchanges[0].clone(), ..Default::default() },
        EventFilter { connection_id: unknown.clone(), ..Default::default() },
        EventFilter { invitation_id: other.secrets[0].clone(), ..Default::default() },
        EventFilter { invitation_id: unknown, ..Default::default() },
    ];
    for filter in filters {
        let request = SubscribeRequest {
            filter: Some(filter),
            heartbeat: Some(seconds(1)),
            ..Default::default()
        };
        let mut stream = one.tenant.events().subscribe(request).await.unwrap().into_inner();
        let mut cursor = 0;
        while cursor < last {
            let answer = stream.message().await.unwrap().unwrap();
            assert_eq!(answer.event, None);
            cursor = answer.cursor;
        }
        assert_eq!(cursor, last);
    }
}

async fn both_act(suite: &Suite, base: &Controller) {
    let (acme, bolt) = tokio::join!(Followed::start(suite), Followed::start(suite));
    let (of_acme, of_bolt) = tokio::join!(acme.invite(), bolt.invite());
    let unseen = [of_acme.last().unwrap(), of_bolt.last().unwrap()];
    tokio::join!(acme.accept(&of_bolt, unseen[0]), bolt.accept(&of_acme, unseen[1]));
    let (acmes, bolts) = tokio::join!(acme.settled(), bolt.settled());
    let own = [Own::of(&acme, &acmes, unseen[0]), Own::of(&bolt, &bolts, unseen[1])];
    tokio::join!(
        all_readers(suite, base, &acme, &own[0], &own[1], &acmes),
        all_readers(suite, base, &bolt, &own[1], &own[0], &bolts),
        foreign_filters(&acme, &acmes, &own[1]),
        foreign_filters(&bolt, &bolts, &own[0]),
    );
    let told: Vec<_> = base.values("x-wallet-id").into_iter().collect();
    let mut both = [acme.id, bolt.id];
    both.sort();
    assert_eq!(told, both);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_told_all_of_its_own_and_nothing_of_the_other() {
    let base = Controller::start().await;
    both_act(&Suite::with(&["--webhook-url", base.url()]).await, &base).await;
}
