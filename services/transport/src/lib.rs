//! Delivers packed messages to endpoints
