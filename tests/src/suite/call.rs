//! What tests ask of an agent most, by gRPC and by the admin API.

use std::time::Duration;

use entente_rpc::proto::connection::v1::connection_service_client::ConnectionServiceClient;
use entente_rpc::proto::connection::v1::diagnosis_service_client::DiagnosisServiceClient;
use entente_rpc::proto::connection::v1::exchange_service_client::ExchangeServiceClient;
use entente_rpc::proto::connection::v1::invitation_service_client::InvitationServiceClient;
use entente_rpc::proto::connection::v1::message_service_client::MessageServiceClient;
use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, Acceptance, Connection, CreateInvitationRequest, Exchange, Invitation,
    InvitationKind, ListConnectionsRequest, ListExchangesRequest, ListInvitationsRequest,
};
use entente_rpc::proto::event::v1::event_service_client::EventServiceClient;
use entente_rpc::proto::event::v1::{Event, EventKind, ListEventsRequest, SubscribeRequest};
use entente_rpc::proto::keystore::v1::keystore_service_client::KeystoreServiceClient;
use entente_rpc::proto::resolver::v1::resolver_service_client::ResolverServiceClient;
use entente_rpc::proto::transport::v1::transport_service_client::TransportServiceClient;
use entente_rpc::{Link, Status};
use serde_json::Value;

use super::{Suite, another};

impl Suite {
    /// The client of the invitation service.
    pub fn invitations(&self) -> InvitationServiceClient<Link> {
        InvitationServiceClient::new(self.link())
    }

    /// The client of the exchange service.
    pub fn exchanges(&self) -> ExchangeServiceClient<Link> {
        ExchangeServiceClient::new(self.link())
    }

    /// The client of the diagnosis service.
    pub fn diagnosis(&self) -> DiagnosisServiceClient<Link> {
        DiagnosisServiceClient::new(self.link())
    }

    /// The client of the connection service.
    pub fn connections(&self) -> ConnectionServiceClient<Link> {
        ConnectionServiceClient::new(self.link())
    }

    /// The client of the message service.
    pub fn messages(&self) -> MessageServiceClient<Link> {
        MessageServiceClient::new(self.link())
    }

    /// The client of the event service.
    pub fn events(&self) -> EventServiceClient<Link> {
        EventServiceClient::new(self.link())
    }

    /// The client of the keystore.
    pub fn keystore(&self) -> KeystoreServiceClient<Link> {
        KeystoreServiceClient::new(self.link())
    }

    /// The client of the keystore with the connection service's credential, which alone signs, packs and opens.
    pub fn keystore_as_connection(&self) -> KeystoreServiceClient<Link> {
        KeystoreServiceClient::new(self.link_of_service("connection"))
    }

    /// The client of the resolver.
    pub fn resolver(&self) -> ResolverServiceClient<Link> {
        ResolverServiceClient::new(self.link())
    }

    /// The client of the transport, with the connection service's credential.
    pub fn transport(&self) -> TransportServiceClient<Link> {
        TransportServiceClient::new(self.link_of_service("connection"))
    }

    /// A single-use invitation with the agent's did:peer:2.
    pub async fn invite(&self) -> Invitation {
        self.invite_with(CreateInvitationRequest::default()).await
    }

    /// A multi-use invitation with the agent's did:peer:2.
    pub async fn invite_many(&self) -> Invitation {
        let kind = InvitationKind::MultiUse.into();
        self.invite_with(CreateInvitationRequest { kind, ..Default::default() }).await
    }

    /// An invitation.
    pub async fn invite_with(&self, request: CreateInvitationRequest) -> Invitation {
        if let Some(agent) = &self.another {
            let kind = request.kind;
            return match request == (CreateInvitationRequest { kind, ..Default::default() }) {
                true => another::invitation(agent, kind == InvitationKind::MultiUse as i32).await,
                false => another::not_applicable(),
            };
        }
        let answer = self.invitations().create_invitation(request).await.unwrap();
        answer.into_inner().invitation.unwrap()
    }

    /// Accepts an invitation and waits for what becomes of it.
    pub async fn accept(&self, invitation: &str) -> Acceptance {
        let request = AcceptInvitationRequest {
            invitation: invitation.to_owned(),
            wait: Some(seconds(30)),
            ..Default::default()
        };
        self.accept_with(request).await.unwrap()
    }

