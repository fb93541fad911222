//! Our records as ACA-Py shows them. Pure; events and answers use the same.

mod connection;
mod out_of_band;
mod states;

pub(super) use connection::{STATIC_PROTOCOL, is_static, speaks};
pub(crate) use connection::{connection, connection_of};
pub(crate) use out_of_band::{created, received, sent};
pub(super) use states::{parse_role, parse_state};

use entente_did::{Did, PublicKey};
use prost_types::Timestamp;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::macros::format_description;

/// Adds a text, unless it is empty: ACA-Py leaves absent fields out.
fn put(record: &mut Map<String, Value>, field: &str, text: &str) {
    if !text.is_empty() {
        record.insert(field.to_owned(), Value::from(text));
    }
}

fn put_time(record: &mut Map<String, Value>, field: &str, time: Option<&Timestamp>) {
    if let Some(text) = time.and_then(timestamp) {
        record.insert(field.to_owned(), Value::from(text));
    }
}

/// `2026-11-21T10:00:00.123456Z`.
pub(crate) fn timestamp(time: &Timestamp) -> Option<String> {
    let nanos = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
    time.format(format).ok()
}

/// A did:peer:4 in its short form, as ACA-Py keeps it.
fn short(did: &str) -> String {
    Did::parse(did).map_or_else(|_| did.to_owned(), |did| did.canonical().as_str().to_owned())
}

/// Whether two DIDs are one, in whichever forms of did:peer:4.
pub(super) fn same_did(one: &str, other: &str) -> bool {
    short(one) == short(other)
}

/// Whether an id of an invitation stands for none: a request by DID alone has the DID URL of a service (RFC 0023).
pub(crate) fn is_implicit(invitation_id: &str) -> bool {
    invitation_id.starts_with("did:")
}

/// A key as base58, which is how ACA-Py writes verkeys.
pub(super) fn verkey(multibase: &str) -> String {
    PublicKey::from_multibase(multibase).map_or_else(|_| multibase.to_owned(), |key| key.base58())
}

#[cfg(test)]
mod tests;
