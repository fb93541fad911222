//! One process after another dies under load.

use std::collections::BTreeSet;

use entente_rpc::proto::connection::v1::{
    ExchangeState, GetInvitationRequest, ListConnectionsRequest,
};
use entente_rpc::proto::event::v1::EventKind;
use entente_tests::Suite;
use entente_tests::acapy::{AcaPy, Relay, Release};
use entente_tests::fleet::Fleet;
use entente_tests::nats::Nats;

use entente_tests::load::{Load, Made, ended, until, with_did, with_key};
use entente_tests::reader::Reader;

/// What is acknowledged is done, once, whoever died meanwhile: with a real ACA-Py as the peer, on either side.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_and_reuses_survive_the_death_of_each_process() {
    let Some(nats) = Nats::start().await else { return };
    let Some(mut fleet) = Fleet::start(&["--nats-url", &nats.url()]).await else { return };
    let to_acapy = Relay::start().await;
    let acapy = AcaPy::start(Release::Current, "ACA-Py", to_acapy.url()).await;
    let Some(acapy) = acapy else { return };
    to_acapy.lead(acapy.endpoint());
    let other = Suite::whole().await;
    let (load, reader) = (Load::default(), Reader::start(&fleet.suite));
    let (ours, agent) = (fleet.envoy.suite(), &acapy.agent);
    let (key, did) = (with_key(), with_did());
    let deaths = async {
        for victim in 0..fleet.processes.len() {
            fleet.processes[victim].kill9();
            load.progress(2).await;
            fleet.processes[victim].restart().await;
            fleet.until_healthy().await;
        }
        load.stop();
    };
    let (accepted, by_key, by_did, reused, ()) = tokio::join!(
        load.accepted_by_acapy(&ours, agent),
        load.acapy_accepted(&ours, agent, &key),
        load.acapy_accepted(&ours, agent, &did),
        load.accepted(&ours, &other, false),
        deaths,
    );
    for (made, invitee) in
        [(&accepted, &ours), (&by_key, &ours), (&by_did, &ours), (&reused, &other)]
    {
        assert_nothing_is_lost(made, &ours, invitee).await;
    }
    // ACA-Py is done before we are, and sends its last message again if a gateway died with it.
    until("every exchange ends", async || {
        let exchanges = ours.all_exchanges().await;
        exchanges.iter().all(|exchange| exchange.state() == ExchangeState::Done).then_some(())
    })
    .await;
    // One for each invitation with a key or a DID of its own, and one for each DID that several invitations have.
    let connections = ours.all_connections().await;
    let expected = accepted.invitations.len() + by_key.acceptances.len() + 2;
    assert_eq!(connections.len(), expected);
    let pairs: BTreeSet<_> = connections.iter().map(|c| (&c.my_did, &c.their_did)).collect();
    assert_eq!(pairs.len(), expected, "no two for one pair");
    for invitation in &accepted.invitations {
        let request =
            ListConnectionsRequest { invitation_id: invitation.id.clone(), ..Default::default() };
        let found = ours.connections().list_connections(request).await.unwrap().into_inner();
        assert_eq!(found.connections.len(), 1, "{invitation:?}");
    }
    let of_one: BTreeSet<_> = by_did.acceptances.iter().map(|made| &made.connection_id).collect();
    assert_eq!(of_one.len(), 1, "the others reuse it");
    assert_eq!(other.all_connections().await.len(), 1);
    let log = ours.all_events().await;
    let created = log.iter().filter(|event| event.kind() == EventKind::ConnectionCreated);
    assert_eq!(created.count(), expected);
    reader.assert_saw(&log).await;
    nats.assert_published(&log).await;
}

async fn assert_nothing_is_lost(made: &Made, inviter: &Suite, invitee: &Suite) {
    assert!(!made.invitations.is_empty() || !made.acceptances.is_empty());
    for invitation in &made.invitations {
        let request = GetInvitationRequest { id: invitation.id.clone() };
        inviter.invitations().get_invitation(request).await.unwrap();
    }
    for acceptance in &made.acceptances {
        assert!(ended(invitee, &acceptance.id).await.is_some(), "{acceptance:?}");
    }
}
