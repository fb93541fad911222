//! DIDComm messages, attachments, out-of-band invitations and envelopes.
//!
//! Pure: no I/O, no clock, no randomness of its own. Keys, ids and a random number generator come in
//! as arguments; whatever a peer sent comes in as bytes and is refused with an error that says what
//! was wrong and what would be right.
//!
//! | module | what |
//! |---|---|
//! | [`primitives`] | Ed25519, X25519, crypto_box, ChaCha20-Poly1305: the only place that knows the crypto crates |
//! | [`envelope`] | packing and opening encrypted messages (RFC 0019) |
//! | [`message`] | a plaintext message, its type, thread and timing (RFC 0003, 0008, 0020, 0032, 0092) |
//! | [`attachment`] | attachments and their signatures (RFC 0017) |

mod base64url;

pub mod attachment;
pub mod envelope;
pub mod message;
pub mod primitives;
