//! Keeping API keys, and saying who has one.

use entente_rpc::auth::{Digest, MadeKey, Roles, digest};
use entente_rpc::proto::access::v1 as pb;
use entente_rpc::{
    Caller, ErrorReason, Failure, duration_from_proto, now, time_from_proto, time_to_proto,
};
use entente_store::page;
use subtle::{Choice, ConstantTimeEq as _};

use crate::service::Access;
use crate::store::ApiKeyRow;

/// The most keys of a tenant.
const MAX_KEYS: i64 = 1_000;
/// The longest name, in characters.
const MAX_NAME: usize = 100;
/// How long the secret before a rotation works if nothing else is said, and at the most; in milliseconds.
const OVERLAP: i64 = 3_600_000;
const MAX_OVERLAP: i64 = 30 * 24 * 3_600_000;

type Answer<T> = Result<T, Failure>;

impl Access {
    pub async fn create_api_key(
        &self,
        caller: &Caller,
        request: pb::CreateApiKeyRequest,
    ) -> Answer<(pb::ApiKey, String)> {
        let length = request.name.chars().count();
        if length == 0 || length > MAX_NAME || request.name.chars().any(char::is_control) {
            return Err(Failure::field("name", "must have 1 to 100 characters, none of control"));
        }
        let roles = roles(caller, &request.roles)?;
        let now = now();
        let expires_at = after("expires_in", request.expires_in.as_ref(), now)?;
        let most = self.most_keys(&caller.tenant).await?;
        let made = MadeKey::of(rand::random(), rand::random());
        let row = ApiKeyRow {
            tenant: caller.tenant.clone(),
            id: made.id,
            name: request.name,
            roles,
            digest: digest(&made.key).to_vec(),
            previous: None,
            previous_until: None,
            created_at: now,
            rotated_at: now,
            expires_at,
            last_used_at: None,
            entity: None,
        };
        if !self.store.insert_api_key(&row, most).await? {
            return Err(Self::too_many_keys(most));
        }
        Ok((row.into(), made.key))
    }

    /// The most keys that a tenant may have.
    pub async fn most_keys(&self, tenant: &str) -> Answer<i64> {
        let most = i64::from(self.tenant(tenant).await?.quotas()?.api_keys);
        Ok(if most > 0 { most.min(MAX_KEYS) } else { MAX_KEYS })
    }

    pub fn too_many_keys(most: i64) -> Failure {
        let text = format!("the tenant has {most} API keys, the most; revoke one first");
        Failure::new(ErrorReason::LimitReached, text).with("limit", most.to_string())
    }

    pub async fn list_api_keys(
        &self,
        tenant: &str,
        request: &pb::ListApiKeysRequest,
    ) -> Answer<pb::ListApiKeysResponse> {
        let size = page::size(request.page_size)?;
        let token = page::after(&request.page_token, &tenant)?;
        let after = match token.as_deref() {
            None => (i64::MIN, ""),
            Some(place) => {
                let (time, id) = place.split_once(' ').ok_or_else(page::invalid_token)?;
                (time.parse().map_err(|_| page::invalid_token())?, id)
            }
        };
        let mut rows = self.store.api_keys(tenant, after, size + 1).await?;
        for row in &mut rows {
            let seen = self.last_use.of(&row.id);
            row.last_used_at = row.last_used_at.max(seen);
        }
        let mut api_keys: Vec<_> = rows.into_iter().map(pb::ApiKey::from).collect();
        let next_page_token = page::cut(&mut api_keys, size, &tenant, |key| {
            let created_at = key.created_at.as_ref().map(time_from_proto).unwrap_or_default();
            format!("{created_at} {}", key.id)
        });
        Ok(pb::ListApiKeysResponse { api_keys, next_page_token })
    }

    pub async fn rotate_api_key(
        &self,
        caller: &Caller,
        request: pb::RotateApiKeyRequest,
    ) -> Answer<(pb::ApiKey, String)> {
        let now = now();
        let expires_at = after("expires_in", request.expires_in.as_ref(), now)?;
        let overlap = match &request.overlap {
            None => OVERLAP,
            Some(overlap) => duration_from_proto(overlap)
                .filter(|overlap| *overlap <= MAX_OVERLAP)
                .ok_or_else(|| Failure::field("overlap", "must be from 0 to 30 days"))?,
        };
        let unknown = || Failure::not_found("API key", &request.id);
        let found = self.store.api_key(&request.id).await?;
        let found = found.filter(|row| row.tenant == caller.tenant).ok_or_else(unknown)?;
        if found.entity.is_some() {
            let text = "an entity's key was chosen: remove it, and add another";
            return Err(Failure::new(ErrorReason::WrongState, text));
        }
        // Its new secret would be worth as much as the key.
        may_give(caller, Roles::of(found.roles.split(',')))?;
        let made = MadeKey::with_id(&request.id, rand::random());
        let rotated = self
            .store
            .rotate_api_key(&caller.tenant, &request.id, |row| {
                row.previous = (overlap > 0).then(|| std::mem::take(&mut row.digest));
                row.previous_until = (overlap > 0).then_some(now + overlap);
                row.digest = digest(&made.key).to_vec();
                row.rotated_at = now;
                row.expires_at = expires_at.or(row.expires_at);
            })
            .await?;
        Ok((rotated.ok_or_else(unknown)?.into(), made.key))
    }

