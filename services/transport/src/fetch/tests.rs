//! A hop into the private network is refused. The client here may connect anywhere, and the first URL is not checked by
//! `follow`, so that a server on loopback can stand for a public one.

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use entente_net::{ClientSettings, Refused, client};
use tokio::net::TcpListener;

use super::*;

#[tokio::test]
async fn a_redirect_to_a_private_address_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let private = "http://169.254.169.254/latest";
    let answer = (StatusCode::FOUND, [(header::LOCATION, private)]);
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", get(answer))).await });
    let settings = ClientSettings {
        policy: AddressPolicy::Any,
        connect_timeout: Duration::from_secs(1),
        user_agent: "test".to_owned(),
    };
    let fetcher = Fetcher {
        client: client(&settings).unwrap(),
        policy: AddressPolicy::Public,
        timeout: Duration::from_secs(1),
        permits: Semaphore::new(1),
    };
    let Err(TransportError::Refused { url, refused: Refused::Address(_) }) =
        fetcher.follow(url).await
    else {
        panic!("the hop is refused");
    };
    assert_eq!(url, private);
}
