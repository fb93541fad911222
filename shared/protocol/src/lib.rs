//! The handshakes as state machines, and the reuse decision
