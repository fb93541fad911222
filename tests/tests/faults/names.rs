//! The name of a peer's host cannot be resolved, and then it can.

use std::io::Write as _;
use std::process::Command;

use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, FindingKind, ListFindingsRequest,
};
use entente_tests::Suite;
use entente_tests::load::until;
use entente_tests::suite::free_address;

/// A name that nobody's DNS knows (RFC 6761, 6.4).
const NAME: &str = "agent.invalid";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_is_reached_once_its_name_is_known() {
    let mount = ["--mount", "--propagation", "private"];
    if !Command::new("unshare").args(mount).arg("true").status().is_ok_and(|it| it.success()) {
        let _ = writeln!(std::io::stderr(), "*** SKIPPED: nothing can be mounted here ***");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (hosts, servers) = (folder.path().join("hosts"), folder.path().join("resolv.conf"));
    std::fs::write(&hosts, "127.0.0.1 localhost\n").unwrap();
    // Nobody answers there.
    std::fs::write(&servers, "nameserver 127.255.255.254\noptions timeout:1 attempts:1\n").unwrap();
    let script = "mount --bind \"$0\" /etc/hosts && mount --bind \"$1\" /etc/resolv.conf && shift && exec \"$@\"";
    let mut under = vec!["unshare".to_owned()];
    under.extend(mount.map(str::to_owned));
    under.extend(["sh", "-c", script].map(str::to_owned));
    under.extend([&hosts, &servers].map(|file| file.display().to_string()));
    let invitee = Suite::whole_under(under, Vec::new()).await;
    let address = free_address();
    let (_, port) = address.rsplit_once(':').unwrap();
    let endpoint = format!("http://{NAME}:{port}");
    let arguments =
        ["--didcomm-addr", &address, "--endpoint", &endpoint, "--allow-private-endpoints"];
    let inviter = Suite::whole_with(&arguments).await;

    let invitation = inviter.invite().await;
    let request = AcceptInvitationRequest { invitation: invitation.url, ..Default::default() };
    invitee.accept_with(request).await.unwrap();
    until("it was tried", async || {
        let kind = FindingKind::Undelivered.into();
        let request = ListFindingsRequest { kind, ..Default::default() };
        let found = invitee.diagnosis().list_findings(request).await.unwrap().into_inner();
        let found = found.findings.into_iter().next()?;
        assert!(found.cause.contains(NAME), "{found:?}");
        (found.attempts >= 3).then_some(())
    })
    .await;
    // In place: the file is mounted.
    std::fs::write(&hosts, format!("127.0.0.1 localhost {NAME}\n")).unwrap();
    inviter.connection_of(&invitation.id).await;
    until("the invitee has it, too", async || invitee.all_connections().await.pop()).await;
}
