//! What a database needs that was restored from a backup, before services work on it.

use entente_store::{Database, Durability, RESTORED_STEP, StoreError, Tenants, values};

use super::MIGRATIONS;
use super::audit::LAST;

/// Lets the audit go on where no cursor can be that saw an entry after the backup. Run it once on what a restore gave,
/// before the first service: a reader of lost entries gets OUT_OF_RANGE (CURSOR_IN_FUTURE) then, and one that had read less
/// goes on.
///
/// # Errors
/// When the database cannot be opened or changed.
pub async fn begin_new_epoch(url: &str) -> Result<(), StoreError> {
    let database = Database::connect(url, Durability::Full, &MIGRATIONS).await?;
    let mut transaction = database.write_in("", Tenants::All).await?;
    let last: Vec<(i64,)> = transaction.fetch(LAST, values![]).await?;
    let newest = last.first().map_or(0, |(last,)| *last);
    let gap = "INSERT INTO audit_gaps (newest, resumed_after) VALUES ($1, $2)";
    transaction.execute(gap, values![newest, newest + RESTORED_STEP]).await?;
    transaction.commit::<()>().await?;
    database.close().await;
    Ok(())
}
