use prost_types::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use super::error::ApiError;

/// `2026-11-21T10:00:00.123Z`.
pub(super) fn text(time: Option<&Timestamp>) -> String {
    let Some(time) = time else { return String::new() };
    let nanos = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
    time.and_then(|time| time.format(format).ok()).unwrap_or_default()
}

/// Reads an argument.
pub(super) fn argument(path: &str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
        ApiError::field(path, "is not a time as ISO 8601 writes it, such as 2026-11-21T10:00:00Z")
    })?;
    let nanos = i32::try_from(time.nanosecond()).unwrap_or_default();
    Ok(Some(Timestamp { seconds: time.unix_timestamp(), nanos }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_iso_8601() {
        let read = argument("t", Some("2026-11-21T11:00:00.5+01:00")).unwrap();
        assert_eq!(text(read.as_ref()), "2026-11-21T10:00:00.500Z");
        assert_eq!(argument("t", None), Ok(None));
        for wrong in ["", "yesterday", "2026-11-21", "1795255200"] {
            let error = argument("filter.createdFrom", Some(wrong)).unwrap_err();
            assert_eq!(error.0.violations[0].0, "filter.createdFrom", "{wrong}");
        }
    }
}
