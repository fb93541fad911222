//! Database pools, migrations and transactions
