//! The generated server: who calls, conversion, the call, and errors as statuses.

mod envelopes;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use entente_did::{KeyType, PublicKey};
use entente_rpc::proto::keystore::v1 as pb;
use entente_rpc::{Caller, Failure, MAX_MESSAGE, time_to_proto};
use pb::keystore_service_server::{KeystoreService, KeystoreServiceServer};
use tonic::{Request, Response, Status};
use zeroize::Zeroize as _;

use crate::error::KeystoreError;
use crate::keystore::Keystore;
use crate::store::KeyRow;

/// The server of a keystore.
pub(crate) type Server = KeystoreServiceServer<Grpc>;

pub(crate) fn server(keystore: Arc<Keystore>) -> Server {
    KeystoreServiceServer::new(Grpc { keystore })
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE)
}

pub(crate) struct Grpc {
    keystore: Arc<Keystore>,
}

impl Grpc {
    /// Does the work of an RPC, counts it and converts its error.
    async fn call<T>(
        &self,
        rpc: &'static str,
        work: impl Future<Output = Result<T, KeystoreError>>,
    ) -> Result<Response<T>, Status> {
        let began = Instant::now();
        let (outcome, answer) = match work.await {
            Ok(message) => (Cow::Borrowed("ok"), Ok(Response::new(message))),
            Err(error) => {
                let failure = Failure::from(error);
                (Cow::Owned(failure.reason.name().to_lowercase()), Err(failure.into()))
            }
        };
        self.keystore.metrics.call(rpc, outcome, began.elapsed());
        answer
    }
}

#[tonic::async_trait]
impl KeystoreService for Grpc {
    async fn create_key(
        &self,
        request: Request<pb::CreateKeyRequest>,
    ) -> Result<Response<pb::CreateKeyResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        self.call("CreateKey", async {
            let types = [key_type("type", request.r#type)?.unwrap_or(KeyType::Ed25519)];
            let pb::CreateKeyRequest { request_id, purpose, .. } = request;
            let keys =
                self.keystore.create_keys(&caller.tenant, &types, request_id, purpose).await?;
            Ok(pb::CreateKeyResponse { key: keys.first().map(to_key) })
        })
        .await
    }

    async fn create_keys(
        &self,
        request: Request<pb::CreateKeysRequest>,
    ) -> Result<Response<pb::CreateKeysResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        self.call("CreateKeys", async {
            let types = request.types.iter().enumerate().map(|(index, value)| {
                let field = format!("types[{index}]");
                key_type(&field, *value)?.ok_or_else(|| KeystoreError::field(field, "is missing"))
            });
            let types = types.collect::<Result<Vec<_>, _>>()?;
            let pb::CreateKeysRequest { request_id, purpose, .. } = request;
            let keys =
                self.keystore.create_keys(&caller.tenant, &types, request_id, purpose).await?;
            Ok(pb::CreateKeysResponse { keys: keys.iter().map(to_key).collect() })
        })
        .await
    }

