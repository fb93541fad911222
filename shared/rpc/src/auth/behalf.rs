//! Calls that are made for somebody.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use tonic::body::Body;
use tower::ServiceExt as _;
use tower::service_fn;
use tower::util::BoxCloneSyncService;

use super::credential::API_KEY_HEADER;
use super::roles::Roles;
use super::{Callers, Principal};
use crate::caller::{CALLER_KEY, ROLES_KEY, TENANT_KEY};
use crate::metrics::code_name;
use crate::proto::access::v1::AuditEntry;
use crate::{Code, ErrorReason, Failure, Link, Method, Status, time};

/// The most of a request that is kept to find the id of what it is about.
const MAX_KEPT: usize = 64 * 1024;
/// The longest id that the audit takes.
const MAX_OBJECT: usize = 200;

/// For whom a call is made. It goes with the call as an extension of the request.
#[derive(Debug, Clone)]
pub struct Behalf {
    /// Who; nobody while that is not known.
    pub principal: Option<Principal>,
    /// The tenant that the call names; `None` for the principal's own.
    pub tenant: Option<Arc<str>>,
    /// Where the call came from; a proxy that is listed says it for whom it serves.
    pub address: Option<IpAddr>,
    /// The key that came with it: it goes on to services that ask for it again.
    pub key: Option<HeaderValue>,
}

impl Behalf {
    /// For somebody, and its own tenant.
    #[must_use]
    pub fn of(principal: Principal) -> Self {
        Self { principal: Some(principal), tenant: None, address: None, key: None }
    }

    /// For a service itself, and a tenant.
    #[must_use]
    pub fn of_service(name: &str, tenant: &str) -> Self {
        Self { tenant: Some(tenant.into()), ..Self::of(Principal::service(name)) }
    }

    /// The tenant that the calls are for; empty for none.
    #[must_use]
    pub fn tenant(&self) -> &str {
        let own = || self.principal.as_ref().and_then(|principal| principal.tenant.as_deref());
        self.tenant.as_deref().or_else(own).unwrap_or_default()
    }
}

/// What somebody does, until it is known how it ended.
pub(super) struct Deed {
    callers: Callers,
    entry: AuditEntry,
    method: &'static Method,
    request: Kept,
}

/// The beginning of a body.
type Kept = Arc<Mutex<Vec<Bytes>>>;

/// What somebody did, which is told when the answer has passed: the id of what was made is in it.
struct Passing(Option<Deed>, Kept);

impl Drop for Passing {
    fn drop(&mut self) {
        if let Some(deed) = self.0.take() {
            deed.end(Code::Ok, String::new(), &take(&self.1));
        }
    }
}

fn take(kept: &Kept) -> Vec<u8> {
    std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner)).concat()
}

/// A link whose calls go through the table of rights.
pub(super) fn guard(callers: Callers, link: Link) -> Link {
    BoxCloneSyncService::new(service_fn(move |request: Request<Body>| {
        let (callers, link) = (callers.clone(), link.clone());
        async move {
            let nobody = || Failure::new(ErrorReason::PermissionDenied, "a call for nobody");
            let behalf = request.extensions().get::<Behalf>().cloned().ok_or_else(nobody)?;
            let (request, deed) = callers.enter(request, &behalf).await?;
            let answer = link.oneshot(request).await;
            if let Some(deed) = deed {
                return match answer {
                    Ok(response) => Ok(deed.done(response)),
                    Err(status) => {
                        deed.failed(&status);
                        Err(status)
                    }
                };
            }
            answer
        }
    }))
}

