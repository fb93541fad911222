//! Keeping entities and the keys that operators chose for them.

use entente_rpc::auth::{MadeKey, digest, is_chosen_key};
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::access::v1 as pb;
use entente_rpc::proto::keystore::v1::MacRequest;
use entente_rpc::{DEFAULT_TENANT, ErrorReason, Failure, now};
use entente_store::page;
use uuid::Uuid;

use crate::service::Access;
use crate::store::{ApiKeyRow, EntityRow, Moved};

/// The longest name, in characters.
const MAX_NAME: usize = 128;

type Answer<T> = Result<T, Failure>;

impl Access {
    pub async fn create_entity(&self, request: pb::CreateEntityRequest) -> Answer<pb::Entity> {
        let id = match request.id.as_str() {
            "" => Uuid::now_v7().to_string(),
            id => {
                Uuid::parse_str(id).map_err(|_| Failure::field("id", "is not a UUID"))?.to_string()
            }
        };
        check_name(&request.name)?;
        let now = now();
        let (tenant, name) = (request.tenant, request.name);
        let row = EntityRow { tenant, id, name, created_at: now, updated_at: now };
        if self.store.insert_entity(&row).await? {
            return Ok(row.into());
        }
        if self.store.entity(&row.id).await?.is_none() {
            return Err(Failure::not_found("tenant", &row.tenant));
        }
        let text = format!("an entity has the id {:?}", row.id);
        Err(Failure::new(ErrorReason::AlreadyExists, text).with("id", row.id))
    }

    pub async fn get_entity(&self, id: &str) -> Answer<EntityRow> {
        self.store.entity(id).await?.ok_or_else(|| Failure::not_found("entity", id))
    }

    pub async fn list_entities(
        &self,
        request: &pb::ListEntitiesRequest,
    ) -> Answer<pb::ListEntitiesResponse> {
        let size = page::size(request.page_size)?;
        let after = page::after(&request.page_token, &"entities")?.unwrap_or_default();
        let rows = self.store.entities(&after, size + 1).await?;
        let mut entities: Vec<_> = rows.into_iter().map(pb::Entity::from).collect();
        let next_page_token =
            page::cut(&mut entities, size, &"entities", |entity| entity.id.clone());
        Ok(pb::ListEntitiesResponse { entities, next_page_token })
    }

    pub async fn update_entity(&self, request: pb::UpdateEntityRequest) -> Answer<pb::Entity> {
        let new = request.entity.unwrap_or_default();
        let mask = request.update_mask.unwrap_or_default().paths;
        if let Some(path) = mask.iter().find(|path| !matches!(path.as_str(), "name" | "tenant")) {
            let text = format!("{path:?} cannot be changed; name and tenant can");
            return Err(Failure::field("update_mask", text));
        }
        let changes = |field: &str| mask.iter().any(|path| path == field);
        if changes("name") {
            check_name(&new.name)?;
        }
        let most = if changes("tenant") { self.most_keys(&new.tenant).await? } else { i64::MAX };
        let moved = self.store.update_entity(&new.id, most, |row| {
            if changes("name") {
                row.name.clone_from(&new.name);
            }
            if changes("tenant") {
                row.tenant.clone_from(&new.tenant);
            }
            row.updated_at = now();
        });
        match moved.await? {
            Moved::To(row) => Ok(row.into()),
            Moved::Unknown => Err(Failure::not_found("entity", &new.id)),
            Moved::TooMany => Err(Self::too_many_keys(most)),
        }
    }

    pub async fn delete_entity(&self, id: &str) -> Answer<()> {
        if self.store.delete_entity(id).await? {
            return Ok(());
        }
        Err(Failure::not_found("entity", id))
    }

    pub async fn add_entity_key(&self, request: &pb::AddEntityKeyRequest) -> Answer<()> {
        if !is_chosen_key(&request.key) {
            let text = "must have 16 to 128 printable ASCII characters, with no space at either end, and not begin \
                        with ent_";
            return Err(Failure::field("key", text));
        }
        let entity = self.get_entity(&request.entity_id).await?;
        let digest = self.code(&request.key).await?;
        let most = self.most_keys(&entity.tenant).await?;
        let now = now();
        let row = ApiKeyRow {
            tenant: entity.tenant,
            id: MadeKey::of(rand::random(), [0; 32]).id,
            name: format!("entity {}", entity.id),
            roles: "owner".to_owned(),
            digest: digest.clone(),
            previous: None,
            previous_until: None,
            created_at: now,
            rotated_at: now,
            expires_at: None,
            last_used_at: None,
            entity: Some(entity.id),
        };
        if self.store.insert_api_key(&row, most).await? {
            return Ok(());
        }
        match self.store.chosen_key(&digest).await? {
            Some(known) if known.entity == row.entity => Ok(()),
            Some(_) => {
                let text = "another entity has this key; choose one that nobody can guess";
                Err(Failure::new(ErrorReason::AlreadyExists, text))
            }
            None => Err(Self::too_many_keys(most)),
        }
    }

    pub async fn remove_entity_key(&self, request: &pb::RemoveEntityKeyRequest) -> Answer<bool> {
        if !is_chosen_key(&request.key) {
            return Ok(false);
        }
        let digest = self.code(&request.key).await?;
        Ok(self.store.delete_chosen_key(&request.entity_id, &digest).await?)
    }

    async fn code(&self, key: &str) -> Answer<Vec<u8>> {
        self.code_of(&digest(key)).await
    }

    /// What is stored of a chosen key: a code that only the keystore can make of its digest.
    pub async fn code_of(&self, digest: &[u8]) -> Answer<Vec<u8>> {
        let away = |error: &str| {
            tracing::warn!(error, "the keystore makes no code of a chosen API key");
            let text = "chosen API keys cannot be checked: the keystore does not answer";
            Failure::new(ErrorReason::ServiceUnavailable, text)
        };
        let keystore = self.keystore.get().ok_or_else(|| away("it is not known yet"))?;
        let mut data = b"entente chosen API key\n".to_vec();
        data.extend_from_slice(digest);
        // Any tenant would do: the code is the suite's.
        let request = for_tenant(DEFAULT_TENANT, MacRequest { data: data.into() });
        let request = request.map_err(|status| away(status.message()))?;
        let answer = keystore.clone().mac(request).await;
        let answer = answer.map_err(|status| away(status.message()))?;
        Ok(answer.into_inner().mac.to_vec())
    }
}

fn check_name(name: &str) -> Answer<()> {
    let length = name.chars().count();
    if length == 0 || length > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Failure::field("name", "must have 1 to 128 characters, none of control"));
    }
    Ok(())
}
