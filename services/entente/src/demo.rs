//! `entente demo`: two agents in one process, real HTTP between them, and the story of a connection that is reused.

use std::future::Future;
use std::time::{Duration, Instant};

use entente_rpc::Status;
use entente_rpc::link::LinkError;
use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, Acceptance, CreateInvitationRequest, DidMethod, GetConnectionRequest,
    HandshakeProtocol, Invitation, InvitationKind, ListConnectionsRequest, ReuseOutcome,
    SendBasicMessageRequest, SendPingRequest,
};
use entente_rpc::proto::event::v1::{Event, EventFilter, EventKind, event::Record};

use crate::api::Api;
use crate::config::{Config, ConfigError, Settings};
use crate::output::{duration, print_line};
use crate::serve::{ServeError, Suite};
use crate::watch::Watch;

/// How long each step may take.
const STEP: Duration = Duration::from_secs(10);
const GREETING: &str = "Hello over the same connection";

/// Why the demo did not go as told.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No directory for the agents' data.
    #[error("no temporary directory can be made")]
    Directory(#[source] std::io::Error),
    /// An agent's configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An agent cannot start.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// An agent cannot be called.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A step failed.
    #[error("{step}: {status}")]
    Step {
        /// Which.
        step: &'static str,
        /// What the agent answered.
        status: Box<Status>,
    },
    /// A step ended otherwise than it should.
    #[error("{step}: expected {expected}, got {got}")]
    Unexpected {
        /// Which.
        step: &'static str,
        /// What should have been.
        expected: String,
        /// What was.
        got: String,
    },
}

/// Runs the demo.
///
/// # Errors
/// When anything did not happen as told.
pub async fn run() -> Result<(), DemoError> {
    let directory = tempfile::tempdir().map_err(DemoError::Directory)?;
    let begun = Instant::now();
    let faber = start("Faber", directory.path()).await?;
    let alice = match start("Alice", directory.path()).await {
        Ok(alice) => alice,
        Err(error) => {
            faber.stop().await;
            return Err(error);
        }
    };
    let told = async {
        let story = Story {
            begun,
            faber: Api::new(&grpc(&faber), faber.api_key())?,
            alice: Api::new(&grpc(&alice), alice.api_key())?,
        };
        story.say(&format!("Faber listens on {}, Alice on {}", faber.endpoint(), alice.endpoint()));
        story.tell().await
    }
    .await;
    tokio::join!(faber.stop(), alice.stop());
    told
}

fn grpc(suite: &Suite) -> String {
    suite.addresses().grpc_url()
}

async fn start(label: &str, directory: &std::path::Path) -> Result<Suite, DemoError> {
    let free_port = || Some("127.0.0.1:0".to_owned());
    let settings = Settings {
        data_dir: Some(directory.join(label)),
        didcomm_addr: free_port(),
        admin_addr: free_port(),
        grpc_addr: free_port(),
        label: Some(label.to_owned()),
        ..Default::default()
    };
    Ok(Suite::start(Config::resolve(&settings, None)?).await?)
}

/// The two agents, as callers see them.
struct Story {
    begun: Instant,
    faber: Api,
    alice: Api,
}

impl Story {
    fn say(&self, sentence: &str) {
        print_line(&format!("{:>8.1} ms  {sentence}", self.begun.elapsed().as_secs_f64() * 1000.0));
    }

    async fn tell(&self) -> Result<(), DemoError> {
        let (first, connection) = self.connect().await?;
        self.ping(&connection).await?;
        self.reuse(&first, &connection).await?;
        self.message(&connection).await?;
        self.say("All of it happened");
        Ok(())
    }

    async fn connect(&self) -> Result<(Invitation, String), DemoError> {
        let invitation = self.invite("Faber invites").await?;
        self.say(&format!("Faber made an invitation with {}…", first_characters(&invitation.did)));
        let done = async {
            let mut watch =
                Watch::from_now(&self.faber, only(EventKind::ConnectionCreated)).await?;
            Ok((self.accept(&invitation).await?, watch.until(STEP, |_| true).await?))
        };
        let (acceptance, event): (Acceptance, Event) = step("Alice connects", done).await?;
        expect("Alice connects", "a new connection", outcome(&acceptance), ReuseOutcome::New)?;
        let request = GetConnectionRequest { id: acceptance.connection_id.clone() };
        let connection = step("Alice reads the connection", async {
            Ok(self
                .alice
                .connections()
                .get_connection(request)
                .await?
                .into_inner()
                .connection
                .unwrap_or_default())
        })
        .await?;
        self.say(&format!(
            "Alice and Faber are connected by {}",
            protocol_name(connection.protocol())
        ));
        self.say(&format!(
            "  Alice keeps it as {}, Faber as {}",
            connection.id, event.connection_id
        ));
        Ok((invitation, connection.id))
    }

