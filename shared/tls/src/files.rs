//! What the files say.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use crate::{ClientAuth, Purpose, Settings};

/// The most of a file that is read: a bundle of the world's authorities has a quarter of it.
const MAX_FILE: u64 = 1024 * 1024;

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file has not what it should have.
    #[error("{path} {problem}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The TLS library refuses.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

/// What is served, and whom is trusted.
pub(crate) struct Material {
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) pair: Option<Arc<SingleCertAndKey>>,
    /// In seconds since 1970.
    pub(crate) expires: Option<i64>,
    /// Those that links trust.
    pub(crate) servers: Arc<RootCertStore>,
    grpc: Option<Arc<ServerConfig>>,
    admin: Option<Arc<ServerConfig>>,
    didcomm: Option<Arc<ServerConfig>>,
}

impl Material {
    pub(crate) fn read(settings: &Settings) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let servers = Arc::new(match &settings.server_ca {
            Some(path) => authorities(path)?,
            None => system(),
        });
        let mut material = Self {
            provider,
            pair: None,
            expires: None,
            servers,
            grpc: None,
            admin: None,
            didcomm: None,
        };
        if let Some((certificate, key)) = &settings.pair {
            material.serve(certificate, key, settings.client_ca.as_ref())?;
        }
        Ok(material)
    }

    fn serve(
        &mut self,
        path: &Path,
        key_path: &Path,
        client_ca: Option<&(PathBuf, ClientAuth)>,
    ) -> Result<(), TlsError> {
        let chain = certificates(path)?;
        self.expires = chain.first().map(|leaf| expiry(path, leaf)).transpose()?;
        let key = PrivateKeyDer::from_pem_slice(&read(key_path)?)
            .map_err(|_| content(key_path, "has no private key in PEM".to_owned()))?;
        let pair = CertifiedKey::from_der(chain, key, &self.provider).map_err(|error| {
            content(key_path, format!("is not the key of {}: {error}", path.display()))
        })?;
        let pair = Arc::new(SingleCertAndKey::from(pair));
        let clients = client_ca.map(|(ca, auth)| self.verifier(ca, *auth)).transpose()?;
        let nobody = || Arc::new(rustls::server::NoClientAuth) as Arc<dyn ClientCertVerifier>;
        let asked = clients.unwrap_or_else(nobody);
        let config = |verifier, protocol: &[u8]| {
            let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider));
            let mut config = builder
                .with_safe_default_protocol_versions()?
                .with_client_cert_verifier(verifier)
                .with_cert_resolver(Arc::clone(&pair) as _);
            config.alpn_protocols = vec![protocol.to_vec()];
            Ok::<_, TlsError>(Some(Arc::new(config)))
        };
        self.grpc = config(Arc::clone(&asked), b"h2")?;
        self.admin = config(asked, b"http/1.1")?;
        self.didcomm = config(nobody(), b"http/1.1")?;
        self.pair = Some(pair);
        Ok(())
    }

    fn verifier(
        &self,
        path: &Path,
        auth: ClientAuth,
    ) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let roots = Arc::new(authorities(path)?);
        let builder =
            WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&self.provider));
        let builder = match auth {
            ClientAuth::Optional => builder.allow_unauthenticated(),
            ClientAuth::Required => builder,
        };
        builder.build().map_err(|error| content(path, format!("cannot be used: {error}")))
    }

    pub(crate) fn server(&self, purpose: Purpose) -> Option<Arc<ServerConfig>> {
        match purpose {
            Purpose::Grpc => self.grpc.clone(),
            Purpose::Admin => self.admin.clone(),
            Purpose::Didcomm => self.didcomm.clone(),
        }
    }
}

/// By what a change of a file is seen: device, inode, time in two parts, size.
pub(crate) type Stamp = (u64, u64, i64, i64, u64);

/// Those of the files as they are; `None` for one that is not there.
pub(crate) fn stamps(settings: &Settings) -> Vec<Option<Stamp>> {
    let pair = settings.pair.iter().flat_map(|(certificate, key)| [certificate, key]);
    let authorities = settings.client_ca.iter().map(|(path, _)| path).chain(&settings.server_ca);
    let stamp = |path: &PathBuf| {
        let seen = std::fs::metadata(path).ok()?;
        Some((seen.dev(), seen.ino(), seen.mtime(), seen.mtime_nsec(), seen.size()))
    };
    pair.chain(authorities).map(stamp).collect()
}

fn content(path: &Path, problem: String) -> TlsError {
    TlsError::Content { path: path.to_owned(), problem }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    use std::io::Read as _;
    let refused = |source| TlsError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(refused)?;
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(refused)?;
    Ok(bytes)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_slice_iter(&read(path)?).collect::<Result<Vec<_>, _>>();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(content(path, "has no certificate in PEM".to_owned())),
        Err(error) => Err(content(path, format!("is not PEM: {error}"))),
    }
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| {
            content(path, format!("has a certificate that is no authority: {error}"))
        })?;
    }
    Ok(roots)
}

fn system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn expiry(path: &Path, certificate: &CertificateDer<'_>) -> Result<i64, TlsError> {
    end(certificate).ok_or_else(|| content(path, "has a certificate that is none".to_owned()))
}

/// When a certificate ends, in seconds since 1970; `None` where it is none.
pub(crate) fn end(certificate: &CertificateDer<'_>) -> Option<i64> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let end = certificate.tbs_certificate().validity().not_after.to_unix_duration();
    Some(i64::try_from(end.as_secs()).unwrap_or(i64::MAX))
}
