//! All that is a tenant's: counting and removing it.

use entente_store::{StoreError, values};

use super::Work;

/// The tables with the rest of their primary keys. The log is the last, by which the tenant is known.
const TABLES: &[(&str, &str)] = &[
    ("webhooks", "id"),
    ("leases", "name"),
    ("outbox", "id"),
    ("invitations", "id"),
    ("acceptances", "id"),
    ("exchanges", "id"),
    ("connections", "id"),
    ("absorbed", "id"),
    ("peers", "my_key, their_key"),
    ("dids", "did"),
    ("basic_messages", "connection_id, id"),
    ("inbox", "sender_key, message_id"),
    ("requests", "method, request_id"),
    ("dead_letters", "consumer, sequence"),
    ("consumers", "name"),
    ("events", "sequence"),
    ("logs", "tenant"),
];

/// What there may be only so many of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Counted {
    Connections,
    Invitations,
}

impl Counted {
    /// The table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Invitations => "invitations",
        }
    }
}

impl Work {
    /// How many of them the tenant has, counted up to a number.
    pub async fn count_up_to(&mut self, what: Counted, most: i64) -> Result<i64, StoreError> {
        let sql = format!(
            "SELECT COUNT(*) FROM (SELECT 1 AS one FROM {} WHERE tenant = $1 LIMIT $2) AS counted",
            what.as_str()
        );
        let counted = self.fetch::<(i64,)>(&sql, values![self.tenant(), most]).await?.pop();
        Ok(counted.map_or(0, |(count,)| count))
    }

    /// Removes at most `limit` rows of the tenant, and says how many. Nothing is left when it is fewer.
    pub async fn delete_tenant(&mut self, limit: u64) -> Result<u64, StoreError> {
        let mut removed = 0;
        for (table, key) in TABLES {
            let left = i64::try_from(limit - removed).unwrap_or(i64::MAX);
            let sql = format!(
                "DELETE FROM {table} WHERE tenant = $1 AND ({key}) IN \
                 (SELECT {key} FROM {table} WHERE tenant = $1 LIMIT $2)"
            );
            removed += self.execute(&sql, values![self.tenant(), left]).await?;
            if removed >= limit {
                return Ok(limit);
            }
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_of_tenants_is_emptied() {
        let steps = crate::store::MIGRATIONS.sqlite.iter().map(|step| step.sql.as_str().to_owned());
        let text = steps.collect::<Vec<_>>().concat();
        for table in text.split("CREATE TABLE ").skip(1) {
            let (name, rest) = table.split_once(' ').unwrap();
            let has_tenant = rest.split(';').next().unwrap().contains("tenant");
            let known = TABLES.iter().any(|(table, _)| *table == name);
            assert_eq!(has_tenant, known, "{name}");
        }
    }
}
