//! What is stored of the master key, and its change.

use entente_store::{StoreError, Tenants, Transaction, values};

use super::{EVERYTHING, Store};

/// Argon2id's cost (RFC 9106, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Argon2Cost {
    pub(crate) memory_kib: u32,
    pub(crate) iterations: u32,
    pub(crate) lanes: u32,
}

/// Where the master key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MasterKeySource {
    File,
    Passphrase { salt: Vec<u8>, cost: Argon2Cost },
}

/// The row of the master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MasterKeyRecord {
    pub(crate) source: MasterKeySource,
    pub(crate) verifier: Vec<u8>,
}

type Row = (String, Option<Vec<u8>>, Option<i64>, Option<i64>, Option<i64>, Vec<u8>);

impl MasterKeyRecord {
    fn from_row(
        (source, salt, memory_kib, iterations, lanes, verifier): Row,
    ) -> Result<Self, StoreError> {
        let cost = |value: Option<i64>| {
            value
                .and_then(|value| u32::try_from(value).ok())
                .ok_or(StoreError::corrupt("cost of Argon2id"))
        };
        let source = match (source.as_str(), salt) {
            ("file", None) => MasterKeySource::File,
            ("passphrase", Some(salt)) => MasterKeySource::Passphrase {
                salt,
                cost: Argon2Cost {
                    memory_kib: cost(memory_kib)?,
                    iterations: cost(iterations)?,
                    lanes: cost(lanes)?,
                },
            },
            _ => return Err(StoreError::corrupt("source of the master key")),
        };
        Ok(Self { source, verifier })
    }

    fn into_row(self) -> Row {
        let Self { source, verifier } = self;
        match source {
            MasterKeySource::File => ("file".to_owned(), None, None, None, None, verifier),
            MasterKeySource::Passphrase { salt, cost } => (
                "passphrase".to_owned(),
                Some(salt),
                Some(cost.memory_kib.into()),
                Some(cost.iterations.into()),
                Some(cost.lanes.into()),
                verifier,
            ),
        }
    }
}

const SELECT: &str = "SELECT source, salt, memory_kib, iterations, lanes, verifier FROM master_key";

impl Store {
    /// The record, `None` in a new store.
    pub(crate) async fn master_key(&self) -> Result<Option<MasterKeyRecord>, StoreError> {
        let row: Option<Row> =
            self.database.read(Tenants::All).await?.optional(SELECT, values![]).await?;
        row.map(MasterKeyRecord::from_row).transpose()
    }

    /// Stores the first record unless there is one, and gives the one that is stored.
    pub(crate) async fn add_master_key(
        &self,
        record: MasterKeyRecord,
    ) -> Result<MasterKeyRecord, StoreError> {
        let mut transaction = self.database.write_in(EVERYTHING, Tenants::All).await?;
        let (source, salt, memory_kib, iterations, lanes, verifier) = record.into_row();
        transaction.write(
            "INSERT INTO master_key (singleton, source, salt, memory_kib, iterations, lanes, verifier) \
             VALUES (1, $1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            values![source, salt, memory_kib, iterations, lanes, verifier],
        );
        transaction.write(SELECT, Vec::new());
        let row: Row = transaction.commit().await?.pop().ok_or(StoreError::NotFound)?;
        MasterKeyRecord::from_row(row)
    }

    /// Puts `next` in the place of the record with the verifier `known`, and wraps every tenant key anew with `wrap`
    /// (tenant, wrapped), in one transaction. `prepare` is done inside it, when no other process can do the same, and
    /// before the commit. Gives the number of tenant keys; `Conflict` if another process was faster.
    pub(crate) async fn change_master_key<E: From<StoreError>>(
        &self,
        known: &[u8],
        next: MasterKeyRecord,
        prepare: impl Future<Output = Result<(), E>>,
        wrap: impl Fn(&str, &[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<usize, E> {
        let mut transaction = self.database.write_in(EVERYTHING, Tenants::All).await?;
        replace_record(&mut transaction, known, next).await?;
        prepare.await?;
        let tenants: Vec<(String, Vec<u8>)> =
            transaction.fetch("SELECT tenant, wrapped FROM tenant_keys", Vec::new()).await?;
        for (tenant, wrapped) in &tenants {
            transaction.write(
                "UPDATE tenant_keys SET wrapped = $2 WHERE tenant = $1",
                values![tenant, wrap(tenant, wrapped)?],
            );
        }
        transaction.commit::<()>().await?;
        Ok(tenants.len())
    }
}

async fn replace_record(
    transaction: &mut Transaction,
    known: &[u8],
    next: MasterKeyRecord,
) -> Result<(), StoreError> {
    let (source, salt, memory_kib, iterations, lanes, verifier) = next.into_row();
    let changed: Vec<(i64,)> = transaction
        .fetch(
            "UPDATE master_key SET source = $1, salt = $2, memory_kib = $3, iterations = $4, lanes = $5, \
             verifier = $6 WHERE verifier = $7 RETURNING singleton",
            values![source, salt, memory_kib, iterations, lanes, verifier, known],
        )
        .await?;
    if changed.len() == 1 { Ok(()) } else { Err(StoreError::Conflict) }
}
