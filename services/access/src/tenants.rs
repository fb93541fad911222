//! Keeping tenants.

use std::collections::BTreeMap;

use entente_rpc::proto::access::v1 as pb;
use entente_rpc::{Caller, DEFAULT_TENANT, ErrorReason, Failure, now};
use entente_store::page;
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::service::{Access, sees_all};
use crate::store::{DELETED, TenantRow};

/// The longest id and request_id.
const MAX_ID: usize = 64;
/// The longest label and name, in characters.
const MAX_TEXT: usize = 200;
/// The most settings, and their bytes.
const MAX_SETTINGS: (usize, usize) = (64, 16 * 1024);

type Answer<T> = Result<T, Failure>;

impl Access {
    pub async fn create_tenant(&self, request: pb::CreateTenantRequest) -> Answer<pb::Tenant> {
        check_id(&request.id)?;
        check_text("label", &request.label)?;
        check_text("name", &request.name)?;
        let quotas = request.quotas.unwrap_or_default();
        check_quotas(&quotas)?;
        check_settings(&request.settings)?;
        if request.request_id.len() > MAX_ID {
            return Err(Failure::field(
                "request_id",
                "is too long; at most 64 characters are taken",
            ));
        }
        let digest = Sha256::digest(request.encode_to_vec()).to_vec();
        let now = now();
        let row = TenantRow {
            tenant: match request.id.as_str() {
                "" => uuid::Uuid::now_v7().to_string(),
                id => id.to_owned(),
            },
            name: Some(request.name).filter(|name| !name.is_empty()),
            label: request.label,
            state: pb::TenantState::Active.into(),
            quotas: quotas.encode_to_vec(),
            settings: to_json(&request.settings)?,
            request: digest,
            deleted_at: None,
            created_at: now,
            updated_at: now,
        };
        if self.store.insert_tenant(&row, &request.request_id).await? {
            return Ok(row.try_into()?);
        }
        if !request.request_id.is_empty()
            && let Some(made) = self.store.tenant_of_request(&request.request_id).await?
        {
            if made.request == row.request && made.state != DELETED {
                return Ok(made.try_into()?);
            }
            let text = "request_id: made another tenant";
            return Err(Failure::new(ErrorReason::RequestIdReused, text));
        }
        if let Some(name) = row.name
            && self.store.has_tenant_named(&name).await?
        {
            let text = format!("a tenant has the name {name:?}");
            return Err(Failure::new(ErrorReason::AlreadyExists, text).with("name", name));
        }
        let text = format!("a tenant has or had the id {:?}", row.tenant);
        Err(Failure::new(ErrorReason::AlreadyExists, text).with("id", row.tenant))
    }

    /// A tenant; to who is one tenant's there is no other.
    pub async fn get_tenant(&self, caller: &Caller, id: &str) -> Answer<pb::Tenant> {
        if !sees_all(caller, "TenantService/GetTenant") && caller.tenant != id {
            return Err(Failure::not_found("tenant", id));
        }
        Ok(self.tenant(id).await?.try_into()?)
    }

    /// A tenant that is not deleted.
    pub async fn tenant(&self, id: &str) -> Answer<TenantRow> {
        let found = self.store.tenant(id).await?.filter(|row| row.state != DELETED);
        found.ok_or_else(|| Failure::not_found("tenant", id))
    }

    pub async fn list_tenants(
        &self,
        request: pb::ListTenantsRequest,
    ) -> Answer<pb::ListTenantsResponse> {
        let size = page::size(request.page_size)?;
        if pb::TenantState::try_from(request.state).is_err() {
            return Err(Failure::field("state", "is not a state that this version knows"));
        }
        let list = (request.state, request.name.as_str());
        let after = page::after(&request.page_token, &list)?.unwrap_or_default();
        let rows = self.store.tenants(&after, request.state, &request.name, size + 1).await?;
        let mut tenants: Vec<_> =
            rows.into_iter().map(pb::Tenant::try_from).collect::<Result<_, _>>()?;
        let next_page_token = page::cut(&mut tenants, size, &list, |tenant| tenant.id.clone());
        Ok(pb::ListTenantsResponse { tenants, next_page_token })
    }

