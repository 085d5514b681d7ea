//! Fakes of every port, and a gateway over them in one process. Nothing here waits for real time.

pub mod bolt11;
pub mod chain;
pub mod clock;
pub mod courier;
pub mod entropy;
pub mod lightning;
pub mod rates;
pub mod signer;
pub mod world;

use std::sync::{Mutex, MutexGuard};

pub use bolt11::{Customer, Wish};
pub use chain::FakeChain;
pub use clock::FakeClock;
pub use courier::FakeCourier;
pub use entropy::FakeEntropy;
pub use lightning::FakeLightning;
pub use rates::FakeRates;
#[allow(unused_imports, reason = "not every test binary uses it")]
pub use world::World;

/// What a fake holds. A test that panicked while it looked has failed already.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics while it holds a fake")
}