    /// Accepts an invitation.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn accept_with(
        &self,
        request: AcceptInvitationRequest,
    ) -> Result<Acceptance, Status> {
        let answer = self.invitations().accept_invitation(request).await?;
        Ok(answer.into_inner().acceptance.unwrap())
    }

    /// Accepts an invitation of `inviter`, and gives the connection of each once both have it: ours, the inviter's.
    pub async fn connect_to(&self, inviter: &Self) -> (Connection, Connection) {
        let invitation = inviter.invite().await;
        let ours = self.accept(&invitation.url).await.connection_id;
        let theirs = inviter.connection_of(&invitation.id).await;
        let ours = self.all_connections().await.into_iter().find(|found| found.id == ours);
        (ours.expect("the exchange is done"), theirs)
    }

    /// The connection that an invitation of ours made, once it is there.
    pub async fn connection_of(&self, invitation_id: &str) -> Connection {
        let request = ListConnectionsRequest {
            invitation_id: invitation_id.to_owned(),
            ..Default::default()
        };
        eventually("the invitation makes a connection", async || {
            let answer = self.connections().list_connections(request.clone()).await.unwrap();
            answer.into_inner().connections.pop()
        })
        .await
    }

    /// The connection with a peer's DID, once it is there.
    pub async fn connection_with(&self, their_did: &str) -> Connection {
        if let Some(agent) = &self.another {
            return another::connection(agent, their_did).await;
        }
        let request =
            ListConnectionsRequest { their_did: their_did.to_owned(), ..Default::default() };
        eventually("there is a connection with the DID", async || {
            let answer = self.connections().list_connections(request.clone()).await.unwrap();
            answer.into_inner().connections.pop()
        })
        .await
    }

    /// Accepts an invitation given as a message, without waiting for the peer.
    pub async fn receive(&self, invitation: &Value) -> Acceptance {
        if let Some(agent) = &self.another {
            return another::receive(agent, invitation).await;
        }
        let invitation = invitation.to_string();
        let request = AcceptInvitationRequest { invitation, ..Default::default() };
        self.accept_with(request).await.unwrap()
    }

    /// All connections.
    pub async fn all_connections(&self) -> Vec<Connection> {
        let mut request = ListConnectionsRequest { page_size: 1_000, ..Default::default() };
        let mut all = Vec::new();
        loop {
            let page = self.connections().list_connections(request.clone()).await.unwrap();
            let page = page.into_inner();
            all.extend(page.connections);
            if page.next_page_token.is_empty() {
                return all;
            }
            request.page_token = page.next_page_token;
        }
    }

    /// All exchanges.
    pub async fn all_exchanges(&self) -> Vec<Exchange> {
        let mut request = ListExchangesRequest { page_size: 1_000, ..Default::default() };
        let mut all = Vec::new();
        loop {
            let page = self.exchanges().list_exchanges(request.clone()).await.unwrap().into_inner();
            all.extend(page.exchanges);
            if page.next_page_token.is_empty() {
                return all;
            }
            request.page_token = page.next_page_token;
        }
    }

    /// The exchange of an invitation, of which there is one.
    pub async fn exchange_of(&self, invitation_id: &str) -> Exchange {
        let mut found = self.all_exchanges().await;
        found.retain(|exchange| exchange.invitation_id == invitation_id);
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    /// The same, once no message of it is under way: who got the message may be faster than the note of its delivery.
    pub async fn settled_exchange_of(&self, invitation_id: &str) -> Exchange {
        eventually("nothing of the exchange is under way", async || {
            let exchange = self.exchange_of(invitation_id).await;
            exchange.next_attempt_at.is_none().then_some(exchange)
        })
        .await
    }

    /// The log from its beginning.
    pub async fn all_events(&self) -> Vec<Event> {
        let (mut events, mut after) = (Vec::new(), 0);
        loop {
            let request = ListEventsRequest { after, page_size: 1_000, ..Default::default() };
            let page = self.events().list_events(request).await.unwrap().into_inner();
            events.extend(page.events);
            after = page.cursor;
            if page.end {
                return events;
            }
        }
    }

    /// What nothing but a handshake or its owner changes: how many exchanges, connections, invitations and events there
    /// are, deliveries aside.
    pub async fn counts(&self) -> [usize; 4] {
        let request = ListInvitationsRequest { page_size: 1_000, ..Default::default() };
        let invitations = self.invitations().list_invitations(request).await.unwrap().into_inner();
        [
            self.all_exchanges().await.len(),
            self.all_connections().await.len(),
            invitations.invitations.len(),
            self.all_events().await.iter().filter(|event| !is_delivery(event)).count(),
        ]
    }

    /// The log from its beginning, once `enough` is true of it.
    pub async fn events_until(
        &self,
        enough: impl Fn(&[Event]) -> bool,
        timeout: Duration,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        let follow = async {
            let request = SubscribeRequest::default();
            let mut stream = self.events().subscribe(request).await.unwrap().into_inner();
            while !enough(&events) {
                let answer = stream.message().await.unwrap().expect("the stream goes on");
                events.extend(answer.event);
            }
        };
        if tokio::time::timeout(timeout, follow).await.is_err() {
            let kinds: Vec<EventKind> = events.iter().map(Event::kind).collect();
            panic!("after {timeout:?} only {kinds:?}");
        }
        events
    }

    /// Calls the admin API, with the key, and gives the status and the body. `Null` means no body.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> (u16, String) {
        let url = format!("{}{path}", self.ours().admin_url);
        let mut request =
            self.http.request(method.parse().unwrap(), url).bearer_auth(&self.api_key);
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// The same, for a call that shall succeed with JSON.
    pub async fn json(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, text) = self.call(method, path, body).await;
        assert_eq!(status, 200, "{method} {path}: {text}");
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}: {text}"))
    }

    /// The value of a metric at `/metrics`, with its labels as written there; 0 when it is absent. Where there are several
    /// processes, of all together.
    pub async fn metric(&self, name: &str) -> f64 {
        let value = |text: &String| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.map_or(0.0, |value| value.trim().parse::<f64>().unwrap())
        };
        self.metrics().await.iter().map(value).sum()
    }

    /// What is at `/metrics` of each process.
    pub async fn metrics(&self) -> Vec<String> {
        let mut texts = Vec::new();
        for url in &self.ours().metrics_urls {
            let answer = self.http.get(format!("{url}/metrics")).send().await.unwrap();
            texts.push(answer.text().await.unwrap());
        }
        if texts.is_empty() {
            let (status, text) = self.call("GET", "/metrics", Value::Null).await;
            assert_eq!(status, 200, "{text}");
            texts.push(text);
        }
        texts
    }
}

/// Whether it tells of a delivery: who got the message may be faster than the note of that.
pub fn is_delivery(event: &Event) -> bool {
    matches!(event.kind(), EventKind::MessageSent | EventKind::MessageFailed)
}

/// Whole seconds.
pub fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

/// Asks until there is an answer; fails after 30 s.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(tokio::time::Instant::now() < deadline, "not in 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
