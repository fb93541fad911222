//! DIDComm messages, attachments, out-of-band URLs and envelopes
