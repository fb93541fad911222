//! The operations of the Sudo Platform's documentation, word for word but for the ids and URLs that stand for others.

use entente_tests::graphql::Client;
use entente_tests::{Suite, suite};
use serde_json::{Value, json};

const CREATE: &str = r#"mutation MyMutation {
  createAipConnectionInvitation(
    invitation: {
      alias: "Bob"
      myLabel: "Alice"
    }
  ) {
    id
    myRole
    state
    alias
    theirLabel
    invitation {
      invitationUrl
    }
  }
}
"#;

const ACCEPT: &str = r#"mutation MyMutation {
  acceptAipConnectionInvitation(
    invitation: {
      invitationUrl: "https://example.com?c_i=<base64_encoded_invitation>"
      alias: "Alice"
      myLabel: "Bob"
    }
  ) {
    id
    myRole
    state
    alias
    theirLabel
    invitation {
      invitationUrl
    }
  }
}
"#;

const LIST: &str = r"query MyQuery {
  aipConnectionExchanges(
    page: {
      nextToken: null
    }
    filter: {}
  ) {
    items {
      id
      myRole
      state
      alias
      theirLabel
    }
    nextToken
  }
}
";

const GET: &str = r#"query MyQuery {
  aipConnectionExchange(
    connExId: "001fe530-3562-41d6-a631-3df9c7ae1f38"
  ) {
    id
    myRole
    state
    alias
    theirLabel
  }
}
"#;

const DELETE: &str = r#"mutation MyMutation {
  deleteAipConnectionExchange(
    connExId: "001fe530-3562-41d6-a631-3df9c7ae1f38"
  )
}
"#;

const CONNECTION: &str = r#"{
  connection(
    connectionId: "001fe530-3562-41d6-a631-3df9c7ae1f38"
  ) {
    id
    alias
    basicMessages(
      page: {}
    ) {
      items {
        id
        content
        timestamp
        direction
      }
      nextToken
    }
  }
}
"#;

const SEND: &str = r#"mutation {
  sendBasicMessage(
    connectionId: "001fe530-3562-41d6-a631-3df9c7ae1f38"
    content: "Hello Bob"
  ) {
    id
    content
    timestamp
    direction
  }
}
"#;

/// The URL and the id that stand for others.
const URL: &str = "https://example.com?c_i=<base64_encoded_invitation>";
const ID: &str = "001fe530-3562-41d6-a631-3df9c7ae1f38";

fn of(document: &str, id: &Value) -> String {
    assert!(document.contains(ID));
    document.replace(ID, id.as_str().unwrap())
}

async fn done(client: &Client, agent: &Suite, id: &Value) -> Value {
    suite::eventually("the exchange is DONE", async || {
        let data = client.request(agent, &of(GET, id)).await;
        let exchange = data["aipConnectionExchange"].clone();
        (exchange["state"] == "DONE").then_some(exchange)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operations_of_the_documentation_run_word_for_word() {
    let Some(client) = Client::start().await else { return };
    let (alice, bob) = tokio::join!(Suite::start(), Suite::start());
    let data = client.request(&alice, CREATE).await;
    let made = &data["createAipConnectionInvitation"];
    let url = made["invitation"]["invitationUrl"].as_str().unwrap();
    assert_eq!(
        *made,
        json!({"id": made["id"], "myRole": "INVITER", "state": "INVITATION", "alias": "Bob",
            "theirLabel": null, "invitation": {"invitationUrl": url}})
    );
    assert!(url.contains("?c_i="), "{url}");

    let data = client.request(&bob, &ACCEPT.replace(URL, url)).await;
    let accepted = &data["acceptAipConnectionInvitation"];
    assert_eq!(
        *accepted,
        json!({"id": accepted["id"], "myRole": "INVITEE", "state": accepted["state"],
            "alias": "Alice", "theirLabel": "Alice", "invitation": {"invitationUrl": url}})
    );
    let theirs = done(&client, &bob, &accepted["id"]).await;
    let ours = done(&client, &alice, &made["id"]).await;
    assert_eq!(
        ours,
        json!({"id": made["id"], "myRole": "INVITER", "state": "DONE", "alias": "Bob",
        "theirLabel": "Bob"})
    );
    let data = client.request(&alice, LIST).await;
    assert_eq!(data, json!({"aipConnectionExchanges": {"items": [ours], "nextToken": null}}));
    let data = client.request(&bob, LIST).await;
    assert_eq!(data, json!({"aipConnectionExchanges": {"items": [theirs], "nextToken": null}}));

    let sent = client.request(&alice, &of(SEND, &made["id"])).await;
    let message = &sent["sendBasicMessage"];
    assert_eq!([&message["content"], &message["direction"]], ["Hello Bob", "OUTBOUND"]);
    let data = client.request(&alice, &of(CONNECTION, &made["id"])).await;
    let messages = json!({"items": [message], "nextToken": null});
    let connection = json!({"id": made["id"], "alias": "Bob", "basicMessages": messages});
    assert_eq!(data, json!({"connection": connection}));
    let received = suite::eventually("the message arrives", async || {
        let data = client.request(&bob, &of(CONNECTION, &accepted["id"])).await;
        data["connection"]["basicMessages"]["items"].as_array()?.first().cloned()
    });
    assert_eq!(received.await["direction"], "INBOUND");

    // The connection of a DONE exchange stays.
    let data = client.request(&alice, &of(DELETE, &made["id"])).await;
    assert_eq!(data, json!({"deleteAipConnectionExchange": true}));
    let data = client.request(&alice, &of(GET, &made["id"])).await;
    assert_eq!(data, json!({"aipConnectionExchange": null}));
    let data = client.request(&alice, &of(CONNECTION, &made["id"])).await;
    assert_eq!(data["connection"]["id"], made["id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_has_its_path_and_code() {
    let Some(client) = Client::start().await else { return };
    let alice = Suite::start().await;
    for (document, code) in
        [(DELETE.to_owned(), "NOT_FOUND"), (ACCEPT.to_owned(), "INVITATION_NOT_BASE64")]
    {
        let answer = client.try_request(&alice, &document, json!({})).await.unwrap_err();
        let error = &answer["errors"][0];
        assert_eq!(answer["status"], 200);
        assert_eq!(error["extensions"]["code"], code, "{answer}");
        assert_eq!(error["path"].as_array().unwrap().len(), 1);
        assert!(error["message"].is_string());
    }
}
