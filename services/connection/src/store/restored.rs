//! What a database needs that was restored from a backup, before services work on it.

use entente_store::{Database, Durability, StoreError, Tenants, values};

use super::MIGRATIONS;
use crate::events::epoch::STEP;

/// Lets the logs of all tenants go on where no cursor can be that saw an event after the backup, and says how many logs
/// there are. Run it once on what a restore gave, before the first service: a reader of lost events gets OUT_OF_RANGE
/// (CURSOR_IN_FUTURE) then, and one that had read less goes on.
///
/// # Errors
/// When the database cannot be opened or changed.
pub async fn begin_new_epoch(url: &str) -> Result<u64, StoreError> {
    let database = Database::connect(url, Durability::Full, &MIGRATIONS).await?;
    let mut transaction = database.write_in("", Tenants::All).await?;
    let at_end = "UPDATE consumers SET sequence = sequence + $1 WHERE EXISTS (SELECT 1 FROM logs \
                  WHERE logs.tenant = consumers.tenant AND last_sequence = consumers.sequence)";
    transaction.execute(at_end, values![STEP]).await?;
    let logs = "UPDATE logs SET last_sequence = last_sequence + $1";
    let count = transaction.execute(logs, values![STEP]).await?;
    transaction.commit::<()>().await?;
    database.close().await;
    Ok(count)
}
