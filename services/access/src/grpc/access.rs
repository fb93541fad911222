//! The access service.

use entente_rpc::auth::{Principal, Roles};
use entente_rpc::proto::access::v1 as pb;
use entente_rpc::{Caller, Failure, Method};
use pb::access_service_server::AccessService;
use tonic::{Request, Response, Status};

use super::Grpc;

#[tonic::async_trait]
impl AccessService for Grpc {
    async fn check_access(
        &self,
        request: Request<pb::CheckAccessRequest>,
    ) -> Result<Response<pb::CheckAccessResponse>, Status> {
        let caller = Caller::for_any(&request);
        let name = request.get_ref().method.trim_start_matches('/');
        let ours = Method::all().iter().filter(|method| method.service.starts_with("entente."));
        let methods: Vec<_> = match name {
            "" => ours.collect(),
            name => {
                let unknown = || Failure::field("method", "is none; write <service>/<method>");
                vec![Method::of_path(&format!("/{name}")).ok_or_else(unknown)?]
            }
        };
        let tenant = (!caller.tenant.is_empty()).then(|| caller.tenant.as_str().into());
        let principal =
            Principal { name: caller.name.as_str().into(), tenant, roles: caller.roles };
        let methods = methods.into_iter().map(|method| access(&principal, method)).collect();
        Ok(Response::new(pb::CheckAccessResponse {
            principal: Some(pb::Principal {
                name: caller.name,
                tenant: caller.tenant.clone(),
                roles: names(caller.roles),
            }),
            tenant: caller.tenant,
            methods,
        }))
    }

    async fn authenticate(
        &self,
        request: Request<pb::AuthenticateRequest>,
    ) -> Result<Response<pb::AuthenticateResponse>, Status> {
        Ok(Response::new(self.access.authenticate(request.get_ref()).await?))
    }

    async fn get_standing(
        &self,
        request: Request<pb::GetStandingRequest>,
    ) -> Result<Response<pb::GetStandingResponse>, Status> {
        Ok(Response::new(self.access.standing(&request.get_ref().tenant).await?))
    }
}

fn access(principal: &Principal, method: &Method) -> pb::MethodAccess {
    let name = format!("{}/{}", method.service, method.name);
    match principal.may(method, None) {
        Ok(permit) => {
            let about: Vec<_> = permit.by.about().collect();
            let roles = names(permit.by);
            let reason = format!("as {}, who {}", roles.join(" and "), about.join("; "));
            pb::MethodAccess { method: name, allowed: true, roles, reason }
        }
        Err(_) => {
            let roles = names(Roles::that_may(method));
            let reason = format!("it takes the role {}", roles.join(" or "));
            pb::MethodAccess { method: name, allowed: false, roles, reason }
        }
    }
}

fn names(roles: Roles) -> Vec<String> {
    roles.names().map(str::to_owned).collect()
}
