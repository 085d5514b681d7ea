//! The books: what stores may spend, and the audit that counts everything a second time (P11).
//!
//! An audit compares what is kept with what it was made of (balances with facts, facts with rows) and with what others
//! hold (wallets, LDK). Each line is read in one moment; the lines need not be of the same one.

pub mod allowance;
pub mod node;
mod recount;

use tracing::warn;

use node::NotRead;

use super::{Gateway, Unavailable};
use crate::domain::ledger::{Account, Signed};
use crate::store;

/// How long an audit looks for a moment in which everything fits: payments are under way in a shop that runs.
const PATIENCE_SECS: u64 = 30;

/// Between two looks.
const PAUSE_MILLIS: u64 = 500;

/// How two sides have to stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// They are the same.
    Equal,
    /// The left one is not larger, or nothing.
    AtMost,
}

/// One thing that has to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What is compared with what.
    pub name: String,
    /// What the books say.
    pub left: Signed,
    /// What was counted.
    pub right: Signed,
    /// How they have to stand.
    pub rule: Rule,
}

impl Identity {
    fn equal(name: impl Into<String>, left: Signed, right: Signed) -> Self {
        Self {
            name: name.into(),
            left,
            right,
            rule: Rule::Equal,
        }
    }

    /// Whether it does.
    pub fn holds(&self) -> bool {
        match self.rule {
            Rule::Equal => self.left == self.right,
            Rule::AtMost => self.left <= Signed::ZERO || self.left <= self.right,
        }
    }
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Line by line.
    pub identities: Vec<Identity>,
    /// Why the node was not compared, if it was not.
    pub not_compared: Option<NotRead>,
}

impl Audit {
    /// Whether every line holds. A node that is not there is no difference; one that never stood still may be.
    pub fn holds(&self) -> bool {
        self.identities.iter().all(Identity::holds) && self.not_compared != Some(NotRead::Moving)
    }
}

impl Gateway {
    /// Audits, again and again for half a minute until everything fits: what is seen between two messages to a peer, or
    /// between a block and the wallets' look at it, is no difference. The last look counts.
    pub async fn audit(&self) -> Result<Audit, Unavailable> {
        let until = self.now().plus_secs(PATIENCE_SECS);
        loop {
            let audit = self.audit_once().await?;
            if audit.holds() || self.now() >= until {
                for wrong in audit.identities.iter().filter(|one| !one.holds()) {
                    warn!(
                        "the books: {}: {} against {}",
                        wrong.name, wrong.left, wrong.right
                    );
                }
                return Ok(audit);
            }
            let pause = crate::domain::time::Timestamp(self.now().0.saturating_add(PAUSE_MILLIS));
            self.clock.sleep_until(pause).await;
        }
    }

    /// One look.
    pub async fn audit_once(&self) -> Result<Audit, Unavailable> {
        let mut audit = file(&self.store).await?;
        match self.read_node().await {
            Ok(reading) => {
                audit.not_compared = None;
                let line = Identity::equal("node: books, LDK", reading.booked, reading.held);
                audit.identities.insert(2, line);
            }
            Err(why) => audit.not_compared = Some(why),
        }
        Ok(audit)
    }

    /// Every balance that is not zero, and those of the house in any case.
    pub async fn balances(&self) -> Vec<(Account, Signed)> {
        self.store
            .read(|rows| store::ledger::balances(rows).into_iter().collect())
            .await
    }
}

/// Audits a file, without the node.
pub async fn file(store: &store::Store) -> Result<Audit, Unavailable> {
    let tills = store.insist("audit-tills", |tx| recount::tills(tx)).await?;
    let rows = store.read(|rows| recount::rows(rows)).await;
    Ok(Audit {
        identities: rows.into_iter().chain(tills).collect(),
        not_compared: Some(NotRead::Node("the server is not running".to_owned())),
    })
}
