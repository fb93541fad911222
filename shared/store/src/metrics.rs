//! How much of a database's pools is lent.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::Database;
use crate::pool::Pool;

struct Pools([(&'static str, Arc<Pool>); 2]);

impl fmt::Debug for Pools {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Pools")
    }
}

impl Collector for Pools {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = |name: &str, help: &str, value: fn(&Pool) -> usize| {
            let gauges = Family::<[(&str, &str); 1], Gauge>::default();
            for (pool, lending) in &self.0 {
                let value = i64::try_from(value(lending)).unwrap_or(i64::MAX);
                gauges.get_or_create(&[("pool", pool)]).set(value);
            }
            gauges.encode(encoder.encode_descriptor(name, help, None, gauges.metric_type())?)
        };
        family("database_connections_in_use", "Connections that are lent", Pool::in_use)?;
        family("database_connections_max", "Connections that are lent at most", Pool::size)
    }
}

impl Database {
    /// Shows the pools: `database_connections_in_use{pool}` and `database_connections_max{pool}`.
    pub fn register(&self, registry: &mut Registry) {
        let [writers, readers] = self.pools();
        registry.register_collector(Box::new(Pools([("writers", writers), ("readers", readers)])));
    }
}
