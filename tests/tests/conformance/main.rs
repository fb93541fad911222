//! What the RFCs ask of an agent, checked from outside by a peer made of envelopes and keys alone.
//!
//! The checks of a module share one agent and run one after the other; each is named by what it checks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

/// Makes one test of a list of checks. All run, and say how they went as libtest does; those that fail are named.
macro_rules! checks {
    ($($check:ident),+ $(,)?) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn all() {
            use futures_util::FutureExt as _;
            let suite = entente_tests::Suite::start().await;
            let mut failed = Vec::new();
            $(
                let check = std::panic::AssertUnwindSafe($check(&suite)).catch_unwind();
                let failure = check.await.is_err();
                let verdict = if failure { "FAILED" } else { "ok" };
                println!("check {}::{} ... {verdict}", module_path!(), stringify!($check));
                if failure {
                    failed.push(stringify!($check));
                }
            )+
            assert!(failed.is_empty(), "failed: {failed:#?}");
        }
    };
}

mod connections;
mod connections_attacked;
mod dids;
mod envelopes;
mod handed_over;
mod handshake;
mod handshake_refused;
mod implicit;
mod messages;
mod out_of_band;
mod reuse;
mod routing;
mod small;
mod states;
mod static_connections;
mod table;
mod transports;
mod v2_envelopes;
mod v2_mediated;
mod v2_messages;
mod v2_out_of_band;
mod v2_recipients;
mod v2_return_route;
mod v2_rotation;
mod v2_routing;
