//! Time passes.

use super::Invoice;
use crate::domain::fact::Step;
use crate::domain::time::Timestamp;

impl Invoice {
    /// Does what is due by now: expires, or gives up waiting for confirmations. Also settles an invoice over
    /// nothing, which is covered as soon as it is made.
    pub fn tick(mut self, now: Timestamp) -> Step<Self> {
        let mut facts = Vec::new();
        self.evaluate(now, &mut facts);
        Step { after: self, facts }
    }
}
