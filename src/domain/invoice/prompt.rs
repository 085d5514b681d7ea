//! The Lightning half: which BOLT11 is shown, and when another is wanted.

use minicbor::{Decode, Encode};

use super::{Invoice, Price, Status};
use crate::domain::fact::{Fact, Step};
use crate::domain::ids::{PaymentHash, Preimage};
use crate::domain::money::{Msat, Sat};

/// How many BOLT11s one invoice may come to: each partial payment and each eviction makes one.
const PROMPTS_MAX: usize = 6;

/// The node's own record of a BOLT11 is kept this long after its expiry. LDK takes a payment for up to about two hours
/// more, longer while blocks are slow; a day beside that costs little.
pub const RECORD_SECS: u64 = (2 + 24) * 3_600;

/// A BOLT11 made for an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LightningPrompt {
    /// Its text, lower case.
    #[n(0)]
    pub bolt11: String,
    /// Its payment hash.
    #[n(1)]
    pub hash: PaymentHash,
    /// What it asks for; `None` on a top-up.
    #[n(2)]
    pub amount: Option<Msat>,
    /// Proof of payment, a secret until it is paid.
    #[n(3)]
    pub preimage: Preimage,
}

impl Invoice {
    /// The BOLT11 to show: the newest, as long as it asks for what is still due.
    pub fn shown_prompt(&self) -> Option<&LightningPrompt> {
        (self.lightning.last()).filter(|prompt| prompt.amount == self.prompt_amount())
    }

    /// Whether another BOLT11 is wanted. A partial payment retires the shown one; Lightning can't void it, so the old
    /// hash keeps its invoice and both paid is paid over. One that could not be made at first is made later.
    pub fn wants_prompt(&self) -> bool {
        let more = match self.price {
            Price::Standard(_) => self.rest() > Sat::ZERO,
            Price::TopUp(_) => self.lightning.is_empty(),
        };
        more && self.status == Status::New
            && self.reopened.is_none()
            && (self.lightning_missing.is_some() || !self.lightning.is_empty())
            && self.lightning.len() < PROMPTS_MAX
            && self.shown_prompt().is_none()
    }

    /// What a BOLT11 made now has to ask for: what is still due, or whatever comes.
    pub fn prompt_amount(&self) -> Option<Msat> {
        match self.price {
            Price::Standard(_) => Some(self.rest().to_msat()),
            Price::TopUp(_) => None,
        }
    }

    /// Shows another BOLT11. If what is due has changed meanwhile it is kept, but not shown.
    pub fn renew_prompt(mut self, prompt: LightningPrompt) -> Step<Self> {
        let fact = Fact::InvoicePromptRenewed {
            invoice: self.id,
            hash: prompt.hash,
            amount: prompt.amount.unwrap_or_default(),
        };
        self.lightning.push(prompt);
        self.lightning_missing = None;
        Step::telling(self, fact)
    }
}
