//! The data directory, for its owner only, and the API key in it.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRng as _;
use rand::rngs::SysRng;

use super::ServeError;

/// The generated API key, in the data directory.
pub const API_KEY_FILE: &str = "admin-api-key";

/// Makes the directory, with mode 0700; one that exists is closed to others.
pub(super) fn prepare(path: &Path) -> Result<(), ServeError> {
    let refused = |source| ServeError::DataDir { path: path.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(refused)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(refused)
}

/// The API key of the directory, made with mode 0600 if there is none; true if it is new.
pub(super) fn api_key(directory: &Path) -> Result<(String, bool), ServeError> {
    let path = directory.join(API_KEY_FILE);
    let refused = |source| ServeError::DataDir { path: path.clone(), source };
    let mut bytes = [0; 32];
    SysRng.try_fill_bytes(&mut bytes).map_err(|_| ServeError::Randomness)?;
    let key = URL_SAFE_NO_PAD.encode(bytes);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            file.write_all(format!("{key}\n").as_bytes())
                .and_then(|()| file.sync_all())
                .map_err(refused)?;
            Ok((key, true))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let kept = std::fs::read_to_string(&path).map_err(refused)?.trim().to_owned();
            if kept.is_empty() {
                return Err(refused(std::io::Error::other(
                    "it is empty; remove it, and a new key is made",
                )));
            }
            Ok((kept, false))
        }
        Err(error) => Err(refused(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_for_its_owner_only() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("a/b");
        prepare(&directory).unwrap();
        let (key, new) = api_key(&directory).unwrap();
        assert!(new && key.len() == 43, "{}", key.len());
        assert_eq!(api_key(&directory).unwrap(), (key, false));
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&directory.join(API_KEY_FILE))), (0o700, 0o600));
    }
}
