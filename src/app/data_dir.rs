//! The data directory: made, locked, and its seed.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use super::{SEED_FILE, StartError};
use crate::adapters::entropy::SystemEntropy;
use crate::adapters::files::write_private;
use crate::config::Config;
use crate::ports::entropy::random;
use crate::store;
use crate::wallet::{Keychain, keychain};

/// Locked while a process uses the data directory.
const LOCK_FILE: &str = "tollway.lock";

/// Only the owner may look into the directory.
const PRIVATE: u32 = 0o700;

/// Makes the directory if it is not there. Only its owner may look into it, also if somebody else made it.
pub(super) fn make_private(dir: &Path) -> Result<(), StartError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(PRIVATE)
        .create(dir)
        .map_err(|e| StartError::File(dir.to_owned(), e))?;
    fs::set_permissions(dir, fs::Permissions::from_mode(PRIVATE))
        .map_err(|e| StartError::NotPrivate(dir.to_owned(), e))
}

/// One process a data directory, from before the first file in it is read: a second one must not even make a seed.
pub(super) fn lock(dir: &Path) -> Result<fs::File, StartError> {
    let path = dir.join(LOCK_FILE);
    let file_error = |e| StartError::File(path.clone(), e);
    let file = fs::File::create(&path).map_err(file_error)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(store::OpenError::InUse.into()),
        Err(fs::TryLockError::Error(e)) => Err(file_error(e)),
    }
}

/// Reads the seed, or makes one on the very first start. A database without its seed is never given another.
pub(super) fn open_seed(
    config: &Config,
    has_store: bool,
    entropy: SystemEntropy,
) -> Result<Keychain, StartError> {
    let path = config.data_dir.join(SEED_FILE);
    let file_error = |e| StartError::File(path.clone(), e);
    let words = match fs::read_to_string(&path) {
        Ok(words) => words,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && !has_store => {
            let words = keychain::new_mnemonic(random(&entropy));
            write_private(&path, &words).map_err(file_error)?;
            words
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(StartError::Seed(format!(
                "there is a database but no seed: put the seed's words back into {}",
                path.display()
            )));
        }
        Err(e) => return Err(file_error(e)),
    };
    Keychain::from_mnemonic(&words, config.network).map_err(StartError::Seed)
}
