//! The disk is full, and then there is room again.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, CreateInvitationRequest, FindingKind, GetInvitationRequest,
    ListFindingsRequest,
};
use entente_rpc::{ErrorReason, Failure};
use entente_tests::Suite;
use entente_tests::load::until;
use entente_tests::reader::Reader;

const KEY: &str = "a-key-that-is-long-enough-for-this";

/// A small disk over a folder, until it is dropped.
struct Disk<'a> {
    folder: &'a Path,
}

impl<'a> Disk<'a> {
    /// `None`, said loudly, where nothing may be mounted.
    fn mount(folder: &'a Path) -> Option<Self> {
        let arguments = ["-t", "tmpfs", "-o", "size=16m", "tmpfs"];
        let mounted = Command::new("mount").args(arguments).arg(folder).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self { folder });
        }
        let _ = writeln!(std::io::stderr(), "*** SKIPPED: a tmpfs cannot be mounted here ***");
        None
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut ballast = File::create(self.folder.join("ballast")).unwrap();
        for piece in [64 * 1024, 512] {
            while ballast.write_all(&vec![0; piece]).is_ok() {}
        }
    }

    fn clear(&self) {
        std::fs::remove_file(self.folder.join("ballast")).unwrap();
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.folder).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_taken_that_cannot_be_stored() {
    if std::env::var("ENTENTE_TEST_DATABASE").as_deref() == Ok("postgres") {
        return;
    }
    let mut suite = Suite::whole_with(&["--admin-api-key", KEY]).await;
    suite.use_key(KEY);
    suite.kill9();
    let folder = suite.data_dir().to_owned();
    let Some(disk) = Disk::mount(&folder) else { return };
    suite.restart().await;
    let peer = Suite::whole().await;
    let reader = Reader::start(&suite);
    let invitation = suite.invite().await;
    disk.fill();
    // There is some room in the log of the database.
    let mut made = Vec::new();
    let refused = loop {
        let request = CreateInvitationRequest { create_unique_did: true, ..Default::default() };
        match suite.invitations().create_invitation(request).await {
            Ok(answer) => made.push(answer.into_inner().invitation.unwrap().id),
            Err(status) => break Failure::of(&status),
        }
    };
    assert_eq!(refused.reason, ErrorReason::StoreUnavailable, "{refused:?}");
    assert!(refused.retry_after.is_some(), "{refused:?}");
    let request = AcceptInvitationRequest { invitation: invitation.url, ..Default::default() };
    peer.accept_with(request).await.unwrap();
    until("the request is not taken", async || {
        let kind = FindingKind::Undelivered.into();
        let request = ListFindingsRequest { kind, ..Default::default() };
        let found = peer.diagnosis().list_findings(request).await.unwrap().into_inner();
        (found.findings.first()?.attempts >= 2).then_some(())
    })
    .await;
    assert_eq!(suite.all_connections().await, []);
    disk.clear();

    suite.connection_of(&invitation.id).await;
    until("the peer has it, too", async || peer.all_connections().await.pop()).await;
    suite
        .invite_with(CreateInvitationRequest { create_unique_did: true, ..Default::default() })
        .await;
    for id in made {
        let request = GetInvitationRequest { id };
        suite.invitations().get_invitation(request).await.unwrap();
    }
    reader.assert_saw(&suite.all_events().await).await;
}
