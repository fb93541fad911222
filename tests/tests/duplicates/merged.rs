//! What became one.

use std::time::Duration;

use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, AcceptanceState, DeleteConnectionRequest, GetAcceptanceRequest,
    GetExchangeRequest, ListBasicMessagesRequest, MergeConnectionsRequest, PeerTie, ReuseOutcome,
    SendBasicMessageRequest,
};
use entente_rpc::proto::event::v1::event::Record;
use entente_rpc::proto::event::v1::{Event, EventKind};
use entente_rpc::proto::keystore::v1::ListKeysRequest;
use entente_rpc::{Code, ErrorReason, Failure};
use entente_tests::peer::{Connected, kind, message, thread};
use entente_tests::suite::{command, eventually};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

use crate::{connect_anew, get, groups, join, merge};

const PATIENCE: Duration = Duration::from_secs(60);

async fn keys(suite: &Suite) -> usize {
    let request = ListKeysRequest { page_size: 1_000, ..Default::default() };
    suite.keystore().list_keys(request).await.unwrap().into_inner().keys.len()
}

async fn texts(suite: &Suite, ids: &[&str]) -> Vec<Vec<String>> {
    let connection_ids = ids.iter().map(|&id| id.to_owned()).collect();
    let request = ListBasicMessagesRequest { connection_ids, ..Default::default() };
    let pages = suite.messages().list_basic_messages(request).await.unwrap().into_inner().pages;
    assert_eq!(pages.iter().map(|page| page.connection_id.as_str()).collect::<Vec<_>>(), ids);
    pages
        .into_iter()
        .map(|page| page.messages.into_iter().map(|one| one.content).collect())
        .collect()
}

/// Pings on each connection; each is answered by the key that the peer wrote to.
async fn talk(peer: &Peer, agents: &[&Connected]) {
    for agent in agents {
        let ping = message("trust_ping/1.0/ping", json!({}));
        let pong = peer.ask(agent, &ping).await;
        assert_eq!(kind(&pong.message), "trust_ping/1.0/ping_response");
        assert_eq!(
            (thread(&pong.message), pong.sender),
            (ping["@id"].as_str().unwrap(), Some(agent.key))
        );
    }
}

