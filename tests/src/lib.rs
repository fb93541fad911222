//! What crosses crates: end-to-end, interop, layering. The tests drive the real binary from outside; here is what
//! they share.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

pub mod acapy;
pub mod certificates;
pub mod clock;
pub mod collector;
pub mod conformance;
pub mod envoy;
pub mod fleet;
pub mod graphql;
pub mod identus;
pub mod load;
pub mod nats;
pub mod node;
pub mod peer;
pub mod proxy;
pub mod reader;
pub mod suite;
pub mod wire;

pub use clock::Clock;
pub use fleet::Fleet;
#[doc(hidden)]
pub use futures_util::FutureExt;
pub use peer::Peer;
pub use suite::Suite;

/// Makes one test of a list of checks of one agent. All run, and say how they went as libtest does; those that fail are
/// named. Against an agent that is none of ours those are skipped that ask what only ours knows.
#[macro_export]
macro_rules! checks {
    ($($check:ident),+ $(,)?) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn all() {
            use $crate::FutureExt as _;
            let suite = $crate::Suite::to_check().await;
            let mut failed = Vec::new();
            $(
                let check = std::panic::AssertUnwindSafe($check(&suite)).catch_unwind();
                let verdict = match check.await {
                    Ok(()) => "ok",
                    Err(cause) if cause.is::<$crate::suite::NotApplicable>() => "skipped",
                    Err(_) => "FAILED",
                };
                println!("check {}::{} ... {verdict}", module_path!(), stringify!($check));
                if verdict == "FAILED" {
                    failed.push(stringify!($check));
                }
            )+
            assert!(failed.is_empty(), "failed: {failed:#?}");
        }
    };
}
