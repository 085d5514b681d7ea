//! Is this the newest file? Old channel state must never run, and a file that has forgotten what it paid must not pay.
//!
//! The file holds a generation; a mark outside the file holds the newest one that ran here, written after the commit it
//! names. A file behind its mark is an older one in a newer one's place.

use crate::ports::mark::{Mark, MarkFailed};
use crate::store::{self, Store};

/// Why the next generation was not marked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMarked {
    /// The file.
    #[error("the store is closed")]
    Store,
    /// The mark.
    #[error("the mark could not be written: {0}")]
    Mark(#[from] MarkFailed),
}

/// Begins the next generation and marks it: from now on everything older is known to be.
pub async fn renew(store: &Store, mark: &dyn Mark) -> Result<(), NotMarked> {
    let next = store.insist("generation", store::mark::begin_next).await;
    mark.write(next.map_err(|_| NotMarked::Store)?).await?;
    Ok(())
}

/// Whether a file of this generation may run. If not: what happened and what to do, in words.
pub fn judge(file: u64, mark: &Result<Option<u64>, MarkFailed>, place: &str) -> Result<(), String> {
    let happened = match mark {
        // A crash between the commit and the mark leaves the file ahead.
        Ok(Some(marked)) if *marked <= file => return Ok(()),
        Ok(None) if file == 0 => return Ok(()),
        Ok(Some(marked)) => {
            return Err(format!(
                "This database file is older than the one that ran here last: it is of generation {file}, and {place} says {marked}. \
                 It has forgotten payments and states of channels. {HELD} Stop the gateway and put the newest database file back. \
                 If that is lost for good, the channels have to be recovered without this file's Lightning state."
            ));
        }
        Ok(None) => format!("{place} is missing"),
        Err(failed) => format!("{place} can't be read ({failed})"),
    };
    Err(format!(
        "Nobody can tell whether this database file is the newest one: {happened}. {HELD} If it was restored from a copy, it is \
         not the newest. If you are sure that it is, stop the gateway, write the line {file} into {place}, and start it again."
    ))
}

/// What follows from it.
const HELD: &str = "Running on old state can lose all that is in channels and pay twice, so the Lightning node is not \
     started, nothing is sent, and no new address is shown.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_that_is_not_behind_its_mark_may_run() {
        let unreadable = || Err(MarkFailed("it does not hold a number".to_owned()));
        for (file, mark, said) in [
            (0, Ok(None), None),
            (5, Ok(Some(5)), None),
            (6, Ok(Some(5)), None),
            (5, Ok(Some(6)), Some("older than the one that ran here")),
            (0, Ok(Some(1)), Some("older than the one that ran here")),
            (5, Ok(None), Some("write the line 5 into /x/mark")),
            (5, unreadable(), Some("it does not hold a number")),
            (0, unreadable(), Some("can't be read")),
        ] {
            let judged = judge(file, &mark, "/x/mark");
            match said {
                None => assert_eq!(judged, Ok(()), "{file} {mark:?}"),
                Some(said) => {
                    let why = judged.expect_err("it may not run");
                    assert!(why.contains(said) && why.contains(HELD), "{why}");
                }
            }
        }
    }
}
