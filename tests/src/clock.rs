//! A clock that a test sets, of a process under libfaketime.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::suite::tool;

/// The clock.
pub struct Clock {
    folder: TempDir,
    library: PathBuf,
}

impl Clock {
    /// One that goes right; `None`, and loudly, where there is no libfaketime.
    #[must_use]
    pub fn prepare() -> Option<Self> {
        let place = "faketime/libfaketimeMT.so.1";
        let library = tool("ENTENTE_TEST_FAKETIME", place, "faketime")?.canonicalize().unwrap();
        let clock = Self { folder: tempfile::tempdir().unwrap(), library };
        clock.set("+0");
        Some(clock)
    }

    /// What a process is to be started by. Its clocks that only go forward do not jump with the others.
    #[must_use]
    pub fn under(&self) -> Vec<String> {
        vec![
            "env".to_owned(),
            format!("LD_PRELOAD={}", self.library.display()),
            format!("FAKETIME_TIMESTAMP_FILE={}", self.file().display()),
            "FAKETIME_NO_CACHE=1".to_owned(),
            "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
        ]
    }

    /// Sets it off from the right time: `+3h`, `-10m`, `+0`.
    pub fn set(&self, offset: &str) {
        std::fs::write(self.file(), offset).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("offset")
    }
}
