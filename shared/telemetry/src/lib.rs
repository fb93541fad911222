//! Logging and metrics
