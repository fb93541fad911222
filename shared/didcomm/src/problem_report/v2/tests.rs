use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(body: Value) -> ProblemReport {
    let message = json!({
        "id": "r", "type": "https://didcomm.org/report-problem/2.0/problem-report", "pthid": "t",
        "body": body,
    });
    let message = Message::from_value(message).unwrap();
    assert_eq!(message.parent_thread_id(), Some("t"));
    ProblemReport::from_message(&message).unwrap()
}

#[test]
fn reads_the_example_of_the_standard() {
    let report = read(json!({
        "code": "e.p.xfer.cant-use-endpoint",
        "comment": "Unable to use the {1} endpoint for {2}.",
        "args": ["https://agents.r.us/inbox", "did:sov:C805sNYhMrjHiqZDTUASHg"],
        "escalate_to": "mailto:admin@foo.org",
    }));
    assert_eq!(
        report.explain.as_deref(),
        Some(
            "Unable to use the https://agents.r.us/inbox endpoint for did:sov:C805sNYhMrjHiqZDTUASHg."
        )
    );
    assert_eq!(report.code.as_deref(), Some("e.p.xfer.cant-use-endpoint"));
    assert_eq!(report.escalate_to.as_deref(), Some("mailto:admin@foo.org"));
    assert!(!report.is_warning());
    assert!(read(json!({"code": "w.m.msg"})).is_warning());
}

#[test]
fn reads_defective_reports() {
    assert_eq!(read(json!({})), ProblemReport::default());
    let odd = read(json!({"code": 5, "comment": [], "args": {"a": 1}, "escalate_to": 1}));
    assert_eq!((odd.code, odd.explain.as_deref()), (None, Some("{\"a\":1}")));
    let numbers = read(json!({"comment": "{1} of {2}", "args": [1, null]}));
    assert_eq!(numbers.explain.as_deref(), Some("1 of null"));
}

#[test]
fn puts_arguments_into_their_places() {
    for (comment, args, expected) in [
        ("{1} and {2}", &["a", "b"][..], "a and b"),
        ("{2} and {1}, {1}", &["a", "b"], "b and a, a"),
        ("{1} and {2}", &["a"], "a and ?"),
        ("{0} {9999} {3}", &["a"], "? ? ? a"),
        ("{1}", &["a", "b", "c"], "a b c"),
        ("", &["a"], "a"),
        ("{} {x} {1", &[], "{} {x} {1"),
        ("{{1}", &["{2}", "é"], "{{2} é"),
        ("{12345} {99999999999999999999}", &[], "{12345} {99999999999999999999}"),
    ] {
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        assert_eq!(interpolate(comment, &args), expected, "{comment}");
    }
    let long = interpolate(&"{1}".repeat(1000), &["é".repeat(1000)]);
    assert!(long.len() <= MAX_COMMENT_BYTES && long.len() > MAX_COMMENT_BYTES - 2);
}

#[test]
fn writes_what_it_reads() {
    let report = ProblemReport {
        escalate_to: Some("mailto:x".to_owned()),
        locale: None,
        ..ProblemReport::new("e.p.req", "no {1}")
    };
    let message = report.to_v2_message("id", "thread").acknowledging(["request"]);
    assert_eq!(
        message.to_value(),
        json!({
            "id": "id", "typ": "application/didcomm-plain+json", "pthid": "thread", "ack": ["request"],
            "type": "https://didcomm.org/report-problem/2.0/problem-report",
            "body": {"code": "e.p.req", "comment": "{1}", "args": ["no {1}"], "escalate_to": "mailto:x"},
        })
    );
    assert_eq!(ProblemReport::from_message(&message), Some(report));
}

#[test]
fn takes_codes_apart() {
    let code = |warning, scope, descriptors: &[&'static str]| {
        Some(Code { warning, scope, descriptors: descriptors.to_vec() })
    };
    for (text, expected) in [
        ("e.p.trust.crypto", code(false, Scope::Protocol, &["trust", "crypto"])),
        ("w.m.me.res.storage", code(true, Scope::Message, &["me", "res", "storage"])),
        (
            "e.get-pay-details.payment-failed",
            code(false, Scope::State("get-pay-details"), &["payment-failed"]),
        ),
        (MAX_ERRORS_EXCEEDED, code(false, Scope::Protocol, &["req", "max-errors-exceeded"])),
        ("request_not_accepted", None),
        ("x.p.msg", None),
        ("e.p", None),
        ("e.p.", None),
        ("e..msg", None),
        ("", None),
    ] {
        assert_eq!(Code::parse(text), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn no_comment_panics(comment in "[{}0-9é]{0,40}", args in proptest::collection::vec("[{}1é]{0,9}", 0..5)) {
        prop_assert!(interpolate(&comment, &args).len() <= MAX_COMMENT_BYTES);
    }

    #[test]
    fn words_survive(code in "[a-z.]{1,20}", words in "[{}1-3a-zé ]{1,40}") {
        let report = ProblemReport { locale: None, ..ProblemReport::new(code, words) };
        prop_assert_eq!(ProblemReport::from_message(&report.to_v2_message("id", "t")), Some(report));
    }
}
