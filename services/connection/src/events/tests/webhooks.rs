use entente_rpc::ErrorReason;

use super::*;

fn request(url: &str) -> pb::CreateWebhookRequest {
    pb::CreateWebhookRequest {
        url: url.to_owned(),
        format: pb::WebhookFormat::Identus.into(),
        headers: vec![header("Authorization", "Bearer s3cret")],
    }
}

fn header(name: &str, value: &str) -> pb::WebhookHeader {
    pb::WebhookHeader { name: name.to_owned(), value: value.to_owned() }
}

#[tokio::test]
async fn a_webhook_begins_with_what_happens_next() {
    let fixture = Fixture::new().await;
    fixture.ping("a", 3).await;
    let engine = &fixture.engine;
    let made =
        engine.create_webhook(TENANT, request("https://controller.example/x")).await.unwrap();
    assert_eq!(engine.get_consumer(TENANT, &made.consumer).await.unwrap().cursor, 3);
    assert_eq!(made.headers, [header("Authorization", "Bearer s3cret")]);
    assert!(!format!("{made:?}").contains("s3cret"));
    assert_eq!(engine.list_webhooks(TENANT).await.unwrap(), std::slice::from_ref(&made));
    assert_eq!(engine.list_webhooks("other").await.unwrap(), []);

    let theirs = engine.delete_webhook("other", &made.id).await.unwrap_err();
    assert_eq!(theirs.reason, ErrorReason::NotFound);
    engine.delete_webhook(TENANT, &made.id).await.unwrap();
    assert_eq!(engine.list_webhooks(TENANT).await.unwrap(), []);
    let gone = engine.get_consumer(TENANT, &made.consumer).await.unwrap_err();
    assert_eq!(gone.reason, ErrorReason::NotFound);
}

#[tokio::test]
async fn webhooks_are_few_and_different() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    for number in 0..16 {
        let url = format!("https://controller.example/{number}");
        engine.create_webhook(TENANT, request(&url)).await.unwrap();
    }
    let again = engine.create_webhook(TENANT, request("https://controller.example/7")).await;
    assert_eq!(again.unwrap_err().reason, ErrorReason::AlreadyExists);
    let more = engine.create_webhook(TENANT, request("https://controller.example/16")).await;
    assert_eq!(more.unwrap_err().metadata("limit"), Some("16"));
    engine.create_webhook("other", request("https://controller.example/7")).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_called_is_refused_by_name() {
    let fixture = Fixture::new().await;
    let with = |headers| pb::CreateWebhookRequest { headers, ..request("https://a.example") };
    for (field, wrong) in [
        ("url", request("")),
        ("url", request("controller.example")),
        ("url", request("ftp://controller.example")),
        ("url", request("https://me:s3cret@controller.example")),
        ("url", request(&format!("https://a.example/{}", "x".repeat(2048)))),
        ("format", pb::CreateWebhookRequest { format: 0, ..request("https://a.example") }),
        ("headers", with(vec![header("a", "b"); 33])),
        ("headers[0].name", with(vec![header("", "b")])),
        ("headers[0].name", with(vec![header("a b", "b")])),
        ("headers[0].name", with(vec![header("Host", "b")])),
        ("headers[1].value", with(vec![header("a", "b"), header("a", "s3cret\r\nx: y")])),
    ] {
        let failure = fixture.engine.create_webhook(TENANT, wrong).await.unwrap_err();
        assert_eq!(failure.violations[0].0, field, "{failure:?}");
        assert!(!format!("{failure:?}").contains("s3cret"));
    }
}
