//! The master key in a file of its own: 32 bytes, for the owner only. A change writes the next key beside it, commits,
//! and renames, so that the key that the store needs is always in one of the two.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Master, MasterKeyError};
use crate::seal::{Secret32, random};

const LEN: usize = 32;

/// The key that the verifier names. After a crash in a change it may still be in the file beside, and is then put in
/// its place.
pub(super) fn find(path: &Path, verifier: &[u8]) -> Result<Master, MasterKeyError> {
    let key = read(path)?;
    if let Some(secret) = &key
        && let Ok(master) = Master::check(secret, verifier)
    {
        return Ok(master);
    }
    let next = next(path);
    if let Some(secret) = read(&next)?
        && let Ok(master) = Master::check(&secret, verifier)
    {
        std::fs::rename(&next, path)
            .and_then(|()| sync_directory(path))
            .map_err(|source| failed("replace", path, source))?;
        return Ok(master);
    }
    let path = path.to_owned();
    Err(if key.is_some() {
        MasterKeyError::WrongFile { path }
    } else {
        MasterKeyError::Missing { path }
    })
}

/// Writes the next key beside. What is there is the rest of a change that was not committed; the caller has found the
/// key in its place, and is the only one who changes it.
pub(super) fn write_next(path: &Path, secret: &Secret32) -> Result<(), MasterKeyError> {
    let next = next(path);
    match std::fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed("remove", &next, error))
        }
        _ => create(&next, secret),
    }
}

/// The file of the next key, while a change is under way.
fn next(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".next");
    name.into()
}

/// The key in the file, which is made if there is none.
pub(super) fn read_or_create(path: &Path) -> Result<Secret32, MasterKeyError> {
    if let Some(secret) = read(path)? {
        return Ok(secret);
    }
    let secret = random()?;
    match create(path, &secret) {
        // Another process was faster.
        Err(MasterKeyError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
            read(path)?.ok_or_else(|| MasterKeyError::Missing { path: path.to_owned() })
        }
        created => created.map(|()| secret),
    }
}

/// Writes a key to a new file, and both to the disk.
fn create(path: &Path, secret: &Secret32) -> Result<(), MasterKeyError> {
    let failed = |source| failed("create", path, source);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(secret.as_slice()).and_then(|()| file.sync_all()).map_err(failed)?;
    sync_directory(path).map_err(failed)
}

/// The key in a file; `None` if there is no file.
fn read(path: &Path) -> Result<Option<Secret32>, MasterKeyError> {
    let failed = |source| failed("read", path, source);
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    check_mode(&file, path)?;
    // One byte more than it may have, to see that there is no more.
    let mut bytes = Zeroizing::new([0; LEN + 1]);
    let mut actual = 0;
    while let Some(rest) = bytes.get_mut(actual..).filter(|rest| !rest.is_empty()) {
        match file.read(rest).map_err(failed)? {
            0 => break,
            count => actual += count,
        }
    }
    match bytes.first_chunk::<LEN>() {
        Some(secret) if actual == LEN => Ok(Some(Zeroizing::new(*secret))),
        _ => Err(MasterKeyError::Size { path: path.to_owned(), actual }),
    }
}

#[cfg(unix)]
fn check_mode(file: &File, path: &Path) -> Result<(), MasterKeyError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata().map_err(|source| failed("read", path, source))?.permissions().mode()
        & 0o777;
    if mode & 0o077 != 0 {
        return Err(MasterKeyError::Exposed { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &File, _: &Path) -> Result<(), MasterKeyError> {
    Ok(())
}

/// A new name in a directory is on the disk only after this.
fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> MasterKeyError {
    MasterKeyError::Io { action, path: path.to_owned(), source }
}
