//! An agent that takes part: processes of this program, or one that runs already.

use entente_telemetry::process;

use super::BenchError;
use super::spawned::{Shape, Spawned};
use crate::api::Api;

pub(super) struct Agent {
    pub(super) api: Api,
    spawned: Option<Spawned>,
}

/// What an agent takes up, in bytes, as far as it can be read.
#[derive(serde::Serialize)]
pub(super) struct Size {
    resident_memory: Option<u64>,
    /// Of its files.
    disk: Option<u64>,
}

impl Agent {
    /// One that runs already. What it costs cannot be read.
    pub(super) fn running(url: &str, key: Option<&str>) -> Result<Self, BenchError> {
        Ok(Self { api: Api::new(url, key)?, spawned: None })
    }

    /// Processes of this program with an empty data directory, on free ports.
    pub(super) async fn spawn(label: &'static str, shape: &Shape) -> Result<Self, BenchError> {
        let spawned = Spawned::start(label, shape).await?;
        Ok(Self { api: Api::new(&spawned.grpc(), None)?, spawned: Some(spawned) })
    }

    /// Another connection to one that was started here.
    pub(super) fn another_api(&self) -> Result<Api, BenchError> {
        let grpc = self.spawned.as_ref().map(Spawned::grpc).unwrap_or_default();
        Ok(Api::new(&grpc, None)?)
    }

    /// Where peers reach one that was started here.
    pub(super) fn didcomm(&self) -> &str {
        self.spawned.as_ref().map(Spawned::didcomm).unwrap_or_default()
    }

    /// CPU time used so far, in seconds.
    pub(super) fn cpu_seconds(&self) -> Option<f64> {
        self.spawned.as_ref()?.cpu_seconds()
    }

    /// Its memory that is no file's, in bytes.
    pub(super) fn anonymous_memory(&self) -> Option<u64> {
        self.spawned.as_ref()?.sum(process::anonymous_memory)
    }

    pub(super) fn open_files(&self) -> Option<u64> {
        self.spawned.as_ref()?.sum(process::open_files)
    }

    /// The size of its files, in bytes.
    pub(super) fn disk(&self) -> Option<u64> {
        self.spawned.as_ref()?.disk()
    }

    /// What it takes up.
    pub(super) fn size(&self) -> Size {
        let spawned = self.spawned.as_ref();
        Size {
            resident_memory: spawned.and_then(|spawned| spawned.sum(process::resident_memory)),
            disk: self.disk(),
        }
    }

    pub(super) async fn stop(self) {
        if let Some(spawned) = self.spawned {
            spawned.stop().await;
        }
    }
}
