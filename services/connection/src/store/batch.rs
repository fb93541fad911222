//! The parameters of statements, as the tables' modules write them.

pub(crate) use entente_store::values;
