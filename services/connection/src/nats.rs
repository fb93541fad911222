//! NATS: events are published to a JetStream stream, and replicas wake each other.
//!
//! Nothing waits for NATS: events stay in the log until they are published, and replicas look by themselves.

mod publish;

use std::borrow::Cow;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::{Context, context::ContextBuilder};
use async_nats::{Client, ConnectOptions, ServerAddr, Subscriber};
use percent_encoding::percent_decode_str;
use tokio::time::timeout;
use tokio_stream::StreamExt as _;
use url::Url;

pub(crate) use publish::run as publish;

/// What replicas tell each other by.
const WAKE: &str = "entente.wake";
/// How long JetStream may take to answer.
const ANSWER: Duration = Duration::from_secs(3);
/// How long words to other replicas may take to be on their way.
const TELL: Duration = Duration::from_millis(100);

/// A connection to NATS, which is made and made again in the background. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Nats {
    client: Client,
}

/// The address is none.
#[derive(Debug, thiserror::Error)]
#[error("the URL of the NATS server is wrong; write nats://host:port or tls://host:port")]
pub struct NatsError;

impl Nats {
    /// Begins to connect to a server, or to one of several with commas between. A user and password in the URL, or a
    /// token, is sent to each of them.
    pub async fn connect(urls: &str) -> Result<Self, NatsError> {
        let mut options =
            ConnectOptions::new().name("entente").retry_on_initial_connect().no_echo();
        let mut servers = Vec::new();
        for url in urls.split(',') {
            let mut url: Url = url.trim().parse().map_err(|_| NatsError)?;
            options = match (decoded(url.username()), url.password().map(decoded)) {
                (user, Some(password)) => {
                    options.user_and_password(user.into_owned(), password.into_owned())
                }
                (token, None) if !token.is_empty() => options.token(token.into_owned()),
                _ => options,
            };
            // They are not to be in what the client logs.
            url.set_username("").map_err(|()| NatsError)?;
            url.set_password(None).map_err(|()| NatsError)?;
            servers.push(ServerAddr::from_url(url).map_err(|_| NatsError)?);
        }
        let client = options.connect(servers).await.map_err(|_| NatsError)?;
        Ok(Self { client })
    }

    fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    fn jetstream(&self) -> Context {
        ContextBuilder::new().timeout(ANSWER).build(self.client.clone())
    }

    /// Tells the other replicas something, if NATS is there.
    pub async fn tell(&self, words: &[String]) {
        let publish = async {
            for word in words {
                // What fails here the others find by themselves.
                let _ = self.client.publish(WAKE, word.clone().into()).await;
            }
        };
        // Without a connection they would only pile up.
        if self.is_connected() && timeout(TELL, publish).await.is_err() {
            tracing::debug!("other replicas were not told by NATS; they look by themselves");
        }
    }

    /// Listens to what other replicas tell, also over broken connections. `None` if that is not possible now.
    pub async fn listen(&self) -> Option<Words> {
        let words = self.client.subscribe(WAKE).await.ok()?;
        Some(Words { words })
    }
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// What others tell.
pub(crate) struct Words {
    words: Subscriber,
}

impl Words {
    /// The next word; `None` when there are no more.
    pub async fn next(&mut self) -> Option<String> {
        let word = self.words.next().await?;
        Some(String::from_utf8_lossy(&word.payload).into_owned())
    }
}
