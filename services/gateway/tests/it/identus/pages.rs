//! The list of connections.

use entente_rpc::proto::connection::v1::InvitationKind;
use serde_json::json;

use super::{NOBODY, get, invite};
use crate::agent::Agent;

#[tokio::test]
async fn pages_follow_each_other() {
    let alice = Agent::start("Alice", |_| {}).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(json!(invite(&alice, InvitationKind::SingleUse).await.exchange_id));
    }
    let (mut found, mut path) = (Vec::new(), "/connections?offset=0&limit=2".to_owned());
    let mut pages = Vec::new();
    loop {
        let page = get(&alice, &path).await;
        assert_eq!(page["self"], format!("/cloud-agent{path}"));
        assert_eq!(
            (&page["kind"], &page["pageOf"]),
            (&json!("ConnectionsPage"), &json!("/cloud-agent/connections"))
        );
        for record in page["contents"].as_array().unwrap() {
            assert!(!record["invitation"]["invitationUrl"].as_str().unwrap().is_empty());
            found.push(record["connectionId"].clone());
        }
        let next =
            page["next"].as_str().map(|next| next.trim_start_matches("/cloud-agent").to_owned());
        pages.push(page);
        match next {
            Some(next) => path = next,
            None => break,
        }
    }
    assert_eq!((found, pages.len()), (ids, 3));
    let previous = pages[2]["previous"].as_str().unwrap().trim_start_matches("/cloud-agent");
    assert_eq!(get(&alice, previous).await["contents"], pages[1]["contents"]);
    assert_eq!(pages[0].get("previous"), None);
    let none = get(&alice, &format!("/connections?thid={NOBODY}")).await;
    assert_eq!(none["contents"], json!([]));
}
