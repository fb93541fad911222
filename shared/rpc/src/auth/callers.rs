//! Who may call.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use entente_jwt::Issuers;
use entente_tls::{HandshakeError, Identity, SpiffeId};
use http::HeaderMap;
use moka::future::Cache;
use subtle::ConstantTimeEq as _;

use super::credential::{Digest, digest, is_chosen_key, key_id, key_in, service_key};
use super::guesses::Guesses;
use super::journal::Journal;
use super::refusals::Refusals;
use super::roles::Roles;
use super::standings::FRESH;
use super::tenants::Tenants;
use super::{Behalf, Peer, Permit, Principal, Proxies, behalf, token};
use crate::proto::access::v1 as pb;
use crate::time::now;
use crate::{DEFAULT_TENANT, ErrorReason, Failure, Link, MAX_MESSAGE, Method};
use pb::access_service_client::AccessServiceClient;
use pb::audit_service_client::AuditServiceClient;

/// The most keys that are remembered at a time, right and wrong ones.
const REMEMBERED: u64 = 10_000;
/// What there is for everyone without a right key, whatever is wrong with it.
const NO_CREDENTIAL: &str = "send a valid API key as x-api-key, a key or token as authorization: Bearer, or show a certificate";

/// Somebody whom the configuration names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticCaller {
    /// By what it is known.
    pub credential: Credential,
    /// Who it is.
    pub principal: Principal,
}

/// By what somebody is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// SHA-256 of its key.
    Key(Digest),
    /// The id in its certificate.
    Spiffe(SpiffeId),
}

/// Whom the configuration knows, and whom it believes.
#[derive(Default)]
pub struct Known {
    /// Who has a key or a certificate.
    pub callers: Vec<StaticCaller>,
    /// Whose tokens count.
    pub issuers: Issuers,
    /// Who may say for whom it calls.
    pub proxies: Proxies,
}

impl From<Vec<StaticCaller>> for Known {
    fn from(callers: Vec<StaticCaller>) -> Self {
        Self { callers, ..Self::default() }
    }
}

/// Who may call a process. Clones are one.
#[derive(Clone)]
pub struct Callers(Arc<Inner>);

struct Inner {
    known: Known,
    /// Who calls when nobody shows a key; nobody but where keys are not asked for.
    anyone: Option<Principal>,
    access: OnceLock<AccessServiceClient<Link>>,
    keys: Cache<(String, Digest), Verdict>,
    tenants: Tenants,
    journal: Journal,
    refusals: Refusals,
    guesses: Guesses,
}

/// What the access service said of a key.
#[derive(Clone)]
enum Verdict {
    /// Valid, until a time in milliseconds.
    Valid(Principal, Option<i64>),
    Expired,
    Unknown,
}

impl Callers {
    /// Those of the configuration.
    #[must_use]
    pub fn new(known: impl Into<Known>) -> Self {
        Self::with(known.into(), None)
    }

    /// Who has the administrator's key, and the services, whose keys are derived from it.
    #[must_use]
    pub fn admin(key: &str) -> Self {
        Self::new(StaticCaller::of_admin_key(key))
    }

    /// Everyone, without a key. For development on loopback.
    #[must_use]
    pub fn insecure() -> Self {
        Self::insecure_behind(Proxies::default())
    }

    /// The same, and these proxies are believed.
    #[must_use]
    pub fn insecure_behind(proxies: Proxies) -> Self {
        let tenant = Some(DEFAULT_TENANT.into());
        let anyone = Principal { name: "anyone".into(), tenant, roles: Roles::all() };
        Self::with(Known { proxies, ..Known::default() }, Some(anyone))
    }

    fn with(known: Known, anyone: Option<Principal>) -> Self {
        let keys = Cache::builder().max_capacity(REMEMBERED).time_to_live(FRESH).build();
        let journal = Journal::new();
        Self(Arc::new(Inner {
            known,
            anyone,
            access: OnceLock::new(),
            keys,
            tenants: Tenants::new(),
            guesses: Guesses::new(),
            refusals: Refusals::new(journal.clone()),
            journal,
        }))
    }

    /// From now on asks the access service for who is not known here, and tells it what happens.
    pub fn ask(&self, access: &Link) {
        let client = AccessServiceClient::new(access.clone());
        self.0.tenants.ask(client.clone());
        let audit = AuditServiceClient::new(access.clone()).max_decoding_message_size(MAX_MESSAGE);
        // Only the first counts.
        if self.0.access.set(client).is_ok() {
            self.0.journal.tell(audit, self.0.refusals.clone());
        }
    }

    /// The tenants' standing.
    #[must_use]
    pub fn tenants(&self) -> &Tenants {
        &self.0.tenants
    }

    /// Waits until the audit knows what happened so far; a second or two at the most.
    pub async fn flush(&self) {
        self.0.journal.flush().await;
    }

