use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::agent::Agent;
use crate::support::KEY;

#[tokio::test]
async fn the_admin_websocket_resumes() {
    let alice = Agent::start("Alice", |_| {}).await;
    alice.invite("").await;
    let connect = async |query: &str| {
        let url = format!("{}/ws{query}", alice.admin.replace("http", "ws"));
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("x-api-key", KEY.parse().unwrap());
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        assert_eq!(next(&mut socket).await["topic"], "settings");
        socket
    };
    let mut fresh = connect("").await;
    let mut resumed = connect("?after=0").await;
    let first = next(&mut resumed).await;
    assert_eq!(first["sequence"], 1);
    let second = next(&mut resumed).await;
    assert_eq!(second["sequence"], 2);
    let topics = [&first["topic"], &second["topic"]];
    assert!(
        topics.contains(&&json!("connections")) && topics.contains(&&json!("out_of_band")),
        "{topics:?}"
    );
    alice.invite("").await;
    let frame = next(&mut fresh).await;
    assert!(frame["payload"].is_object() && frame.get("sequence").is_none(), "{frame}");
    let mut ahead = connect("?after=1000").await;
    let end =
        tokio::time::timeout(Duration::from_secs(5), ahead.next()).await.unwrap().unwrap().unwrap();
    assert!(end.is_close(), "{end:?}");
}

async fn next(
    socket: &mut (
             impl futures_util::Stream<
        Item = Result<
            tokio_tungstenite::tungstenite::Message,
            tokio_tungstenite::tungstenite::Error,
        >,
    > + Unpin
         ),
) -> Value {
    let message = tokio::time::timeout(Duration::from_secs(5), socket.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}
