//! DIDComm messages, attachments, out-of-band invitations and envelopes.
//!
//! Pure: no I/O, no clock, no randomness of its own. Keys, ids and a random number generator come in
//! as arguments; whatever a peer sent comes in as bytes and is refused with an error that says what
//! was wrong and what would be right.
//!
//! | module | what |
//! |---|---|
//! | [`primitives`] | signatures, key agreement, crypto_box, content encryption: the only place that knows the crypto crates |
//! | [`envelope`] | packing and opening encrypted and signed messages (RFC 0019; v2 "Message Encryption", "Message Signing") |
//! | [`forward`] | wrapping for mediators (RFC 0094; v2 "Routing Protocol 2.0") |
//! | [`message`] | a plaintext message, its type, thread and timing (RFC 0003, 0008, 0020, 0032, 0092; v2 "Plaintext Message Structure") |
//! | [`from_prior`] | the JWT by which a DID names its successor (v2 "DID Rotation") |
//! | [`attachment`] | attachments and their signatures (RFC 0017; v2 "Attachments") |
//! | [`out_of_band`] | invitations and their URLs (RFC 0160, 0434; v2 "Out Of Band Messages") |
//! | [`signature`] | signed fields (RFC 0234) |
//! | [`problem_report`] | problem reports in every shape that peers write (RFC 0023, 0035, 0160; v2 "Problem Reports") |

mod base64url;

pub mod attachment;
pub mod envelope;
pub mod forward;
pub mod from_prior;
pub mod message;
pub mod out_of_band;
pub mod primitives;
pub mod problem_report;
pub mod signature;
