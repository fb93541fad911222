//! A keystore in a temporary directory.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

use entente_keystore::{Config, MasterKeyError, Service, StartError, start};
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::keystore::v1 as pb;
use entente_rpc::{ErrorReason, Failure, Link, Request, Response, Status};
use pb::keystore_service_client::KeystoreServiceClient;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

/// A keystore and a caller of it.
pub struct Keystore {
    pub directory: tempfile::TempDir,
    pub service: Service,
    pub caller: Caller,
}

/// Calls, with the parts of the answers that the tests look at.
#[derive(Clone)]
pub struct Caller {
    pub client: KeystoreServiceClient<Link>,
}

impl Deref for Keystore {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl DerefMut for Keystore {
    fn deref_mut(&mut self) -> &mut Caller {
        &mut self.caller
    }
}

impl Keystore {
    pub async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    pub async fn start_in(directory: tempfile::TempDir) -> Self {
        let service = start(Config::in_directory(directory.path()), None).await.unwrap();
        Self::of(directory, service)
    }

    pub fn of(directory: tempfile::TempDir, service: Service) -> Self {
        let caller = Caller { client: KeystoreServiceClient::new(service.link()) };
        Self { directory, service, caller }
    }

    /// Stops it.
    pub async fn stop(self) -> tempfile::TempDir {
        self.service.shutdown().await;
        self.directory
    }

    /// Stops it and starts it on the same data.
    pub async fn restart(self) -> Self {
        Self::start_in(self.stop().await).await
    }

    pub fn master_key_file(&self) -> PathBuf {
        self.directory.path().join("master.key")
    }
}

impl Caller {
    pub async fn create(&mut self, tenant: &str) -> String {
        self.create_of(tenant, pb::KeyType::Unspecified).await
    }

    pub async fn create_of(&mut self, tenant: &str, key_type: pb::KeyType) -> String {
        let request = pb::CreateKeyRequest { r#type: key_type.into(), ..Default::default() };
        let response = self.client.create_key(by(tenant, request)).await.unwrap().into_inner();
        response.key.unwrap().multibase
    }

    pub async fn import(
        &mut self,
        tenant: &str,
        key_type: pb::KeyType,
        bytes: &[u8],
    ) -> Result<String, Failure> {
        let request =
            pb::ImportKeyRequest { r#type: key_type.into(), private_key: bytes.to_vec().into() };
        let key = answer(self.client.import_key(by(tenant, request)).await)?.key.unwrap();
        Ok(key.multibase)
    }

    pub async fn sign(&mut self, tenant: &str, key: &str) -> Result<Vec<u8>, Failure> {
        let request =
            pb::SignRequest { key: key.to_owned(), payload: b"payload".as_slice().into() };
        Ok(answer(self.client.sign(by(tenant, request)).await)?.signature.to_vec())
    }

    pub async fn pack(
        &mut self,
        tenant: &str,
        to: &[&str],
        from: &str,
    ) -> Result<Vec<u8>, Failure> {
        let request = pb::PackRequest {
            plaintext: b"{\"@id\":\"1\"}".as_slice().into(),
            recipient_keys: to.iter().map(ToString::to_string).collect(),
            sender_key: from.to_owned(),
            ..pb::PackRequest::default()
        };
        Ok(answer(self.client.pack(by(tenant, request)).await)?.envelope.to_vec())
    }

    pub async fn unpack(&mut self, envelope: &[u8]) -> Result<pb::UnpackResponse, Failure> {
        let request =
            pb::UnpackRequest { envelope: envelope.to_vec().into(), ..Default::default() };
        answer(self.client.unpack(by("gateway", request)).await)
    }

    pub async fn rotate(&mut self) -> Result<i32, Failure> {
        let response = self.client.rotate_master_key(by("a", pb::RotateMasterKeyRequest {})).await;
        Ok(answer(response)?.tenant_keys)
    }
}

/// Why the keystore does not start.
pub async fn refusal(config: Config) -> MasterKeyError {
    match start(config, None).await {
        Ok(_) => panic!("the keystore started"),
        Err(StartError::MasterKey(error)) => error,
        Err(other) => panic!("{other}"),
    }
}

/// Changes the database behind the keystore's back.
pub async fn tamper(directory: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(directory.join("keystore.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    assert!(sqlx::query(sql).execute(&mut connection).await.unwrap().rows_affected() > 0);
    connection.close().await.unwrap();
}

pub fn by<T>(tenant: &str, message: T) -> Request<T> {
    for_tenant(tenant, message).unwrap()
}

pub fn answer<T>(response: Result<Response<T>, Status>) -> Result<T, Failure> {
    response.map(Response::into_inner).map_err(|status| Failure::of(&status))
}

/// The reason of an error, and the field it names.
pub fn reason<T>(result: Result<T, Failure>) -> (ErrorReason, String) {
    let Err(failure) = result else { panic!("the call succeeded") };
    let field = failure.violations.first().map(|(field, _)| field.clone());
    let field = field.or_else(|| failure.metadata("field").map(str::to_owned));
    (failure.reason, field.unwrap_or_default())
}