    pub async fn revoke_api_key(&self, tenant: &str, id: &str) -> Answer<bool> {
        Ok(self.store.delete_api_key(tenant, id).await?)
    }

    /// Who has a key. What is compared, and in which time, does not depend on whether there is a key with that id.
    pub async fn authenticate(
        &self,
        request: &pb::AuthenticateRequest,
    ) -> Answer<pb::AuthenticateResponse> {
        let presented: Digest = request
            .digest
            .as_ref()
            .try_into()
            .map_err(|_| Failure::field("digest", "must have 32 bytes"))?;
        let now = now();
        // A chosen key is found by its code, which nobody but the keystore can make, and so can steer towards another.
        let found = match request.id.as_str() {
            "" => self.store.chosen_key(&self.code_of(&presented).await?).await?,
            id => self.store.api_key(id).await?,
        };
        let none = [0; 32];
        let (current, previous) = match &found {
            Some(_) if request.id.is_empty() => (presented.as_slice(), none.as_slice()),
            Some(row) => (row.digest.as_slice(), row.previous.as_deref().unwrap_or(&none)),
            None => (none.as_slice(), none.as_slice()),
        };
        let is_current = current.ct_eq(&presented);
        let overlaps = found.as_ref().and_then(|row| row.previous_until).is_some_and(|at| now < at);
        let is_previous = previous.ct_eq(&presented) & Choice::from(u8::from(overlaps));
        let unknown = || pb::AuthenticateResponse {
            verdict: pb::KeyVerdict::Unknown.into(),
            ..Default::default()
        };
        let Some(row) = found.filter(|_| bool::from(is_current | is_previous)) else {
            return Ok(unknown());
        };
        let expired = row.expires_at.is_some_and(|at| at <= now);
        let until = match (row.expires_at, row.previous_until.filter(|_| bool::from(is_previous))) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        if !expired {
            self.last_use.add(&row.tenant, &row.id, now);
        }
        let verdict = if expired { pb::KeyVerdict::Expired } else { pb::KeyVerdict::Valid };
        Ok(pb::AuthenticateResponse {
            verdict: verdict.into(),
            principal: Some(pb::Principal {
                name: format!("api-key:{}", row.id),
                tenant: row.tenant,
                roles: row.roles.split(',').map(str::to_owned).collect(),
            }),
            valid_until: until.map(time_to_proto),
        })
    }
}

/// Roles that a key is to have.
fn roles(caller: &Caller, names: &[String]) -> Answer<String> {
    for (index, name) in names.iter().enumerate() {
        let known = Roles::named(name).filter(|role| !role.among(givable()).is_empty());
        if known.is_none() {
            let text = format!("{name:?} is no role of API keys; owner, reader and operator are");
            return Err(Failure::field(format!("roles[{index}]"), text));
        }
    }
    if names.is_empty() {
        return Err(Failure::field("roles", "is empty; owner, reader and operator are roles"));
    }
    let roles = Roles::of(names.iter().map(String::as_str));
    may_give(caller, roles)?;
    Ok(roles.names().collect::<Vec<_>>().join(","))
}

/// Roles that somebody may give.
fn givable() -> Roles {
    Roles::all().given()
}

fn may_give(caller: &Caller, roles: Roles) -> Answer<()> {
    // For a tenant that is not its own a caller has what counts anywhere.
    let given = caller.roles.given();
    if given.include(roles) {
        return Ok(());
    }
    let text = "a key may have no more rights than who makes it may give";
    Err(Failure::new(ErrorReason::PermissionDenied, text))
}

fn after(field: &str, duration: Option<&prost_types::Duration>, now: i64) -> Answer<Option<i64>> {
    let Some(duration) = duration else { return Ok(None) };
    let given = duration_from_proto(duration).filter(|millis| *millis > 0);
    let at = given.and_then(|millis| now.checked_add(millis));
    at.map(Some).ok_or_else(|| Failure::field(field, "must be greater than 0"))
}
