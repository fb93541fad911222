//! Connections that go out, to other services of the suite.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::{SpiffeId, Tls, files, spiffe};

impl Tls {
    /// Shakes hands with the service at a host, over HTTP/2. It has to show a certificate with one of the SPIFFE ids that
    /// are expected; where none is, one for the host's name.
    ///
    /// # Errors
    /// When the host is no name, the server is another or speaks no TLS, or the connection breaks.
    pub async fn connect(
        &self,
        host: &str,
        expected: &Arc<[SpiffeId]>,
        stream: TcpStream,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
        let config = self.client(expected).map_err(std::io::Error::other)?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    /// When the certificate ends that the service at an address shows, in seconds since 1970.
    ///
    /// # Errors
    /// When there is no handshake, as in [`Tls::connect`].
    pub async fn certificate_end(&self, host: &str, port: u16) -> std::io::Result<Option<i64>> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((bare, port)).await?;
        let stream = self.connect(host, &Arc::default(), stream).await?;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        Ok(chain.first().and_then(files::end))
    }

    /// Made for each connection, so that it has the certificate of the moment: connections last for minutes.
    fn client(&self, expected: &Arc<[SpiffeId]>) -> Result<ClientConfig, rustls::Error> {
        let material = self.current();
        let verifier = Verifier {
            roots: Arc::clone(&material.servers),
            algorithms: material.provider.signature_verification_algorithms,
            expected: Arc::clone(expected),
        };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&material.provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &material.pair {
            Some(pair) => builder.with_client_cert_resolver(Arc::clone(pair) as _),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

/// Verifies the chain as the library does, and then who it is.
#[derive(Debug)]
struct Verifier {
    roots: Arc<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
    expected: Arc<[SpiffeId]>,
}

/// The server is another than it should be.
#[derive(Debug, thiserror::Error)]
#[error("the server is not the service that it should be: {0}")]
struct Stranger(String);

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.roots,
            intermediates,
            now,
            self.algorithms.all,
        )?;
        if self.expected.is_empty() {
            verify_server_name(&certificate, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        let who = match spiffe::in_certificate(end_entity) {
            Ok(id) if self.expected.contains(&id) => return Ok(ServerCertVerified::assertion()),
            Ok(id) => format!("its SPIFFE id is {id}"),
            Err(_) => "its certificate has no SPIFFE id".to_owned(),
        };
        let stranger = OtherError(Arc::new(Stranger(who)));
        Err(CertificateError::Other(stranger).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
