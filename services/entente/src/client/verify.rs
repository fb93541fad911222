//! `entente events verify`.

use entente_rpc::proto::event::v1::{LogFault, LogHead, VerifyLogRequest};
use serde_json::{Value, json};

use super::Failed;
use crate::api::Api;
use crate::output::{Output, short};

/// The largest page.
const PAGE: i32 = 10_000;

/// Checks the log to its end, or to what does not fit.
pub(super) async fn run(
    after: i64,
    expected_head: Option<LogHead>,
    api: &Api,
    output: Output,
) -> Result<(), Failed> {
    let mut request =
        VerifyLogRequest { after, page_size: PAGE, expected_head, ..Default::default() };
    let answer = loop {
        let answer = api.events().verify_log(request.clone()).await?.into_inner();
        if answer.next_page_token.is_empty() {
            break answer;
        }
        request.page_token.clone_from(&answer.next_page_token);
    };
    let fault = short(&Value::from(answer.fault().as_str_name()), "LOG_FAULT_");
    let fits = answer.fault() == LogFault::Unspecified;
    output.record(&json!({
        "head": answer.head.as_ref().map(text),
        "verified": answer.verified.as_ref().map(text),
        "linked_after": answer.linked_after,
        "purged": answer.purged,
        "fault": if fits { Value::Null } else { Value::from(fault.as_str()) },
        "fault_sequence": if fits { Value::Null } else { Value::from(answer.fault_sequence) },
    }));
    if fits {
        return Ok(());
    }
    Err(Failed::Outcome(format!("event {} does not fit: {fault}", answer.fault_sequence)))
}

/// `120:9f2c…`.
fn text(head: &LogHead) -> String {
    format!("{}:{}", head.sequence, base16ct::lower::encode_string(&head.hash))
}

/// Reads what [`text`] wrote.
pub(super) fn head(text: &str) -> Result<LogHead, String> {
    let wrong = || "must be a sequence, a colon and 64 hexadecimal digits".to_owned();
    let (sequence, hash) = text.split_once(':').ok_or_else(wrong)?;
    match (sequence.parse(), base16ct::mixed::decode_vec(hash)) {
        (Ok(sequence), Ok(bytes)) if bytes.len() == 32 => {
            Ok(LogHead { sequence, hash: bytes.into() })
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_is_written() {
        let written = format!("120:{}", "9f".repeat(32));
        assert_eq!(text(&head(&written).unwrap()), written);
        for wrong in [
            "120",
            "120:9f",
            "x:9f",
            &format!("{written}0"),
            &format!("1:{}", "zz".repeat(32)),
            &format!("1:{}", "+9".repeat(32)),
        ] {
            assert!(head(wrong).is_err(), "{wrong}");
        }
    }
}
