//! The one way to a database: pools, migrations, transactions and errors.
//!
//! Each service keeps its own database with its own migrations. SQL is written with `$1` parameters and plain types, so
//! that SQLite and PostgreSQL read the same text.

mod batch;
mod database;
mod error;
mod failure;
mod page;
mod transaction;
mod writer;

pub use batch::Value;
pub use database::{Database, Durability, Reader};
pub use error::StoreError;
pub use page::{PageToken, page_size};
pub use transaction::{Lease, Transaction};
