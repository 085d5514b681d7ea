//! A file that counts how often it is made durable, and can be made as slow as a rented disk.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redb::StorageBackend;
use redb::backends::FileBackend;

/// What a [`MeteredFile`] counts, and how slow it is.
#[derive(Debug, Default)]
pub struct Meter {
    syncs: AtomicU64,
    added_millis: AtomicU64,
}

impl Meter {
    /// Syncs since the file was opened.
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// From now on every sync takes this much longer.
    pub fn slow_down(&self, millis: u64) {
        self.added_millis.store(millis, Ordering::Relaxed);
    }
}

/// A file for redb with a [`Meter`] in it.
#[derive(Debug)]
pub struct MeteredFile {
    file: FileBackend,
    meter: Arc<Meter>,
}

impl MeteredFile {
    /// Opens or makes the file.
    pub fn open(path: &Path, meter: Arc<Meter>) -> Self {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .expect("a file on the disk");
        Self {
            file: FileBackend::new(file).expect("a file for redb"),
            meter,
        }
    }
}

impl StorageBackend for MeteredFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.meter.syncs.fetch_add(1, Ordering::Relaxed);
        let added = self.meter.added_millis.load(Ordering::Relaxed);
        if added > 0 {
            // The slowness of a disk is what is simulated here.
            std::thread::sleep(Duration::from_millis(added));
        }
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}
