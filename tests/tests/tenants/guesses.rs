//! Wrong credentials from one address.

use entente_rpc::proto::connection::v1::ListConnectionsRequest;
use entente_rpc::proto::connection::v1::connection_service_client::ConnectionServiceClient;
use entente_rpc::{Code, Failure, Request, Status};
use entente_tests::Suite;
use entente_tests::suite::eventually;

use crate::support::{new_key, tenant};

const CLIENT: &str = "192.0.2.7";

/// A call by gRPC through a proxy.
async fn list(suite: &Suite, key: &str, client: &str) -> Result<(), Status> {
    let mut request = Request::new(ListConnectionsRequest::default());
    // What a client says itself stands before what the proxy adds.
    let served = format!("198.51.100.1, {client}");
    request.metadata_mut().insert("x-forwarded-for", served.parse().unwrap());
    let mut connections = ConnectionServiceClient::new(suite.link_with(key));
    connections.list_connections(request).await.map(drop)
}

/// The same by the admin API: the status, and when to come again.
async fn get(suite: &Suite, path: &str, key: &str, client: &str) -> (u16, Option<u64>) {
    let request = suite.http.get(format!("{}{path}", suite.admin_url)).header("apikey", key);
    let answer = request.header("x-forwarded-for", client).send().await.unwrap();
    let after = answer.headers().get("retry-after").map(|value| value.to_str().unwrap());
    (answer.status().as_u16(), after.map(|seconds| seconds.parse().unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_guesses_is_held_up_and_no_other() {
    let suite = Suite::with(&["--trusted-proxy", "127.0.0.1/32"]).await;
    let acme = tenant(&suite, "acme").await;
    list(&suite, &acme.key, CLIENT).await.unwrap();

    let guess = |number: usize| format!("ent_0123456789abcdef_{number:064}");
    let mut codes = Vec::new();
    for number in 0..40 {
        let refused = list(&suite, &guess(number), CLIENT).await.unwrap_err();
        let limited = refused.code() == Code::ResourceExhausted;
        assert_eq!(Failure::of(&refused).retry_after.is_some(), limited, "{refused}");
        codes.push(refused.code());
    }
    assert!(codes[..20].iter().all(|code| *code == Code::Unauthenticated), "{codes:?}");
    let limited = codes.iter().filter(|code| **code == Code::ResourceExhausted).count();
    assert!(limited >= 10, "{codes:?}");
    // A right one that is not known yet is not looked at either: guessing shows nothing. Others are not concerned.
    let fresh = eventually("a new key is not looked at", async || {
        let (_, fresh) = new_key(&suite, "acme", &["owner"]).await;
        list(&suite, &guess(0), CLIENT).await.unwrap_err();
        let refused = list(&suite, &fresh, CLIENT).await.err()?;
        assert_eq!(refused.code(), Code::ResourceExhausted);
        Some(fresh)
    })
    .await;
    list(&suite, &suite.api_key, CLIENT).await.unwrap();
    list(&suite, &fresh, "192.0.2.8").await.unwrap();

    for path in ["/connections", "/cloud-agent/connections"] {
        let mut last = (0, None);
        for number in 0..40 {
            last = get(&suite, path, &guess(number), CLIENT).await;
            assert!([401, 429].contains(&last.0), "{path}: {last:?}");
        }
        assert_eq!(last.0, 429, "{path}");
        assert!(last.1.is_some_and(|seconds| (1..=2).contains(&seconds)), "{path}: {last:?}");
        assert_eq!(get(&suite, path, &acme.key, "192.0.2.9").await.0, 200, "{path}");
    }
    let counted = "entente_auth_refused_total{reason=\"RATE_LIMITED\"}";
    assert!(suite.metric(counted).await >= 20.0);
}
