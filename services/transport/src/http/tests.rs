//! A hop into the private network is refused. The client here may connect anywhere, and the first URL is not checked by
//! `post`, so that a server on loopback can stand for a public one.

use axum::Router;
use axum::http::header;
use axum::routing;
use entente_net::{ClientSettings, Refused, client};
use tokio::net::TcpListener;

use super::*;

#[tokio::test]
async fn a_redirect_to_a_private_address_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let private = "http://192.168.1.1/";
    let answer = (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, private)]);
    let router = Router::new().route("/", routing::post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let settings = ClientSettings {
        policy: AddressPolicy::Any,
        connect_timeout: Duration::from_secs(1),
        user_agent: "test".to_owned(),
    };
    let until = Instant::now() + Duration::from_secs(1);
    let client = client(&settings).unwrap();
    let posted =
        post(&client, AddressPolicy::Public, &url, "x/y", Bytes::from_static(b"{}"), until).await;
    let Err(TransportError::Refused { url, refused: Refused::Address(_) }) = posted else {
        panic!("the hop is refused");
    };
    assert_eq!(url, private);
}

#[test]
fn https_is_not_sent_on_in_the_clear() {
    let schemes = |text: &str| schemes_after(&text.parse().unwrap());
    assert_eq!(schemes("https://agent.example"), ["https"]);
    assert_eq!(schemes("http://agent.example"), ["http", "https"]);
}
