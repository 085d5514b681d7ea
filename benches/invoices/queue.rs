//! Payments to make, so many in flight, by several senders at once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// Payments in flight at once: LDK allows 50 a direction.
pub const IN_FLIGHT: usize = 40;

/// Threads or tasks that hand payments over at once.
pub const SENDERS: usize = 6;

/// A payment that has arrived holds its slot in the channel a little longer: time until another try.
pub const SLOT_WAIT: Duration = Duration::from_millis(5);

/// The queue. A payment is known by its hash; one that failed, for want of a slot, is made again.
pub struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    waiting: VecDeque<([u8; 32], T)>,
    in_flight: HashMap<[u8; 32], T>,
}

impl<T: Clone> Queue<T> {
    /// Of all these.
    pub fn new(payments: impl Iterator<Item = ([u8; 32], T)>) -> Self {
        Self {
            state: Mutex::new(State {
                waiting: payments.collect(),
                in_flight: HashMap::new(),
            }),
            changed: Condvar::new(),
        }
    }

    /// The next payment to make, once there is a place for it. `None` when all have arrived.
    pub fn next(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if state.waiting.is_empty() && state.in_flight.is_empty() {
                return None;
            }
            if state.in_flight.len() < IN_FLIGHT
                && let Some((hash, payment)) = state.waiting.pop_front()
            {
                state.in_flight.insert(hash, payment.clone());
                return Some(payment);
            }
            state = self.changed.wait(state).expect("no panic holds it");
        }
    }

    /// It has arrived.
    pub fn arrived(&self, hash: [u8; 32]) {
        self.lock().in_flight.remove(&hash);
        self.changed.notify_all();
    }

    /// It has to be made again.
    pub fn failed(&self, hash: [u8; 32]) {
        let mut state = self.lock();
        let payment = state.in_flight.remove(&hash);
        state.waiting.extend(payment.map(|payment| (hash, payment)));
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().expect("no panic holds it")
    }
}
