//! Invitations of every kind, accepted by the mutation, and what is told of those that cannot be read.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use entente_rpc::proto::connection::v1::{
    CreateInvitationRequest, GetExchangeRequest, HandshakeProtocol, InvitationFormat,
};
use entente_tests::identus::{Identus, Reach};
use entente_tests::suite::eventually;
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

const ACCEPT: &str = "mutation ($url: String!) { exchange: acceptAipConnectionInvitation(
    invitation: { invitationUrl: $url, alias: \"Alice\", myLabel: \"Bob\" }) { id myRole } }";
const GET: &str = "query ($id: ID!) { exchange: aipConnectionExchange(connExId: $id) {
    myRole state alias invitation { invitationUrl } } }";

async fn graphql(suite: &Suite, query: &str, variables: Value) -> Value {
    let body = json!({"query": query, "variables": variables});
    suite.json("POST", "/graphql", body).await
}

/// Accepts, waits until it is DONE, and gives the protocol that was spoken.
async fn connect(suite: &Suite, url: &str) -> HandshakeProtocol {
    let answer = graphql(suite, ACCEPT, json!({"url": url})).await;
    let accepted = &answer["data"]["exchange"];
    assert_eq!(accepted["myRole"], "INVITEE", "{answer}");
    let id = accepted["id"].as_str().unwrap();
    eventually("the exchange is DONE", async || {
        let answer = graphql(suite, GET, json!({"id": id})).await;
        let done = answer["data"]["exchange"]["state"] == "DONE";
        done.then(|| {
            let invitation = json!({"invitationUrl": url});
            let exchange = json!({"myRole": "INVITEE", "state": "DONE", "alias": "Alice", "invitation": invitation});
            assert_eq!(answer["data"]["exchange"], exchange);
        })
    })
    .await;
    let request = GetExchangeRequest { id: id.to_owned() };
    let exchange = suite.exchanges().get_exchange(request).await.unwrap().into_inner().exchange;
    exchange.unwrap().protocol()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_invitation_is_accepted_with_its_protocol() {
    let (alice, bob) = tokio::join!(Suite::start(), Suite::start());
    for (format, parameter, protocol) in [
        (InvitationFormat::Connections1, "c_i=", HandshakeProtocol::Connections10),
        (InvitationFormat::OutOfBand1, "oob=", HandshakeProtocol::Didexchange11),
        (InvitationFormat::OutOfBand2, "_oob=", HandshakeProtocol::Identus10),
    ] {
        let format = format.into();
        let made =
            alice.invite_with(CreateInvitationRequest { format, ..Default::default() }).await;
        assert!(made.url.contains(&format!("?{parameter}")), "{}", made.url);
        assert_eq!(connect(&bob, &made.url).await, protocol);
        alice.connection_of(&made.id).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_of_an_identus_agent_is_accepted() {
    let Some(identus) = Identus::start().await else { return };
    let bob = Suite::start().await;
    let agent = identus.agent(Reach::Direct).await;
    for shape in ["cloud-agent", "sdk"] {
        let made = agent.invite(json!({"shape": shape})).await;
        let protocol = connect(&bob, made["url"].as_str().unwrap()).await;
        assert_eq!(protocol, HandshakeProtocol::Identus10, "{shape}");
        agent.until(made["invitation"]["id"].as_str().unwrap(), "ConnectionResponseSent").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_an_invitation_is_told_by_a_code_of_its_own() {
    let suite = Suite::start().await;
    let peer = Peer::start().await;
    let with = |field: &str, value: Value| {
        let mut invitation = peer.connections_invitation();
        invitation[field] = value;
        invitation.to_string()
    };
    let url =
        |text: &str| format!("https://example.com?c_i={}", BASE64_URL_SAFE_NO_PAD.encode(text));
    let long = url(&with("label", "x".repeat(64 << 10).into()));
    let keyless = json!({"label": "Peer", "services": [
        {"id": "#x", "type": "did-communication", "serviceEndpoint": peer.listener.url}]});
    let cases = [
        ("https://example.com?c_i=%25%25".to_owned(), "INVITATION_NOT_BASE64", "base64url"),
        (url("{\"@type\": "), "INVITATION_NOT_JSON", "not a JSON object"),
        (
            url(&with("@type", "https://didcomm.org/trust_ping/1.0/ping".into())),
            "INVITATION_WRONG_TYPE",
            "ping",
        ),
        (url("{}"), "INVITATION_WRONG_TYPE", "@type"),
        (url(&with("recipientKeys", json!([]))), "INVITATION_WITHOUT_KEYS", "recipientKeys"),
        (url(&with("recipientKeys", json!(["x"]))), "INVITATION_WITHOUT_KEYS", "recipientKeys[0]"),
        (url(&peer.invitation(keyless).to_string()), "INVITATION_WITHOUT_KEYS", "recipientKeys"),
        (
            url(&with("serviceEndpoint", "ftp://a.example".into())),
            "INVITATION_WITHOUT_ENDPOINT",
            "ftp://a.example",
        ),
        (
            url(&with("serviceEndpoint", Value::Null)),
            "INVITATION_WITHOUT_ENDPOINT",
            "serviceEndpoint",
        ),
        (long, "INVITATION_TOO_LARGE", "65536"),
        ("hello".to_owned(), "INVALID_INVITATION", "neither"),
    ];
    for (url, code, text) in cases {
        let answer = graphql(&suite, ACCEPT, json!({"url": url})).await;
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], code, "{answer}");
        assert!(error["message"].as_str().unwrap().contains(text), "{answer}");
        assert_eq!(error["path"], json!(["exchange"]));
        assert_eq!(error["extensions"]["violations"][0]["field"], "invitation", "{answer}");
    }
    assert!(suite.all_exchanges().await.is_empty());
}
