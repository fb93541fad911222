//! What the fuzz targets share.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};

/// A control character in front of an input chooses one of a target's ways; any other input is taken as it is.
pub fn way(data: &[u8]) -> (u8, &[u8]) {
    match data {
        [way @ 1..=8, rest @ ..] => (*way, rest),
        _ => (0, data),
    }
}

/// The same bytes for the same input: a failure must come again.
pub fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

/// Base64url without padding.
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// JSON as another writer would put it: members in another order, escapes and spaces gone. None for what is no JSON.
pub fn rewritten(json: &[u8]) -> Option<Vec<u8>> {
    serde_json::from_slice::<Value>(json).ok().map(|value| value.to_string().into_bytes())
}

/// The JSON of an object whose members are these bytes in base64url.
pub fn encoded(members: &[(&str, &[u8])]) -> Map<String, Value> {
    members.iter().map(|(name, bytes)| ((*name).to_owned(), json!(base64url(bytes)))).collect()
}

/// A copy with one bit changed; which one, the input says.
pub fn one_bit_changed(text: &[u8], input: &[u8]) -> Vec<u8> {
    let place = input.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31) ^ usize::from(*byte));
    let mut changed = text.to_vec();
    let at = place / 8 % changed.len();
    changed[at] ^= 1 << (place % 8);
    changed
}
