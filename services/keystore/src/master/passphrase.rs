//! The master key from a passphrase, by Argon2id.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

use super::MasterKeyError;
use crate::seal::Secret32;
use crate::store::Argon2Cost;

impl Argon2Cost {
    /// RFC 9106's second recommendation: 64 MiB, three passes, four lanes.
    pub(super) const CHOSEN: Self = Self { memory_kib: 64 * 1024, iterations: 3, lanes: 4 };
    /// The most that we spend because a database says so.
    const MOST: Self = Self { memory_kib: 1024 * 1024, iterations: 32, lanes: 64 };
}

/// The key of a passphrase. Takes a good part of a second and 64 MiB.
pub(super) fn derive(
    passphrase: &str,
    salt: &[u8],
    cost: Argon2Cost,
) -> Result<Secret32, MasterKeyError> {
    if passphrase.is_empty() {
        return Err(MasterKeyError::EmptyPassphrase);
    }
    let refused = |error: argon2::Error| MasterKeyError::Cost(error.to_string());
    let most = Argon2Cost::MOST;
    if cost.memory_kib > most.memory_kib
        || cost.iterations > most.iterations
        || cost.lanes > most.lanes
    {
        return Err(MasterKeyError::Cost(format!("{cost:?}, at most {most:?}")));
    }
    let params =
        Params::new(cost.memory_kib, cost.iterations, cost.lanes, Some(32)).map_err(refused)?;
    // Our own memory rather than the library's, which is not zeroized.
    let mut memory = Zeroizing::new(Vec::new());
    memory
        .try_reserve_exact(params.block_count())
        .map_err(|error| MasterKeyError::Cost(error.to_string()))?;
    memory.resize(params.block_count(), Block::new());
    let mut secret = Secret32::default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(
            passphrase.as_bytes(),
            salt,
            secret.as_mut_slice(),
            memory.as_mut_slice(),
        )
        .map_err(refused)?;
    Ok(secret)
}
