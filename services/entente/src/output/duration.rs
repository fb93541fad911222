//! Spans of time as people write them.

use std::time::Duration;

/// Reads `90s`, `15m`, `1h`, `7d`, `500ms`; a bare number is seconds.
///
/// # Errors
/// When it is none of these.
pub fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 =
        number.parse().map_err(|_| "write a span like 90s, 15m, 1h or 7d".to_owned())?;
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("{unit:?} is no unit; write ms, s, m, h or d")),
    };
    number
        .checked_mul(milliseconds)
        .map(Duration::from_millis)
        .ok_or_else(|| "is too long".to_owned())
}

/// A span as protobuf carries it.
#[must_use]
pub fn to_proto(span: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(span.subsec_nanos()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_units() {
        for (text, seconds) in [
            ("90", 90.0),
            ("90s", 90.0),
            ("15m", 900.0),
            ("2h", 7200.0),
            ("1d", 86400.0),
            ("500ms", 0.5),
        ] {
            assert_eq!(parse(text).unwrap().as_secs_f64(), seconds, "{text}");
        }
        for text in ["", "h", "1w", "-1s", "99999999999999999999d", "9999999999999999999d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
