//! One TLS configuration for all that goes out: 1.2 or newer, the system's roots.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// A client's TLS configuration on *ring*, with the roots of the system (or of `SSL_CERT_FILE`).
///
/// # Errors
/// When the provider does not support the versions; this build's does.
pub fn tls_config() -> Result<ClientConfig, rustls::Error> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(error = error as &dyn std::error::Error, "cannot read a root certificate");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        tracing::warn!("the system has no root certificates; every https peer will be refused");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
