//! Lists that come in pages.

use entente_rpc::Status;
use prost::Message;

use super::Failed;
use crate::output::{Column, Output, to_value};

/// The largest page that the services give.
const LARGEST: usize = 1000;

/// How much of a list is given when nothing is said.
const DEFAULT: usize = 100;

/// How much of a list is wanted.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Limit {
    /// At most this many; 0 for all
    #[arg(long, default_value_t = DEFAULT, value_name = "N")]
    limit: usize,
}

impl Default for Limit {
    fn default() -> Self {
        Self { limit: DEFAULT }
    }
}

impl Limit {
    /// Prints the records that [`collect`](Self::collect) gives, which are messages of the type `name`.
    pub(super) async fn print<T: Message>(
        self,
        output: Output,
        name: &str,
        columns: &[Column],
        fetch: impl AsyncFn(i32, String) -> Result<(Vec<T>, String), Status>,
    ) -> Result<(), Failed> {
        let records = self.collect(fetch).await?;
        let rows: Vec<_> = records.iter().map(|record| to_value(name, record)).collect();
        output.list(&rows, columns);
        Ok(())
    }

    /// Fetches pages until there are enough. `fetch` takes the page's size and token, and gives items and the next token.
    pub(super) async fn collect<T>(
        self,
        fetch: impl AsyncFn(i32, String) -> Result<(Vec<T>, String), Status>,
    ) -> Result<Vec<T>, Status> {
        let wanted = if self.limit == 0 { usize::MAX } else { self.limit };
        let (mut items, mut token) = (Vec::new(), String::new());
        loop {
            let size = (wanted - items.len()).min(LARGEST);
            let (page, next) = fetch(i32::try_from(size).unwrap_or(i32::MAX), token).await?;
            items.extend(page);
            if next.is_empty() || items.len() >= wanted {
                items.truncate(wanted);
                return Ok(items);
            }
            token = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pages_are_fetched_until_there_are_enough() {
        let fetch = async |size: i32, token: String| {
            let begin: i32 = token.parse().unwrap_or(0);
            let end = (begin + size.min(400)).min(1000);
            Ok((
                (begin..end).collect::<Vec<_>>(),
                if end < 1000 { end.to_string() } else { String::new() },
            ))
        };
        for (limit, expected) in [(0, 1000), (1, 1), (450, 450), (5000, 1000)] {
            let items = Limit { limit }.collect(fetch).await.unwrap();
            assert_eq!(items, (0..expected).collect::<Vec<_>>());
        }
    }
}
