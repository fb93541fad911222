use std::path::PathBuf;

use entente_store::StoreError;

use crate::seal::SealError;

/// Why the master key cannot be found, made or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MasterKeyError {
    /// The store was made with a key file that is not there.
    #[error(
        "the master key file {} is missing, and the keys in the store open with no other; put it back from a backup",
        .path.display()
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// Others may read the file.
    #[error(
        "the master key file {} has the mode {mode:03o}, so that others than its owner may use it; run chmod 600 on it",
        .path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not 32 bytes.
    #[error("the master key file {} has {actual} bytes, not 32; put it back from a backup", .path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// Its size; at most 33 are read.
        actual: usize,
    },
    /// A key file of another store.
    #[error("the master key file {} is not the one that the store was made with", .path.display())]
    WrongFile {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("cannot {action} the master key file {}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Another passphrase than the store was made with.
    #[error("the passphrase is not the one that the store was made with")]
    WrongPassphrase,
    /// No passphrase.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// The configuration names a file, the store has a passphrase.
    #[error(
        "the store's master key comes from a passphrase; give the passphrase instead of a key file"
    )]
    FromPassphrase,
    /// The configuration gives a passphrase, the store has a file.
    #[error("the store's master key is in a file; leave the passphrase out")]
    FromFile,
    /// Argon2id's cost in the store is not one that we would have chosen.
    #[error("the cost of Argon2id in the store is out of bounds: {0}")]
    Cost(String),
    /// A key could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The process is shutting down.
    #[error("the work was stopped: the process is shutting down")]
    Stopped,
}
