//! A person's word about an invoice.

use super::{Invoice, Status};
use crate::domain::fact::{Fact, Step};
use crate::domain::money::Sat;

/// What a person may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It is paid.
    Settled,
    /// It is void.
    Invalid,
}

/// The invoice can't be marked so in its present status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an invoice that is {0:?} can't be marked so")]
pub struct CantMark(pub Status);

impl Invoice {
    /// What it may be marked as now (Greenfield `availableStatusesForManualMarking`).
    pub fn available_marks(&self) -> Vec<Mark> {
        match self.status {
            Status::New | Status::Processing | Status::Expired => {
                vec![Mark::Settled, Mark::Invalid]
            }
            Status::Invalid => vec![Mark::Settled],
            Status::Settled if self.marked => vec![Mark::Invalid],
            Status::Settled => vec![],
        }
    }

    /// Takes a person's word.
    pub fn mark(mut self, mark: Mark) -> Result<Step<Self>, CantMark> {
        if !self.available_marks().contains(&mark) {
            return Err(CantMark(self.status));
        }
        let (invoice, over_paid) = (self.id, self.surplus() > Sat::ZERO);
        self.marked = true;
        let fact = match mark {
            Mark::Settled => {
                self.status = Status::Settled;
                Fact::InvoiceSettled {
                    invoice,
                    manually_marked: true,
                    over_paid,
                }
            }
            Mark::Invalid => {
                self.status = Status::Invalid;
                Fact::InvoiceInvalid {
                    invoice,
                    manually_marked: true,
                }
            }
        };
        Ok(Step::telling(self, fact))
    }
}
