//! Plain files for LDK's caches: written beside and renamed, not synced.
//!
//! A file begins with the sha256 of the rest. A power cut may leave a torn one; it counts as missing, since LDK
//! would refuse to start over a cache it can't read.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use tracing::warn;

const HASH_LEN: usize = 32;

/// The folder of the cache files.
pub(super) struct CacheFiles(PathBuf);

impl CacheFiles {
    /// Files in this folder, which exists.
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// The content, if there is one and it is whole.
    pub(super) fn read(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.0.join(name);
        let mut content = match fs::read(&path) {
            Ok(content) => content,
            Err(error) => {
                if error.kind() != ErrorKind::NotFound {
                    warn!("the cache {} can't be read: {error}", path.display());
                }
                return None;
            }
        };
        if content.len() < HASH_LEN {
            return None;
        }
        let value = content.split_off(HASH_LEN);
        if Sha256::digest(&value)[..] != content[..] {
            warn!("the cache {} is torn and starts anew", path.display());
            return None;
        }
        Some(value)
    }

    /// Replaces the content. A failure is logged: it is only a cache.
    pub(super) fn write(&self, name: &str, value: &[u8]) {
        let path = self.0.join(name);
        let beside = self.0.join(format!("{name}.new"));
        let mut content = Sha256::digest(value).to_vec();
        content.extend_from_slice(value);
        if let Err(error) = fs::write(&beside, content).and_then(|()| fs::rename(&beside, &path)) {
            warn!("the cache {} can't be written: {error}", path.display());
        }
    }

    /// Removes it, if it is there.
    pub(super) fn remove(&self, name: &str) {
        let path = self.0.join(name);
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != ErrorKind::NotFound
        {
            warn!("the cache {} can't be removed: {error}", path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_file_counts_as_missing() {
        let folder = tempfile::tempdir().unwrap();
        let files = CacheFiles::new(folder.path().to_path_buf());
        assert_eq!(files.read("scorer"), None);
        files.write("scorer", b"what we learned");
        assert_eq!(files.read("scorer").unwrap(), b"what we learned");

        let path = folder.path().join("scorer");
        let mut content = fs::read(&path).unwrap();
        content.pop();
        fs::write(&path, &content).unwrap();
        assert_eq!(files.read("scorer"), None);
        fs::write(&path, b"").unwrap();
        assert_eq!(files.read("scorer"), None);

        files.write("scorer", b"again");
        files.remove("scorer");
        files.remove("scorer");
        assert_eq!(files.read("scorer"), None);
    }
}