    /// Whether everyone may call.
    #[must_use]
    pub fn are_anyone(&self) -> bool {
        self.0.anyone.is_some()
    }

    /// Who makes a call: by the key or token in its headers, or else by the certificate of the connection or, where a
    /// trusted proxy made that, the one that the proxy tells of. A wrong key is wrong beside a right certificate too.
    ///
    /// # Errors
    /// As [`Callers::identify`].
    pub async fn authenticate(
        &self,
        headers: &mut HeaderMap,
        peer: &Peer,
        from: Option<IpAddr>,
    ) -> Result<Principal, Failure> {
        let identity = self.identity(headers, peer);
        self.prove(identity, key_in(headers), from).await
    }

    /// Where a call comes from: the other end of its connection or, where a proxy that is listed is there, whom that
    /// serves. `None` where that says nothing of who calls: a Unix socket, or such a proxy that does not say it.
    #[must_use]
    pub fn address(&self, headers: &HeaderMap, peer: &Peer) -> Option<IpAddr> {
        self.0.known.proxies.address(headers, peer)
    }

    /// What a connection shows of who is at its other end or, where a trusted proxy made it, what the proxy tells. It is
    /// taken out of the headers.
    pub fn identity(&self, headers: &mut HeaderMap, peer: &Peer) -> Identity {
        self.0.known.proxies.identity(headers, peer)
    }

    /// Who has a key or a token or, without one, a certificate.
    ///
    /// # Errors
    /// As [`Callers::identify`].
    pub async fn prove(
        &self,
        identity: Identity,
        key: Option<&str>,
        from: Option<IpAddr>,
    ) -> Result<Principal, Failure> {
        match identity {
            Identity::Spiffe(id) if key.is_none() && !self.are_anyone() => Ok(self.workload(&id)),
            Identity::Unusable(problem) if key.is_none() && !self.are_anyone() => {
                Err(Failure::new(ErrorReason::Unauthenticated, problem))
            }
            _ => self.identify(key, from).await,
        }
    }

    /// Who has an id; somebody without a role where the configuration does not know it.
    fn workload(&self, id: &SpiffeId) -> Principal {
        let known =
            self.0.known.callers.iter().find(
                |caller| matches!(&caller.credential, Credential::Spiffe(known) if known == id),
            );
        let unknown =
            || Principal { name: id.as_str().into(), tenant: None, roles: Roles::default() };
        known.map_or_else(unknown, |caller| caller.principal.clone())
    }

    /// Tells of somebody whom a handshake turned away; those with a wrong certificate are refused callers.
    pub fn turned_away(&self, address: IpAddr, error: &HandshakeError) {
        tracing::debug!(%address, %error, "no TLS connection");
        if error.is_credential() {
            let failure = Failure::new(ErrorReason::Unauthenticated, error.to_string());
            let behalf =
                Behalf { principal: None, tenant: None, address: Some(address), key: None };
            self.refused(&failure, &behalf, "");
        }
    }

    /// Who has a key or a token.
    ///
    /// # Errors
    /// UNAUTHENTICATED, with one text for all that is wrong with a key; CREDENTIAL_EXPIRED for one that was right;
    /// RATE_LIMITED after many wrong ones from an address. Why the access service could not be asked.
    pub async fn identify(
        &self,
        key: Option<&str>,
        from: Option<IpAddr>,
    ) -> Result<Principal, Failure> {
        // Where no key is asked for, one that we made still says whose data the call works on.
        if let Some(anyone) = &self.0.anyone
            && key.and_then(key_id).is_none()
        {
            return Ok(anyone.clone());
        }
        let key = key.ok_or_else(nobody)?;
        match self.holder(key, from).await {
            Err(failure) if failure.reason == ErrorReason::Unauthenticated => {
                self.0.guesses.wrong(from)?;
                Err(failure)
            }
            known => known,
        }
    }

    async fn holder(&self, key: &str, from: Option<IpAddr>) -> Result<Principal, Failure> {
        let presented = digest(key);
        let known = self.0.known.callers.iter().fold(None, |found, caller| {
            let is_this = match &caller.credential {
                Credential::Key(digest) => bool::from(digest.ct_eq(&presented)),
                Credential::Spiffe(_) => false,
            };
            if is_this { Some(caller) } else { found }
        });
        if let Some(caller) = known {
            return Ok(caller.principal.clone());
        }
        if self.0.known.issuers.take(key) {
            return token::holder(&self.0.known.issuers, key).await;
        }
        // A chosen key has no id in it.
        let id = key_id(key).or_else(|| is_chosen_key(key).then_some(""));
        let (Some(id), Some(access)) = (id, self.0.access.get()) else { return Err(nobody()) };
        let ask = async {
            // Who is known already is not held up by others behind the same address.
            self.0.guesses.check(from)?;
            match ask(access, id, presented).await? {
                // It may be chosen the next moment. Forgetting that it was not costs nothing: who guesses never guesses
                // the same twice.
                Verdict::Unknown if id.is_empty() => Err(nobody()),
                verdict => Ok(verdict),
            }
        };
        let asked = self.0.keys.try_get_with((id.to_owned(), presented), ask);
        match asked.await.map_err(|failure| Failure::clone(&failure))? {
            Verdict::Valid(principal, until) if until.is_none_or(|until| now() < until) => {
                Ok(principal)
            }
            Verdict::Valid(..) | Verdict::Expired => {
                let text =
                    "the API key was right, and its time is over: rotate it, or take a new one";
                Err(Failure::new(ErrorReason::CredentialExpired, text))
            }
            Verdict::Unknown => Err(nobody()),
        }
    }