    pub async fn update_tenant(&self, request: pb::UpdateTenantRequest) -> Answer<pb::Tenant> {
        let new = request.tenant.unwrap_or_default();
        let mask = match request.update_mask {
            Some(mask) => mask.paths,
            None => {
                let set = [
                    ("label", !new.label.is_empty()),
                    ("quotas", new.quotas.is_some()),
                    ("settings", !new.settings.is_empty()),
                ];
                set.into_iter().filter(|(_, set)| *set).map(|(name, _)| name.to_owned()).collect()
            }
        };
        if let Some(path) =
            mask.iter().find(|path| !matches!(path.as_str(), "label" | "quotas" | "settings"))
        {
            let text = format!("{path:?} cannot be changed; label, quotas and settings can");
            return Err(Failure::field("update_mask", text));
        }
        check_text("label", &new.label)?;
        check_settings(&new.settings)?;
        let quotas = new.quotas.unwrap_or_default();
        check_quotas(&quotas)?;
        let settings = to_json(&new.settings)?;
        self.change(&new.id, |row| {
            for path in &mask {
                match path.as_str() {
                    "label" => row.label.clone_from(&new.label),
                    "quotas" => row.quotas = quotas.encode_to_vec(),
                    _ => row.settings.clone_from(&settings),
                }
            }
        })
        .await
    }

    /// Lets a tenant rest, or work again.
    pub async fn set_state(&self, id: &str, state: pb::TenantState) -> Answer<pb::Tenant> {
        self.change(id, |row| row.state = state.into()).await
    }

    async fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut TenantRow) + Send,
    ) -> Answer<pb::Tenant> {
        match self.store.update_tenant(id, now(), change).await? {
            Some(row) => Ok(row.try_into()?),
            None => {
                self.tenant(id).await?;
                Err(Failure::wrong_state("tenant", "DELETING", "ACTIVE or SUSPENDED"))
            }
        }
    }

    /// Begins to delete a tenant; says whether nothing is left of it.
    pub async fn delete_tenant(&self, id: &str) -> Answer<bool> {
        if id == DEFAULT_TENANT {
            let text = "the default tenant cannot be deleted; it can be suspended";
            return Err(Failure::new(ErrorReason::WrongState, text));
        }
        let found = self.store.tenant(id).await?;
        let row = found.ok_or_else(|| Failure::not_found("tenant", id))?;
        if row.state == DELETED {
            return Ok(true);
        }
        self.store.begin_deletion(id, now()).await?;
        self.deletions.notify_one();
        Ok(false)
    }

    /// Whether a tenant may work, and what it may use.
    pub async fn standing(&self, id: &str) -> Answer<pb::GetStandingResponse> {
        let row = self.tenant(id).await?;
        Ok(pb::GetStandingResponse {
            state: row.state,
            quotas: Some(row.quotas()?),
            label: row.label,
        })
    }
}

fn check_id(id: &str) -> Answer<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if id.len() > MAX_ID || !id.bytes().all(plain) {
        let text =
            "must be 1 to 64 letters, digits, `-`, `_` and `.`, or empty for one that is made";
        return Err(Failure::field("id", text));
    }
    Ok(())
}

fn check_text(field: &str, text: &str) -> Answer<()> {
    if text.chars().count() > MAX_TEXT || text.chars().any(char::is_control) {
        return Err(Failure::field(field, "must have at most 200 characters, none of control"));
    }
    Ok(())
}

fn check_quotas(quotas: &pb::Quotas) -> Answer<()> {
    let all = [
        ("calls_per_second", quotas.calls_per_second),
        ("burst", quotas.burst),
        ("connections", quotas.connections),
        ("invitations", quotas.invitations),
        ("webhooks", quotas.webhooks),
        ("api_keys", quotas.api_keys),
    ];
    match all.into_iter().find(|(_, value)| *value < 0) {
        Some((name, _)) => {
            Err(Failure::field(format!("quotas.{name}"), "is negative; 0 means no limit"))
        }
        None => Ok(()),
    }
}

fn check_settings(settings: &BTreeMap<String, String>) -> Answer<()> {
    let bytes: usize = settings.iter().map(|(name, value)| name.len() + value.len()).sum();
    if settings.len() > MAX_SETTINGS.0 || bytes > MAX_SETTINGS.1 {
        return Err(Failure::field("settings", "must have at most 64 entries, 16 KiB together"));
    }
    Ok(())
}

fn to_json(settings: &BTreeMap<String, String>) -> Answer<String> {
    serde_json::to_string(settings)
        .map_err(|_| Failure::field("settings", "cannot be written as JSON"))
}
