//! Panics of the gateway are not printed: an assert of a promise is a finding, and a dead disk's are to be expected.

use std::cell::RefCell;
use std::panic;

thread_local! {
    static NOTED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// How the store's panics about its file begin.
const IO_FAILED: &str = "the database file failed";

/// From now on panics are noted, not printed.
pub fn note_all() {
    panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let message = (payload.downcast_ref::<String>().map(String::as_str))
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("a panic without a message");
        let place = info.location().map(ToString::to_string);
        note(&format!("{message} ({})", place.unwrap_or_default()));
    }));
}

/// Notes that the gateway broke.
pub fn note(what: &str) {
    NOTED.with_borrow_mut(|noted| noted.push(what.to_owned()));
}

/// What was noted on this thread since the last call. Without a disk, failures to read or write it are no finding.
pub fn take(without_disk: bool) -> Vec<String> {
    let mut noted = NOTED.take();
    noted.retain(|what| !(without_disk && what.contains(IO_FAILED)));
    noted
}
