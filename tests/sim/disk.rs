//! A disk that can lose what was not synced: whole, in part, or torn in the middle of a write.

use std::io;
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

use crate::dice::Dice;

/// What a disk writes in one piece, in bytes.
const SECTOR: usize = 512;

/// A disk; clones are the same disk.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// What was done since the last sync, in order.
    unsynced: Vec<Operation>,
    /// Operations until it dies.
    fuse: Option<u64>,
    dead: bool,
}

#[derive(Clone, Debug)]
enum Operation {
    Write { at: usize, data: Vec<u8> },
    Resize(usize),
}

impl Operation {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Write { at, data } => {
                // Its resize may have been lost: a file grows by being written to.
                if image.len() < at + data.len() {
                    image.resize(at + data.len(), 0);
                }
                image[*at..at + data.len()].copy_from_slice(data);
            }
            Self::Resize(length) => image.resize(*length, 0),
        }
    }
}

/// What a crash left of the unsynced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    Nothing,
    /// All of it.
    All,
    /// A prefix, the last write torn.
    Prefix,
    /// Any of the writes, each torn or not.
    Some,
}

impl Disk {
    /// A disk that holds this.
    pub fn holding(image: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            live: image.clone(),
            durable: image,
            unsynced: Vec::new(),
            fuse: None,
            dead: false,
        })))
    }

    fn with<R>(&self, look: impl FnOnce(&mut Inner) -> R) -> R {
        look(&mut self.0.lock().expect("no panic inside"))
    }

    /// It dies at an operation from now on: the first if 0.
    pub fn light_fuse(&self, operations: u64) {
        self.with(|disk| disk.fuse = Some(operations));
    }

    /// Whether a fuse burns.
    pub fn is_fused(&self) -> bool {
        self.with(|disk| disk.fuse.is_some())
    }

    /// It has stopped answering.
    pub fn is_dead(&self) -> bool {
        self.with(|disk| disk.dead)
    }

    /// Power goes: it answers no more, and this is what the next start finds.
    pub fn crash(&self, dice: &Dice) -> (Vec<u8>, Left) {
        self.with(|disk| {
            disk.dead = true;
            let mut image = std::mem::take(&mut disk.durable);
            let left = match dice.below(4) {
                _ if disk.unsynced.is_empty() => Left::Nothing,
                0 => Left::Nothing,
                1 => Left::All,
                2 => Left::Prefix,
                _ => Left::Some,
            };
            let count = u64::try_from(disk.unsynced.len()).expect("small");
            let end = match left {
                Left::Nothing => 0,
                Left::All | Left::Some => count,
                Left::Prefix => dice.below(count),
            };
            for (place, operation) in (0..end).zip(&disk.unsynced) {
                let torn = match left {
                    Left::Nothing | Left::All => false,
                    Left::Prefix => place + 1 == end,
                    Left::Some if dice.once_in(2) => continue,
                    Left::Some => dice.once_in(4),
                };
                if torn {
                    tear(operation, dice).apply(&mut image);
                } else {
                    operation.apply(&mut image);
                }
            }
            (image, left)
        })
    }
}

/// The first sectors of a write.
fn tear(operation: &Operation, dice: &Dice) -> Operation {
    match operation {
        Operation::Write { at, data } => {
            let sectors = u64::try_from(data.len().div_ceil(SECTOR)).expect("small");
            let kept = usize::try_from(dice.below(sectors)).expect("small") * SECTOR;
            Operation::Write {
                at: *at,
                data: data[..kept].to_vec(),
            }
        }
        Operation::Resize(length) => Operation::Resize(*length),
    }
}

impl Inner {
    fn answers(&mut self) -> io::Result<()> {
        if let Some(left) = &mut self.fuse {
            if *left == 0 {
                self.dead = true;
            } else {
                *left -= 1;
            }
        }
        if self.dead {
            return Err(io::Error::other("the disk is dead"));
        }
        Ok(())
    }
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).expect("small")
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.with(|disk| {
            disk.answers()?;
            Ok(u64::try_from(disk.live.len()).expect("small"))
        })
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.with(|disk| {
            disk.answers()?;
            let from = place(offset);
            let found = disk.live.get(from..from + out.len());
            out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(|disk| {
            disk.answers()?;
            let resize = Operation::Resize(place(len));
            resize.apply(&mut disk.live);
            disk.unsynced.push(resize);
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with(|disk| {
            disk.answers()?;
            for operation in std::mem::take(&mut disk.unsynced) {
                operation.apply(&mut disk.durable);
            }
            Ok(())
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.with(|disk| {
            disk.answers()?;
            let at = place(offset);
            if at + data.len() > disk.live.len() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            disk.live[at..at + data.len()].copy_from_slice(data);
            let data = data.to_vec();
            disk.unsynced.push(Operation::Write { at, data });
            Ok(())
        })
    }
}
