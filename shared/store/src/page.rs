//! Pages by key: a token says after which row to go on, and for which filter.

mod token;

use std::hash::Hash;

use entente_rpc::{ErrorReason, Failure, MAX_MESSAGE};
use prost::Message;

pub use token::{PageToken, page_size};

/// The most that the records of a page may have, in bytes: a page must fit into a message.
pub const MAX_BYTES: usize = MAX_MESSAGE / 2;

/// The size of a page.
///
/// # Errors
/// INVALID_FIELD for a negative one.
pub fn size(asked: i32) -> Result<i64, Failure> {
    page_size(asked).ok_or_else(|| {
        Failure::field("page_size", "must not be negative; 0 stands for 100, and 1,000 is the most")
    })
}

/// The key after which a page begins; none for the first.
///
/// # Errors
/// INVALID_PAGE_TOKEN, as [`invalid_token`].
pub fn after(token: &str, filter: &impl Hash) -> Result<Option<String>, Failure> {
    match PageToken::decode(token, filter) {
        Some(token) => Ok(token.map(|token| token.after)),
        None => Err(invalid_token()),
    }
}

/// A token that is not of this list.
#[must_use]
pub fn invalid_token() -> Failure {
    Failure::new(
        ErrorReason::InvalidPageToken,
        "the page token is not of a list with this filter; begin again without a token",
    )
}

/// Cuts off what does not belong to the page, and gives the token of the next one: empty when nothing was cut
/// off. The records are those of the page and at least one more, if there is one.
pub fn cut<R: Message>(
    records: &mut Vec<R>,
    size: i64,
    filter: &impl Hash,
    key: impl Fn(&R) -> String,
) -> String {
    let size = usize::try_from(size).unwrap_or_default();
    let mut room = MAX_BYTES;
    let fits = |record: &&R| match room.checked_sub(record.encoded_len()) {
        Some(rest) => {
            room = rest;
            true
        }
        None => false,
    };
    // A page has one record at least, or there would be no way on.
    let count = records.iter().take(size).take_while(fits).count().max(1);
    if records.len() <= count {
        return String::new();
    }
    records.truncate(count);
    records.last().map(|record| PageToken::encode(&key(record), filter)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use entente_rpc::proto::connection::v1::Connection;

    use super::*;

    fn cut_ids(lengths: &[usize], size: i64) -> (Vec<String>, String) {
        let record = |(index, length): (usize, &usize)| Connection {
            id: index.to_string(),
            metadata_json: "x".repeat(*length),
            ..Connection::default()
        };
        let mut records: Vec<_> = lengths.iter().enumerate().map(record).collect();
        let token = cut(&mut records, size, &"filter", |record| record.id.clone());
        let after = after(&token, &"filter").unwrap().unwrap_or_default();
        (records.into_iter().map(|record| record.id).collect(), after)
    }

    #[test]
    fn a_page_ends_where_it_is_full() {
        assert_eq!(cut_ids(&[1, 1, 1], 2), (vec!["0".into(), "1".into()], "1".into()));
        assert_eq!(cut_ids(&[1, 1], 2), (vec!["0".into(), "1".into()], String::new()));
        assert_eq!(cut_ids(&[], 2), (vec![], String::new()));
    }

    #[test]
    fn a_page_fits_into_a_message() {
        let large = MAX_BYTES - 100;
        assert_eq!(cut_ids(&[large, large], 2), (vec!["0".into()], "0".into()));
        assert_eq!(cut_ids(&[MAX_BYTES + 1, 1], 2), (vec!["0".into()], "0".into()));
    }

    #[test]
    fn a_token_of_another_list_is_refused() {
        let token = PageToken::encode("7", &"filter");
        assert_eq!(after(&token, &"filter").unwrap().as_deref(), Some("7"));
        assert_eq!(after(&token, &"other").unwrap_err().reason, ErrorReason::InvalidPageToken);
        assert_eq!(size(-1).unwrap_err().reason, ErrorReason::InvalidField);
    }
}
