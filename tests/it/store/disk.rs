//! A disk in memory that counts how often it is asked to be durable, and may be full.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

/// A disk; clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct CountingDisk {
    bytes: Arc<Mutex<Vec<u8>>>,
    syncs: Arc<AtomicU64>,
    /// The file may not grow beyond this.
    room: Arc<Mutex<Option<u64>>>,
}

impl CountingDisk {
    /// How often it was synced.
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::SeqCst)
    }

    /// No more room than the file takes now; all there is if `false`.
    pub fn set_full(&self, full: bool) {
        let length = self.len().expect("a length");
        *self.room.lock().expect("no panic inside") = full.then_some(length);
    }

    fn with<T>(&self, look: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        look(&mut self.bytes.lock().expect("no panic inside"))
    }
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).expect("small")
}

impl StorageBackend for CountingDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.with(|bytes| u64::try_from(bytes.len()).expect("small")))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let from = place(offset);
        self.with(|bytes| {
            let found = bytes.get(from..from + out.len());
            out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let room = *self.room.lock().expect("no panic inside");
        if room.is_some_and(|room| len > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.with(|bytes| bytes.resize(place(len), 0));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let from = place(offset);
        self.with(|bytes| {
            let found = bytes.get_mut(from..from + data.len());
            found
                .ok_or(io::ErrorKind::UnexpectedEof)?
                .copy_from_slice(data);
            Ok(())
        })
    }
}