    async fn import_key(
        &self,
        request: Request<pb::ImportKeyRequest>,
    ) -> Result<Response<pb::ImportKeyResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let answer = self
            .call("ImportKey", async {
                let key_type = key_type("type", request.r#type)?.ok_or_else(|| {
                    KeystoreError::field("type", "is missing; say which curve the key is of")
                })?;
                let key = self
                    .keystore
                    .import_key(&caller.tenant, key_type, &request.private_key)
                    .await?;
                Ok(pb::ImportKeyResponse { key: Some(to_key(&key)) })
            })
            .await;
        // The bytes are in the buffer that the request was read from, which is ours once nothing else refers to it.
        if let Ok(mut bytes) = request.private_key.try_into_mut() {
            bytes.as_mut().zeroize();
        }
        answer
    }

    async fn get_key(
        &self,
        request: Request<pb::GetKeyRequest>,
    ) -> Result<Response<pb::GetKeyResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        self.call("GetKey", async {
            let key = self.keystore.key(&caller.tenant, &request.key).await?;
            Ok(pb::GetKeyResponse { key: Some(to_key(&key)) })
        })
        .await
    }

    async fn list_keys(
        &self,
        request: Request<pb::ListKeysRequest>,
    ) -> Result<Response<pb::ListKeysResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        self.call("ListKeys", async {
            let pb::ListKeysRequest { page_size, page_token, purpose } = request;
            let page =
                self.keystore.list_keys(&caller.tenant, page_size, &page_token, &purpose).await?;
            let keys = page.keys.iter().map(to_key).collect();
            Ok(pb::ListKeysResponse { keys, next_page_token: page.next })
        })
        .await
    }

    async fn delete_key(
        &self,
        request: Request<pb::DeleteKeyRequest>,
    ) -> Result<Response<pb::DeleteKeyResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        self.call("DeleteKey", async {
            let deleted = self.keystore.delete_key(&caller.tenant, &request.key).await?;
            Ok(pb::DeleteKeyResponse { deleted })
        })
        .await
    }

    async fn sign(
        &self,
        request: Request<pb::SignRequest>,
    ) -> Result<Response<pb::SignResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        self.call("Sign", async {
            let signature =
                self.keystore.sign(&caller.tenant, &request.key, &request.payload).await?;
            Ok(pb::SignResponse { signature: signature.to_vec().into() })
        })
        .await
    }

    async fn verify(
        &self,
        request: Request<pb::VerifyRequest>,
    ) -> Result<Response<pb::VerifyResponse>, Status> {
        Caller::of(&request)?;
        let request = request.into_inner();
        self.call("Verify", async {
            let valid = self.keystore.verify(&request.key, &request.payload, &request.signature)?;
            Ok(pb::VerifyResponse { valid })
        })
        .await
    }

    async fn mac(
        &self,
        request: Request<pb::MacRequest>,
    ) -> Result<Response<pb::MacResponse>, Status> {
        Caller::of(&request)?;
        let request = request.into_inner();
        self.call("Mac", async {
            let mac = self.keystore.mac(&request.data).await?;
            Ok(pb::MacResponse { mac: mac.to_vec().into() })
        })
        .await
    }

    async fn pack(
        &self,
        request: Request<pb::PackRequest>,
    ) -> Result<Response<pb::PackResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        self.call("Pack", envelopes::pack(&self.keystore, &caller.tenant, request)).await
    }

    async fn unpack(
        &self,
        request: Request<pb::UnpackRequest>,
    ) -> Result<Response<pb::UnpackResponse>, Status> {
        Caller::of(&request)?;
        let request = request.into_inner();
        self.call("Unpack", envelopes::unpack(&self.keystore, request)).await
    }

    async fn rotate_master_key(
        &self,
        request: Request<pb::RotateMasterKeyRequest>,
    ) -> Result<Response<pb::RotateMasterKeyResponse>, Status> {
        Caller::of(&request)?;
        self.call("RotateMasterKey", async {
            let tenants = self.keystore.clone().rotate_master_key().await?;
            Ok(pb::RotateMasterKeyResponse {
                tenant_keys: i32::try_from(tenants).unwrap_or(i32::MAX),
            })
        })
        .await
    }

    async fn delete_tenant_keys(
        &self,
        request: Request<pb::DeleteTenantKeysRequest>,
    ) -> Result<Response<pb::DeleteTenantKeysResponse>, Status> {
        let caller = Caller::of(&request)?;
        self.call("DeleteTenantKeys", async {
            let (removed, done) = self.keystore.delete_tenant(&caller.tenant).await?;
            Ok(pb::DeleteTenantKeysResponse { removed, done })
        })
        .await
    }
}

/// `None` if the type is not given.
fn key_type(field: &str, value: i32) -> Result<Option<KeyType>, KeystoreError> {
    use pb::KeyType as T;
    Ok(Some(match T::try_from(value) {
        Ok(T::Unspecified) => return Ok(None),
        Ok(T::Ed25519) => KeyType::Ed25519,
        Ok(T::X25519) => KeyType::X25519,
        Ok(T::P256) => KeyType::P256,
        Ok(T::P384) => KeyType::P384,
        Ok(T::P521) => KeyType::P521,
        Err(_) => {
            let problem = "is not a type of key that this version knows";
            return Err(KeystoreError::field(field, problem));
        }
    }))
}

fn to_key(key: &KeyRow) -> pb::Key {
    let key_type = match key.public.key_type() {
        KeyType::Ed25519 => pb::KeyType::Ed25519,
        KeyType::X25519 => pb::KeyType::X25519,
        KeyType::P256 => pb::KeyType::P256,
        KeyType::P384 => pb::KeyType::P384,
        KeyType::P521 => pb::KeyType::P521,
        _ => pb::KeyType::Unspecified,
    };
    pb::Key {
        multibase: key.public.multibase(),
        r#type: key_type.into(),
        created_at: Some(time_to_proto(key.created_at)),
        purpose: key.purpose.clone(),
        made_with: key.made_with.as_ref().map(PublicKey::multibase).unwrap_or_default(),
    }
}
