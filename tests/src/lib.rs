//! What crosses crates: end-to-end, interop, layering
