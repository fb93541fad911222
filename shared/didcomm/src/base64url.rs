//! base64url as peers write it: with padding or without.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, GeneralPurpose as Base64};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_encode_padding(false)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const URL: Base64 = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
const STANDARD: Base64 = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// Writes without padding.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL.encode(bytes)
}

/// Writes with padding.
pub(crate) fn encode_padded(bytes: impl AsRef<[u8]>) -> String {
    base64::engine::general_purpose::URL_SAFE.encode(bytes)
}

/// Writes plain base64, with padding.
pub(crate) fn encode_plain(bytes: impl AsRef<[u8]>) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Reads with or without padding; `None` for anything else.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL.decode(text).ok()
}

/// Reads base64url or plain base64, with or without padding (RFC 0017: "tolerate").
pub(crate) fn decode_any(text: &str) -> Option<Vec<u8>> {
    URL.decode(text).or_else(|_| STANDARD.decode(text)).ok()
}

/// Reads exactly `N` bytes.
pub(crate) fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    // Longer texts cannot be right: do not decode them.
    if text.len() > N * 2 + 4 {
        return None;
    }
    decode(text)?.try_into().ok()
}
