//! Timestamps as DIDComm v1 peers write them (RFC 0032, RFC 0074): `2019-01-23 18:03:27.123Z`.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// Unix seconds of a timestamp: `T` or a space in the middle; seconds and their fraction may be absent;
/// `Z`, `+hh:mm`, `+hhmm` or, taken as UTC, no zone. A fraction is dropped.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let (year, month_day) = date.split_once('-')?;
    let (month, day) = month_day.split_once('-')?;
    let month = Month::try_from(number(month, 2)? as u8).ok()?;
    let date =
        Date::from_calendar_date(number(year, 4)? as i32, month, number(day, 2)? as u8).ok()?;
    let (clock, zone) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) => rest.split_at_checked(at)?,
        None => (rest, ""),
    };
    let at = PrimitiveDateTime::new(date, parse_clock(clock)?).assume_offset(parse_zone(zone)?);
    Some(at.unix_timestamp())
}

/// Writes Unix seconds as `2019-01-23 18:03:27Z`; `None` outside the years 0 to 9999.
pub(super) fn format(unix_seconds: i64) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp(unix_seconds).ok()?;
    let (year, month, day) = at.to_calendar_date();
    if !(0..=9999).contains(&year) {
        return None;
    }
    let (hour, minute, second) = at.to_hms();
    Some(format!("{year:04}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z", u8::from(month)))
}

fn parse_clock(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction_fits = fraction.len() <= 9 && fraction.bytes().all(|b| b.is_ascii_digit());
    let mut parts = whole.split(':');
    let hour = number(parts.next()?, 2)?;
    let minute = number(parts.next()?, 2)?;
    let second = parts.next().map_or(Some(0), |part| number(part, 2))?;
    if parts.next().is_some() || !fraction_fits {
        return None;
    }
    // A leap second counts as the one before it.
    let second = if second == 60 { 59 } else { second };
    Time::from_hms(hour as u8, minute as u8, second as u8).ok()
}

fn parse_zone(text: &str) -> Option<UtcOffset> {
    if matches!(text, "" | "Z" | "z") {
        return Some(UtcOffset::UTC);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None => digits.split_at_checked(2)?,
    };
    let minutes = if minutes.is_empty() { 0 } else { number(minutes, 2)? };
    UtcOffset::from_hms(sign * number(hours, 2)? as i8, sign * minutes as i8, 0).ok()
}

/// A number of exactly so many digits, at most four.
fn number(text: &str, digits: usize) -> Option<u16> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_shapes_that_peers_write() {
        for text in [
            "2019-01-23 18:03:27Z",
            "2019-01-23T18:03:27Z",
            "2019-01-23 18:03:27.123Z",
            "2019-01-23T18:03:27.123456789+00:00",
            "2019-01-23 18:03:27",
            "2019-01-23T20:03:27+02:00",
            "2019-01-23T20:03:27+0200",
            "2019-01-23T16:03:27-02",
        ] {
            assert_eq!(parse(text), Some(1_548_266_607), "{text}");
        }
        assert_eq!(parse("2019-01-23 18:03Z"), Some(1_548_266_580));
        assert_eq!(parse("2016-12-31T23:59:60Z"), parse("2016-12-31T23:59:59Z"));
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "T",
            "2019-01-23",
            "2019-13-23 18:03Z",
            "2019-02-29 18:03Z",
            "2019-01-23 24:03Z",
            "2019-01-23 18:03:61Z",
            "2019-01-23 18Z",
            "19-01-23 18:03Z",
            "2019-01-23 18:03:27.Zx",
            "2019-01-23 18:03:27+99:00",
            "1548266607",
            "2019-01-23 18:03:27é",
            "+019-01-23 18:03Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        assert_eq!(format(1_548_266_607).as_deref(), Some("2019-01-23 18:03:27Z"));
        assert_eq!(format(i64::MAX), None);
        assert_eq!(format(-1).as_deref().and_then(parse), Some(-1));
    }
}