impl Callers {
    /// Lets a call in if the table has it: with the tenant, the caller's name and its roles as metadata, and without the
    /// key. What the audit is to be told of it is told when it has ended.
    pub(super) async fn enter(
        &self,
        mut request: Request<Body>,
        behalf: &Behalf,
    ) -> Result<(Request<Body>, Option<Deed>), Failure> {
        let path = request.uri().path();
        let name = path.trim_start_matches('/').to_owned();
        let method = Method::of_path(path);
        let headers = request.headers_mut();
        for name in [TENANT_KEY, CALLER_KEY, ROLES_KEY, API_KEY_HEADER, "apikey", "authorization"] {
            headers.remove(name);
        }
        let Some(principal) = &behalf.principal else {
            return Err(Failure::new(ErrorReason::Unauthenticated, "the caller is not known"));
        };
        // What is no method is refused as that, further on.
        let Some(method) = method else { return Ok((request, None)) };
        let permit = match self.admit(principal, method, behalf.tenant.as_deref()).await {
            Ok(permit) => permit,
            Err(failure) => {
                self.refused(&failure, behalf, &name);
                return Err(failure);
            }
        };
        let mut set = |name, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        if let Some(tenant) = &permit.tenant {
            set(TENANT_KEY, tenant);
        }
        set(CALLER_KEY, &principal.name);
        set(ROLES_KEY, &principal.roles.names().collect::<Vec<_>>().join(","));
        if let Some(key) = &behalf.key {
            headers.insert(API_KEY_HEADER, key.clone());
        }
        let by_service = !permit.by.among(Roles::of_services()).is_empty();
        if !method.changes || by_service || !self.journal().is_read() {
            return Ok((request, None));
        }
        let entry = AuditEntry {
            caller: principal.name.to_string(),
            tenant: permit.tenant.as_deref().unwrap_or_default().to_owned(),
            method: name,
            address: behalf.address.map(|address| address.to_string()).unwrap_or_default(),
            count: 1,
            ..Default::default()
        };
        let kept = Arc::new(Mutex::new(Vec::new()));
        let deed = Deed { callers: self.clone(), entry, method, request: Arc::clone(&kept) };
        let request =
            if method.object.is_some() { request.map(|body| keep(body, kept)) } else { request };
        Ok((request, Some(deed)))
    }
}

/// Keeps the beginning of a body as it passes.
fn keep(body: Body, kept: Kept) -> Body {
    let mut left = MAX_KEPT;
    Body::new(body.map_frame(move |frame| {
        if let Some(data) = frame.data_ref()
            && data.len() <= left
        {
            left -= data.len();
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(data.clone());
        }
        frame
    }))
}

impl Deed {
    /// It ended with this answer; one without a status in its headers is one that succeeded.
    pub(super) fn done(self, response: Response<Body>) -> Response<Body> {
        if let Some(status) = Status::from_header_map(response.headers()) {
            self.failed(&status);
            return response;
        }
        let kept = Kept::default();
        let from_answer = self.method.unary && self.method.made.is_some();
        let passing = Passing(Some(self), Arc::clone(&kept));
        if !from_answer {
            return response;
        }
        response.map(|body| {
            let body = keep(body, kept);
            Body::new(body.map_frame(move |frame| {
                let _until_it_passed = &passing;
                frame
            }))
        })
    }

    fn failed(self, status: &Status) {
        let reason = Failure::of(status).reason;
        let name = if reason == ErrorReason::Unspecified { "" } else { reason.name() };
        self.end(status.code(), name.to_owned(), &[]);
    }

    fn end(mut self, code: Code, reason: String, response: &[u8]) {
        let request = take(&self.request);
        let named = self.method.object.and_then(|field| crate::method::text(&request, field));
        let made = || self.method.made.and_then(|at| crate::method::inner_text(response, at));
        let object = named.filter(|id| !id.is_empty()).or_else(made);
        self.entry.object = object.unwrap_or_default().chars().take(MAX_OBJECT).collect();
        self.entry.time = Some(time::to_proto(time::now()));
        code_name(code).clone_into(&mut self.entry.code);
        self.entry.reason = reason;
        self.callers.journal().add(self.entry);
    }
}

/// Lets a call in from the network, and follows it to its end.
pub(super) async fn serve<S>(
    callers: &Callers,
    mut inner: S,
    request: Request<Body>,
    behalf: &Behalf,
) -> Result<Response<Body>, S::Error>
where
    S: tonic::codegen::Service<Request<Body>, Response = Response<Body>>,
{
    match callers.enter(request, behalf).await {
        Ok((request, deed)) => {
            let response = inner.call(request).await?;
            Ok(match deed {
                Some(deed) => deed.done(response),
                None => response,
            })
        }
        Err(failure) => Ok(Status::from(failure).into_http()),
    }
}
