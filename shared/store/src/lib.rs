//! The one way to a database: pools, migrations, transactions and errors.
//!
//! Each service keeps its own tables with its own migrations. SQL is written with `$1` parameters and plain types, so
//! that SQLite and PostgreSQL read the same text.

mod backup;
mod batch;
mod clock;
mod connection;
mod database;
mod drift;
mod error;
mod failure;
pub mod gate;
mod metrics;
mod migrations;
pub mod page;
mod pool;
mod query;
mod stripe;
mod tenants;
#[cfg(feature = "testing")]
pub mod testing;
mod transaction;
mod value;
mod words;
mod writer;

pub use backup::{RESTORED_STEP, check_sqlite, copy_sqlite};
pub use connection::Record;
pub use database::{Database, Durability, Reader};
pub use error::StoreError;
pub use migrations::Migrations;
pub use page::{PageToken, page_size};
pub use query::Query;
pub use tenants::Tenants;
pub use transaction::Transaction;
pub use value::Value;
pub use words::Words;