    /// Whether somebody may call a method now, for its own tenant or the one that the call names.
    ///
    /// # Errors
    /// PERMISSION_DENIED, TENANT_SUSPENDED, RATE_LIMITED.
    pub async fn admit(
        &self,
        principal: &Principal,
        method: &Method,
        named: Option<&str>,
    ) -> Result<Permit, Failure> {
        let permit = principal.may(method, named)?;
        // Operators and services act for tenants that rest, too.
        if let Some(tenant) = &permit.tenant
            && permit.by.anywhere().is_empty()
        {
            self.0.tenants.admit(tenant).await?;
        }
        Ok(permit)
    }

    /// A link by which calls are made for somebody: each has a [`Behalf`] with it, and goes through the table.
    #[must_use]
    pub fn on_behalf(&self, link: Link) -> Link {
        behalf::guard(self.clone(), link)
    }

    /// Counts a refusal, and tells the audit.
    pub fn refused(&self, failure: &Failure, behalf: &Behalf, method: &str) {
        self.0.refusals.add(failure, behalf, method);
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.0.journal
    }
}

impl StaticCaller {
    /// Somebody with a key.
    #[must_use]
    pub fn with_key(key: &str, principal: Principal) -> Self {
        Self { credential: Credential::Key(digest(key)), principal }
    }

    /// The administrator, and the services with keys that are derived from the administrator's.
    #[must_use]
    pub fn of_admin_key(key: &str) -> Vec<Self> {
        let services = Roles::of_services().names();
        let services =
            services.map(|name| Self::with_key(&service_key(key, name), Principal::service(name)));
        let admin = Self::with_key(key, Principal::admin(DEFAULT_TENANT));
        services.chain([admin]).collect()
    }
}

fn nobody() -> Failure {
    Failure::new(ErrorReason::Unauthenticated, NO_CREDENTIAL)
}

async fn ask(
    access: &AccessServiceClient<Link>,
    id: &str,
    digest: Digest,
) -> Result<Verdict, Failure> {
    let request = pb::AuthenticateRequest { id: id.to_owned(), digest: digest.to_vec().into() };
    let answer = access.clone().authenticate(request).await;
    let answer = answer.map_err(|status| {
        let text = "API keys cannot be checked: the access service does not answer";
        tracing::warn!(error = status.message(), text);
        Failure::new(ErrorReason::ServiceUnavailable, text)
    })?;
    let answer = answer.into_inner();
    Ok(match (answer.verdict(), answer.principal) {
        (pb::KeyVerdict::Valid, Some(principal)) => {
            let until = answer.valid_until.as_ref().map(crate::time_from_proto);
            let tenant = Some(principal.tenant).filter(|tenant| !tenant.is_empty());
            let roles = Roles::of(principal.roles.iter().map(String::as_str));
            let tenant = tenant.map(Arc::from);
            Verdict::Valid(Principal { name: principal.name.into(), tenant, roles }, until)
        }
        (pb::KeyVerdict::Expired, _) => Verdict::Expired,
        _ => Verdict::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_says_who_calls() {
        let callers = Callers::admin("secret");
        let admin = callers.identify(Some("secret"), None).await.unwrap();
        assert_eq!((&*admin.name, admin.tenant.as_deref()), ("admin", Some("default")));
        let key = service_key("secret", "keystore");
        let keystore = callers.identify(Some(&key), None).await.unwrap();
        assert_eq!((&*keystore.name, keystore.tenant), ("keystore", None));
        for wrong in [None, Some("secret2"), Some(""), Some("ent_0_0")] {
            let refused = callers.identify(wrong, None).await.unwrap_err();
            assert_eq!(refused.message, NO_CREDENTIAL);
        }
        let insecure = Callers::insecure();
        assert!(insecure.identify(None, None).await.is_ok());
        assert!(insecure.identify(Some("secret"), None).await.is_ok());
        let made = crate::auth::MadeKey::of([1; 8], [2; 32]);
        assert!(insecure.identify(Some(&made.key), None).await.is_err());
    }
}