    async fn ping(&self, connection: &str) -> Result<(), DemoError> {
        let answered = async {
            let mut watch =
                Watch::from_now(&self.alice, only(EventKind::PingResponseReceived)).await?;
            let request =
                SendPingRequest { connection_id: connection.to_owned(), ..Default::default() };
            let begun = Instant::now();
            self.alice.messages().send_ping(request).await?;
            watch.until(STEP, |_| true).await?;
            Ok(begun.elapsed())
        };
        let took = step("Alice pings Faber", answered).await?;
        self.say(&format!("Faber answered Alice's ping in {:.1} ms", took.as_secs_f64() * 1000.0));
        Ok(())
    }

    async fn reuse(&self, first: &Invitation, connection: &str) -> Result<(), DemoError> {
        let second = self.invite("Faber invites again").await?;
        expect("Faber invites again", "the same DID", second.did.as_str(), first.did.as_str())?;
        self.say("Faber made a second invitation with the same DID");
        let reused = async {
            let mut watch = Watch::from_now(&self.faber, only(EventKind::ConnectionReuse)).await?;
            let acceptance = self.accept(&second).await?;
            Ok((acceptance, watch.until(STEP, |_| true).await?))
        };
        let (acceptance, event) = step("Alice accepts again", reused).await?;
        expect("Alice accepts again", "a reuse", outcome(&acceptance), ReuseOutcome::Reused)?;
        expect(
            "Alice accepts again",
            "the same connection",
            acceptance.connection_id.as_str(),
            connection,
        )?;
        self.say("Alice accepted it, and the connection was reused");
        if let Some(Record::Reuse(reuse)) = event.record {
            self.say(&format!("  Faber's event: {}", reuse.comment));
        }
        let count = step("Alice counts her connections", async {
            let page = self
                .alice
                .connections()
                .list_connections(ListConnectionsRequest::default())
                .await?;
            Ok(page.into_inner().connections.len())
        })
        .await?;
        expect("Alice counts her connections", "one connection", count, 1)
    }

    async fn message(&self, connection: &str) -> Result<(), DemoError> {
        let received = async {
            let mut watch =
                Watch::from_now(&self.faber, only(EventKind::BasicMessageReceived)).await?;
            let request = SendBasicMessageRequest {
                connection_id: connection.to_owned(),
                content: GREETING.to_owned(),
                request_id: String::new(),
            };
            self.alice.messages().send_basic_message(request).await?;
            watch.until(STEP, |event| message_of(event).contains(GREETING)).await
        };
        step("Alice writes to Faber", received).await?;
        self.say(&format!("Faber received Alice's message: {GREETING:?}"));
        Ok(())
    }

    async fn invite(&self, name: &'static str) -> Result<Invitation, DemoError> {
        let request = CreateInvitationRequest {
            kind: InvitationKind::SingleUse.into(),
            did_method: DidMethod::Peer2.into(),
            ..Default::default()
        };
        let made =
            async { Ok(self.faber.invitations().create_invitation(request).await?.into_inner()) };
        Ok(step(name, made).await?.invitation.unwrap_or_default())
    }

    async fn accept(&self, invitation: &Invitation) -> Result<Acceptance, Status> {
        let request = AcceptInvitationRequest {
            invitation: invitation.url.clone(),
            wait: Some(duration::to_proto(STEP)),
            ..Default::default()
        };
        let response = self.alice.invitations().accept_invitation(request).await?;
        Ok(response.into_inner().acceptance.unwrap_or_default())
    }
}

fn only(kind: EventKind) -> EventFilter {
    EventFilter { kinds: vec![kind.into()], ..Default::default() }
}

fn outcome(acceptance: &Acceptance) -> ReuseOutcome {
    acceptance.decision.as_ref().map(|decision| decision.outcome()).unwrap_or_default()
}

fn first_characters(did: &str) -> String {
    did.chars().take(40).collect()
}

fn protocol_name(protocol: HandshakeProtocol) -> &'static str {
    match protocol {
        HandshakeProtocol::Didexchange10 => "didexchange/1.0",
        HandshakeProtocol::Didexchange11 => "didexchange/1.1",
        HandshakeProtocol::Connections10 => "connections/1.0",
        HandshakeProtocol::Identus10 => "mercury/connections/1.0",
        HandshakeProtocol::Unspecified => "an unknown protocol",
    }
}

fn message_of(event: &Event) -> &str {
    match &event.record {
        Some(Record::Message(message)) => &message.message_json,
        _ => "",
    }
}

async fn step<T>(
    step: &'static str,
    work: impl Future<Output = Result<T, Status>>,
) -> Result<T, DemoError> {
    work.await.map_err(|status| DemoError::Step { step, status: Box::new(status) })
}

fn expect<T: PartialEq + std::fmt::Debug>(
    step: &'static str,
    what: &str,
    got: T,
    wanted: T,
) -> Result<(), DemoError> {
    if got == wanted {
        return Ok(());
    }
    Err(DemoError::Unexpected {
        step,
        expected: format!("{what} ({wanted:?})"),
        got: format!("{got:?}"),
    })
}