fn of(events: &[Event], kind: EventKind) -> Vec<&Event> {
    events.iter().filter(|event| event.kind() == kind).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_id_and_every_key_leads_to_the_one() {
    let (suite, peer) = (Suite::start().await, Peer::start().await);
    suite.invite_many().await;
    let before = keys(&suite).await;
    let (a, b) = (join(&peer, &suite).await, join(&peer, &suite).await);
    let (kept, old) = (a.id.as_str(), b.id.as_str());
    let found = groups(&suite).await;
    let [group] = &found[..] else { panic!("{found:?}") };
    let mut ids: Vec<_> = group.connections.iter().map(|one| one.connection_id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!((group.did.as_str(), ids), (peer.did.as_str(), vec![kept, old]));
    assert!(group.connections.iter().all(|one| one.ties == [i32::from(PeerTie::PeerDid)]));
    peer.send(&b, &message("basicmessage/1.0/message", json!({"content": "before"}))).await;

    let request = MergeConnectionsRequest {
        keep: kept.to_owned(),
        absorb: vec![old.to_owned()],
        request_id: "once".to_owned(),
    };
    let merged = suite.connections().merge_connections(request.clone()).await.unwrap().into_inner();
    let again = suite.connections().merge_connections(request).await.unwrap().into_inner();
    assert_eq!((&merged, &merged.absorbed[..]), (&again, &[old.to_owned()][..]));
    let connection = merged.connection.unwrap();
    assert_eq!((connection.id.as_str(), &connection.former_ids[..]), (kept, &[old.to_owned()][..]));
    assert_eq!(get(&suite, old).await.unwrap(), connection);
    assert_eq!(suite.all_connections().await, std::slice::from_ref(&connection));
    let request = GetExchangeRequest { id: old.to_owned() };
    let exchange = suite.exchanges().get_exchange(request).await.unwrap().into_inner().exchange;
    assert_eq!(exchange.unwrap().id, kept);
    assert_eq!(suite.all_exchanges().await.into_iter().filter(|one| one.id == old).count(), 0);
    assert_eq!(groups(&suite).await, []);

    talk(&peer, &[&a, &b]).await;
    peer.send(&b, &message("basicmessage/1.0/message", json!({"content": "after"}))).await;
    let request = SendBasicMessageRequest {
        connection_id: old.to_owned(),
        content: "ours".to_owned(),
        ..Default::default()
    };
    suite.messages().send_basic_message(request).await.unwrap();
    let ours = peer.listener.next().await;
    assert_eq!((&ours.message["content"], ours.sender), (&json!("ours"), Some(a.key)));
    let all = ["ours", "after", "before"].map(str::to_owned).to_vec();
    assert_eq!(texts(&suite, &[old, kept]).await, [all.clone(), all]);

    let events = suite.all_events().await;
    let told = of(&events, EventKind::ConnectionMerged);
    let [told] = &told[..] else { panic!("{told:?}") };
    let Some(Record::Connection(record)) = &told.record else { panic!("{told:?}") };
    assert_eq!((record.id.as_str(), record.merged_into.as_str()), (old, kept));
    assert_eq!(told.connection_id, old);
    let changed = of(&events, EventKind::ConnectionChanged);
    let changed = changed.iter().find(|event| event.connection_id == kept).expect("it is told");
    assert!(matches!(&changed.record, Some(Record::Connection(now)) if now.former_ids == [old]));
    let received = of(&events, EventKind::BasicMessageReceived);
    let ids: Vec<_> = received.iter().map(|event| event.connection_id.as_str()).collect();
    assert_eq!(ids, [old, kept], "what came before is where it was");
    assert_eq!(of(&events, EventKind::ConnectionDeleted).len(), 0);

    // What is merged the other way round is merged already, and who was kept may become part of another.
    assert_eq!(merge(&suite, old, &[kept]).await.unwrap().absorbed, Vec::<String>::new());
    let c = join(&peer, &suite).await;
    let chained = merge(&suite, &c.id, &[old]).await.unwrap();
    assert_eq!(chained.absorbed, [kept]);
    assert_eq!(chained.connection.unwrap().former_ids, [kept, old]);
    assert_eq!(get(&suite, old).await.unwrap().id, c.id);
    talk(&peer, &[&a, &b, &c]).await;

    let delete = DeleteConnectionRequest { id: old.to_owned() };
    suite.connections().delete_connection(delete).await.unwrap();
    for agent in [&a, &b, &c] {
        assert_eq!(get(&suite, &agent.id).await.unwrap_err().code(), Code::NotFound);
        let ping = message("trust_ping/1.0/ping", json!({}));
        peer.post_envelope(&agent.url, peer.key.pack(&ping, &agent.key)).await;
    }
    let events = suite.all_events().await;
    assert_eq!(of(&events, EventKind::PingReceived).len(), 5, "none of them was heard again");
    assert_eq!(of(&events, EventKind::ConnectionDeleted).len(), 1);
    eventually("the keys of all are gone", async || (keys(&suite).await == before).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reuse_goes_by_the_one_that_was_kept() {
    let (mut inviter, invitee) = tokio::join!(Suite::start(), Suite::start());
    let (a, b) = (connect_anew(&invitee, &inviter).await, connect_anew(&invitee, &inviter).await);
    let found = groups(&invitee).await;
    let [group] = &found[..] else { panic!("{found:?}") };
    assert_eq!(group.did, a.invitation_did);
    assert!(group.connections.iter().all(|one| one.ties == [i32::from(PeerTie::InvitationDid)]));
    // The inviter has two DIDs of which nothing shows that they are one's.
    assert_eq!(groups(&inviter).await, []);

    // Asked on the one before it becomes part of the other, and answered after.
    let [asked, later] = [inviter.invite().await, inviter.invite().await];
    inviter.kill9();
    let request = AcceptInvitationRequest { invitation: asked.url, ..Default::default() };
    let pending = invitee.accept_with(request).await.unwrap();
    let asked_on = pending.connection_id.as_str();
    let kept = if asked_on == a.id { &b.id } else { &a.id };
    merge(&invitee, kept, &[asked_on]).await.unwrap();
    inviter.restart().await;
    let request = GetAcceptanceRequest { id: pending.id.clone() };
    eventually("the reuse is answered", async || {
        let answer = invitee.invitations().get_acceptance(request.clone()).await.unwrap();
        let acceptance = answer.into_inner().acceptance.unwrap();
        assert_eq!(acceptance.connection_id, *kept);
        (acceptance.state() == AcceptanceState::Reused).then_some(())
    })
    .await;
    let accepted = invitee.accept(&later.url).await;
    let decision = accepted.decision.unwrap();
    assert_eq!((decision.outcome(), &accepted.connection_id), (ReuseOutcome::Reused, kept));
    assert_eq!(decision.candidates, [kept.as_str()]);
    let reused = |events: &[Event]| of(events, EventKind::ConnectionReuse).len() == 2;
    inviter.events_until(reused, PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dialects_show_the_one_by_every_id() {
    let (suite, peer) = (Suite::start().await, Peer::start().await);
    let (a, b) = (join(&peer, &suite).await, join(&peer, &suite).await);
    merge(&suite, &a.id, &[&b.id]).await.unwrap();
    let record = suite.json("GET", &format!("/connections/{}", b.id), Value::Null).await;
    assert_eq!((&record["connection_id"], &record["state"]), (&json!(a.id), &json!("active")));
    let list = suite.json("GET", "/connections?state=active", Value::Null).await;
    let ids: Vec<_> =
        list["results"].as_array().unwrap().iter().map(|one| &one["connection_id"]).collect();
    assert_eq!(ids, [&json!(a.id)]);
    let path = format!("/cloud-agent/connections/{}", b.id);
    assert_eq!(suite.json("GET", &path, Value::Null).await["connectionId"], a.id);
    let query = "query($id: ID!) { connection(connectionId: $id) { id } \
                 aipConnectionExchange(connExId: $id) { id state } }";
    let query = json!({"query": query, "variables": {"id": b.id}});
    let answer = suite.json("POST", "/graphql", query).await;
    let exchange = json!({"id": a.id, "state": "DONE"});
    let expected = json!({"connection": {"id": a.id}, "aipConnectionExchange": exchange});
    assert_eq!(answer["data"], expected, "{answer}");
    let path = format!("/connections/{}/send-message", b.id);
    suite.json("POST", &path, json!({"content": "by the old id"})).await;
    assert_eq!(peer.listener.next().await.sender, Some(a.key));
    suite.json("DELETE", &format!("/connections/{}", b.id), Value::Null).await;
    assert_eq!(suite.call("GET", &format!("/connections/{}", a.id), Value::Null).await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_finds_and_merges() {
    let (suite, peer) = (Suite::start().await, Peer::start().await);
    let (a, b) = (join(&peer, &suite).await, join(&peer, &suite).await);
    let run = |arguments: &[&str]| {
        let mut command = command();
        command.arg("connections").args(arguments).args(["--server", &suite.grpc_url]);
        let output = command.args(["--api-key", &suite.api_key]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let table = run(&["duplicates"]);
    assert!(
        table.contains(&a.id) && table.contains(&b.id) && table.contains("peer-did"),
        "{table}"
    );
    let group: Value = serde_json::from_str(run(&["duplicates", "--json"]).trim()).unwrap();
    assert_eq!(group["connections"].as_array().unwrap().len(), 2);
    let merged: Value =
        serde_json::from_str(run(&["merge", &a.id, &b.id, "--json"]).trim()).unwrap();
    assert_eq!((&merged["id"], &merged["former_ids"]), (&json!(a.id), &json!([b.id])));
    assert_eq!(run(&["duplicates", "--json"]), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_id_is_of_one_merge() {
    let (suite, peer) = (Suite::start().await, Peer::start().await);
    let (a, b) = (join(&peer, &suite).await, join(&peer, &suite).await);
    let request = |absorb: &str| MergeConnectionsRequest {
        keep: a.id.clone(),
        absorb: vec![absorb.to_owned()],
        request_id: "r".to_owned(),
    };
    suite.connections().merge_connections(request(&b.id)).await.unwrap();
    let refused = suite.connections().merge_connections(request("other")).await.unwrap_err();
    assert_eq!(Failure::of(&refused).reason, ErrorReason::RequestIdReused);
}
