//! The table of rights, as a reviewer reads it and as a server keeps to it.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use entente_rpc::auth::{Callers, Principal, Roles, StaticCaller};
use entente_rpc::{Code, ErrorReason, Failure, GrpcServer, Link, Method, Status, link};
use http::Request;
use http_body_util::Full;
use tokio::net::TcpListener;
use tonic::body::Body;
use tower::ServiceExt as _;

/// Who has a role: a person is of a tenant, a service of none.
fn principal(role: &str) -> Principal {
    let roles = Roles::of([role]);
    let service = Roles::of_services().include(roles);
    Principal { name: role.into(), tenant: (!service).then(|| "acme".into()), roles }
}

/// The table: a line for each method, a column for each role.
fn table() -> String {
    let roles: Vec<_> = Roles::all().names().collect();
    let mut text = format!("{:<36}{}\n", "", roles.join(" "));
    let mut service = "";
    for method in Method::all() {
        if method.service != service {
            service = &method.service;
            writeln!(text, "{service}").unwrap();
        }
        let may = Roles::that_may(method);
        let mut line = format!("  {:<34}", method.name);
        for role in &roles {
            let mark = if may.include(Roles::of([*role])) { "x" } else { "." };
            write!(line, "{mark:<width$} ", width = role.len()).unwrap();
        }
        writeln!(text, "{}", line.trim_end()).unwrap();
    }
    text
}

#[test]
fn the_table_is_the_one_that_was_reviewed() {
    let reviewed = concat!(env!("CARGO_MANIFEST_DIR"), "/rights.txt");
    let now = concat!(env!("CARGO_TARGET_TMPDIR"), "/rights.txt");
    std::fs::write(now, table()).unwrap();
    assert!(
        std::fs::read_to_string(reviewed).is_ok_and(|text| text == table()),
        "who may do what has changed: review it with `diff {reviewed} {now}`, then copy it there"
    );
}

/// A server that knows one caller for each role, by the role's name as its key. No service is behind it.
async fn server() -> String {
    let callers = Roles::all().names().map(|role| StaticCaller::with_key(role, principal(role)));
    let callers = Callers::new(callers.collect::<Vec<_>>());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = GrpcServer::new().unwrap();
    let forever = std::future::pending();
    tokio::spawn(server.serve(listener, callers, forever, Duration::from_secs(1)));
    address
}

/// Calls a method with an empty message, for the tenant `acme`. `None` if the call came through.
async fn call(link: &Link, method: &Method, tenant: &str) -> Option<Status> {
    let request = Request::post(format!("http://x/{}/{}", method.service, method.name))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("entente-tenant", tenant)
        .body(Body::new(Full::new(Bytes::from_static(&[0; 5]))))
        .unwrap();
    let response = link.clone().oneshot(request).await.unwrap();
    Status::from_header_map(response.headers())
}

#[tokio::test]
async fn a_server_keeps_to_the_table() {
    let address = server().await;
    for role in Roles::all().names() {
        let link = link::remote(&address, Some(role)).unwrap();
        for method in Method::all() {
            let may = Roles::that_may(method);
            let expected = !may.among(Roles::of([role, "everyone"])).is_empty();
            // These are about no tenant; reflection is for everyone who is known, whichever the call names.
            let open = method.service.starts_with("grpc.");
            // For its own tenant: a service names one.
            let foreign = principal(role).tenant.is_none();
            let expected = if foreign { may.include(Roles::of([role])) } else { expected };
            let status = call(&link, method, "acme").await;
            let denied =
                status.as_ref().is_some_and(|status| status.code() == Code::PermissionDenied);
            let name = format!("{role} {}/{}", method.service, method.name);
            assert_eq!(!denied, expected || open, "{name}: {status:?}");
            if let (true, Some(status)) = (denied, &status) {
                assert_eq!(Failure::of(status).reason, ErrorReason::PermissionDenied, "{name}");
            }
            // Of another tenant a person has what counts anywhere, and no more.
            let anywhere = !may.among(Roles::of([role]).anywhere()).is_empty();
            let status = call(&link, method, "other").await;
            let denied = status.is_some_and(|status| status.code() == Code::PermissionDenied);
            assert_eq!(!denied, anywhere || open, "{name} for another tenant");
        }
    }
}

#[tokio::test]
async fn nobody_gets_in_without_a_key() {
    let address = server().await;
    for key in [None, Some("wrong"), Some("ent_0123456789abcdef_00")] {
        let link = link::remote(&address, key).unwrap();
        for method in Method::all() {
            let open = method.service == "grpc.health.v1.Health";
            let status = call(&link, method, "acme").await;
            let refused =
                status.as_ref().is_some_and(|status| status.code() == Code::Unauthenticated);
            assert_eq!(refused, !open, "{}/{}", method.service, method.name);
        }
    }
}
