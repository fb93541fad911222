//! What reads on in the background, and what it was told.

use std::sync::{Arc, Mutex};

use entente_rpc::proto::event::v1::SubscribeRequest;
use entente_tests::Suite;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::support::Tenant;

/// What a reader was told so far.
#[derive(Clone, Default)]
pub struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    pub fn texts(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn add(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }
}

/// Follows the events of a tenant.
pub async fn subscribed(tenant: &Tenant, request: SubscribeRequest) -> Told {
    let mut stream = tenant.events().subscribe(request).await.unwrap().into_inner();
    let told = Told::default();
    let reader = told.clone();
    tokio::spawn(async move {
        while let Ok(Some(answer)) = stream.message().await {
            answer.event.iter().for_each(|event| reader.add(format!("{event:?}")));
        }
    });
    told
}

async fn connect(
    suite: &Suite,
    path: &str,
    header: (&'static str, &str),
) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
    let url = format!("{}{path}", suite.admin_url.replace("http", "ws"));
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert(header.0, header.1.parse().unwrap());
    tokio_tungstenite::connect_async(request).await.unwrap().0
}

/// Waits for the first frame that is no ping, and follows the others.
async fn read(
    mut socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    first: impl Fn(&Value) -> bool,
    then: Option<Value>,
) -> Told {
    let ready = async {
        while let Some(Ok(frame)) = socket.next().await {
            if first(&serde_json::from_str(frame.to_text().unwrap()).unwrap()) {
                return;
            }
        }
        panic!("the socket was closed");
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), ready).await.unwrap();
    if let Some(message) = then {
        socket.send(Message::text(message.to_string())).await.unwrap();
    }
    let told = Told::default();
    let reader = told.clone();
    tokio::spawn(async move {
        while let Some(Ok(frame)) = socket.next().await {
            if let Message::Text(text) = frame {
                reader.add(text.to_string());
            }
        }
    });
    told
}

/// ACA-Py's admin WebSocket.
pub async fn socket(suite: &Suite, tenant: &Tenant, path: &str) -> Told {
    let bearer = format!("Bearer {}", tenant.key);
    let socket = connect(suite, path, ("authorization", &bearer)).await;
    read(socket, |frame| frame["topic"] == "settings", None).await
}

/// A GraphQL subscription.
pub async fn graphql(suite: &Suite, tenant: &Tenant, field: &str) -> Told {
    let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
    let mut socket = connect(suite, "/graphql", protocol).await;
    let login = json!({"type": "connection_init", "payload": {"x-api-key": tenant.key}});
    socket.send(Message::text(login.to_string())).await.unwrap();
    let payload = json!({"query": format!("subscription {{ {field} }}")});
    let subscribe = json!({"type": "subscribe", "id": "1", "payload": payload});
    read(socket, |frame| frame["type"] == "connection_ack", Some(subscribe)).await
}
