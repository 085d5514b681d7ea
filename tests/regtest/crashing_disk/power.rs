//! The power of two disks: it goes at their n-th write, set-length or sync together, and the process with it.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use redb::StorageBackend;

use crate::dice::Dice;
use crate::disk::Disk;

/// What a sync takes on a real disk. Whoever does not wait for it where he should gets ahead of it meanwhile.
const SYNC: Duration = Duration::from_millis(2);

/// Powers the disks of a process. Nothing on them moves while it is going.
pub struct Power(Mutex<Supply>);

struct Supply {
    disks: Vec<(Disk, PathBuf)>,
    dice: Dice,
    /// Operations that are left; without a number it stays.
    left: Option<u64>,
    /// Operations are not counted for now.
    steady: bool,
    /// What was done last.
    last: String,
    /// Where it is noted why it went.
    note: PathBuf,
}

impl Power {
    /// Goes after so many operations, if a number is given. `note` says afterwards why it went.
    pub fn new(seed: u64, operations: Option<u64>, note: PathBuf) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Supply {
            disks: Vec::new(),
            dice: Dice::of(seed),
            left: operations,
            steady: false,
            last: "nothing".to_owned(),
            note,
        })))
    }

    fn supply(&self) -> MutexGuard<'_, Supply> {
        self.0.lock().expect("no panic inside")
    }

    /// A disk that holds what the file does: nothing if there is none.
    pub fn disk(self: &Arc<Self>, file: &Path) -> PoweredDisk {
        let image = match fs::read(file) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.unwrap(),
        };
        let disk = Disk::holding(image);
        let mut supply = self.supply();
        supply.disks.push((disk.clone(), file.to_path_buf()));
        PoweredDisk {
            disk,
            number: supply.disks.len(),
            power: self.clone(),
        }
    }

    /// Whether it stays for now, whatever is written.
    pub fn steady(&self, steady: bool) {
        self.supply().steady = steady;
    }

    /// It goes now: the files hold what the disks do, and perhaps a part of what was not synced.
    pub fn cut(&self, why: &str) -> ! {
        self.supply().cut(why)
    }

    /// The files hold what the disks do, after both were closed.
    pub fn save(&self) {
        self.supply().save();
    }
}

impl Supply {
    fn save(&self) -> Vec<String> {
        let save = |(disk, file): &(Disk, PathBuf)| {
            let (image, left) = disk.crash(&self.dice);
            fs::write(file, image).unwrap();
            format!("{left:?}")
        };
        self.disks.iter().map(save).collect()
    }

    /// Whoever waits for the lock waits until the process is gone.
    fn cut(&self, why: &str) -> ! {
        let left = self.save().join(" ");
        fs::write(&self.note, format!("{why}\nunsynced left: {left}\n")).unwrap();
        std::process::abort()
    }

    /// Counts an operation that is about to be done.
    fn count(&mut self, disk: usize, operation: &str) {
        let this = format!("{operation} {disk}");
        match &mut self.left {
            Some(0) if !self.steady => {
                let why = format!("power between {} and {this}", self.last);
                self.cut(&why);
            }
            Some(left) if !self.steady => *left -= 1,
            Some(_) | None => {}
        }
        self.last = this;
    }
}

/// A disk whose process ends with it.
#[derive(Clone)]
pub struct PoweredDisk {
    disk: Disk,
    /// 1 or 2.
    number: usize,
    power: Arc<Power>,
}

impl fmt::Debug for PoweredDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.disk.fmt(f)
    }
}

impl StorageBackend for PoweredDisk {
    fn len(&self) -> io::Result<u64> {
        let _supply = self.power.supply();
        self.disk.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let _supply = self.power.supply();
        self.disk.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut supply = self.power.supply();
        supply.count(self.number, "resize of");
        self.disk.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.power.supply().count(self.number, "sync of");
        std::thread::sleep(SYNC);
        let _supply = self.power.supply();
        self.disk.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut supply = self.power.supply();
        supply.count(self.number, "write to");
        self.disk.write(offset, data)
    }
}
