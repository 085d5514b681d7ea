//! Where payouts stand with those who pay them: what waits, what is under way, what runs out, what a person has to
//! look at. Indexes over the payouts' rows, so that a keeper reads what it can act on and not all that is open.

use std::ops::ControlFlow;

use super::codec::try_decode;
use super::rows::{Order, Rows, key, ordered};
use super::tables::Table;
use super::tx::Tx;
use super::{invoice, payout};
use crate::domain::destination::Destination;
use crate::domain::ids::{PayoutId, PullPaymentId, StoreId};
use crate::domain::payout::{Payout, Stage, Standing};
use crate::domain::time::Timestamp;
use payout::PayoutRef;

/// Who takes a payout on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// The node.
    Node,
    /// The books: its invoice is one of this server (P7).
    Inside,
    /// The tills.
    Chain,
}

impl Lane {
    const fn byte(self) -> u8 {
        match self {
            Self::Node => 0,
            Self::Inside => 1,
            Self::Chain => 2,
        }
    }
}

/// How a payout that is under way stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Under {
    /// Nobody knows whether it was handed over.
    Recorded,
    /// The node or the network has it.
    Sent,
    /// It waits for a person.
    InReview,
}

/// A payout under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live {
    /// Which.
    pub payout: PayoutRef,
    /// How it stands.
    pub under: Under,
    /// What it draws on.
    pub pull_payment: Option<PullPaymentId>,
}

/// A line of payouts that wait to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Whose.
    pub store: StoreId,
    /// A person pressed Pay, or it pays by itself; otherwise a sender of the store does it.
    pub pay_now: bool,
}

/// A payout that waits to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub payout: PayoutRef,
    /// Not before.
    pub at: Timestamp,
    /// When it was asked for.
    pub created: Timestamp,
    /// What it draws on.
    pub pull_payment: Option<PullPaymentId>,
}

/// What a person has to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alert {
    /// Nobody knows whether it arrived.
    InReview,
    /// It was paid twice.
    PaidTwice,
}

impl Alert {
    const fn byte(self) -> u8 {
        match self {
            Self::InReview => 0,
            Self::PaidTwice => 1,
        }
    }
}

type Row = (Table, Vec<u8>, Vec<u8>);

/// Moves a payout from where it stood to where it stands.
pub(super) fn move_on(tx: &mut Tx<'_>, before: Option<&Payout>, after: &Payout) {
    let lane = lane(tx, after);
    let old = before.map_or_else(Vec::new, |before| places(lane, before));
    let new = places(lane, after);
    for (table, row, _) in &old {
        if !new
            .iter()
            .any(|(kept, same, _)| kept == table && same == row)
        {
            tx.remove(*table, row);
        }
    }
    for place in &new {
        if !old.contains(place) {
            tx.put(place.0, &place.1, &place.2);
        }
    }
}

/// Puts the rows of every payout, in a file that had none.
pub(super) fn index_all(tx: &mut Tx<'_>) -> Result<(), String> {
    let mut all = Vec::new();
    tx.scan(Table::Payouts, &[], Order::Ascending, &mut |_, value| {
        all.push(try_decode::<Payout>(value).map_err(|e| e.to_string()));
        ControlFlow::Continue(())
    });
    for payout in all {
        move_on(tx, None, &payout?);
    }
    Ok(())
}

/// The rows that are missing or wrong for a payout, as the store check tells them.
pub(super) fn missing(rows: &dyn Rows, payout: &Payout) -> Option<Table> {
    places(lane(rows, payout), payout)
        .into_iter()
        .find(|(table, row, value)| rows.get(*table, row).as_ref() != Some(value))
        .map(|(table, ..)| table)
}

/// Who issued a hash is settled for ever before a payout can name it, so a payout never changes its lane.
fn lane(rows: &dyn Rows, payout: &Payout) -> Lane {
    match &payout.destination {
        Destination::Bolt11(own) if invoice::hash_owner(rows, own.hash).is_some() => Lane::Inside,
        Destination::Bolt11(_) => Lane::Node,
        Destination::Address(_) => Lane::Chain,
    }
}

fn places(lane: Lane, payout: &Payout) -> Vec<Row> {
    let (store, id) = (payout.store.as_bytes(), payout.id.as_bytes());
    let link = payout
        .pull_payment()
        .map_or_else(Vec::new, |link| link.as_bytes().to_vec());
    let mut places = Vec::new();
    let live = payout.live_attempt();
    if payout.stage == Stage::AwaitingPayment
        && payout.held_since.is_none()
        && payout.drafted.is_none()
    {
        let at = payout.next_attempt_at.unwrap_or(payout.created);
        let row = key(&[
            &[lane.byte()],
            store,
            &[u8::from(payout.pay_now)],
            &ordered(at.0),
            &ordered(payout.created.0),
            id,
        ]);
        places.push((Table::PayoutQueue, row, link.clone()));
    }
    if let Some(live) = live {
        let under = match live.standing {
            Standing::Recorded => 0,
            Standing::Sent => 1,
            Standing::InReview { .. } => {
                let row = key(&[store, &[Alert::InReview.byte()], id]);
                places.push((Table::PayoutAlerts, row, Vec::new()));
                2
            }
            Standing::Settled | Standing::Failed { .. } => unreachable_standing(payout),
        };
        let row = key(&[&[lane.byte()], store, id]);
        places.push((Table::PayoutsLive, row, key(&[&[under], &link])));
    }
    if let Destination::Bolt11(invoice) = &payout.destination
        && payout.is_open()
        && live.is_none()
        // D11: what a person pays by other means doesn't run out.
        && payout.in_hand.is_none()
    {
        let row = key(&[&ordered(invoice.expires_at.0), store, id]);
        places.push((Table::PayoutExpiries, row, Vec::new()));
    }
    if payout.paid_twice.is_some() {
        let row = key(&[store, &[Alert::PaidTwice.byte()], id]);
        places.push((Table::PayoutAlerts, row, Vec::new()));
    }
    places
}

fn unreachable_standing(payout: &Payout) -> ! {
    panic!("P1 the live attempt of payout {} is over", payout.id)
}

fn reference(store: &[u8], payout: &[u8]) -> Option<PayoutRef> {
    StoreId::from_slice(store)
        .zip(PayoutId::from_slice(payout))
        .map(|(store, payout)| PayoutRef { store, payout })
}

fn time(bytes: &[u8]) -> Timestamp {
    Timestamp(bytes.try_into().map_or(0, u64::from_be_bytes))
}

/// The payouts of a lane that are under way.
pub fn live(rows: &dyn Rows, lane: Lane) -> Vec<Live> {
    let mut live = Vec::new();
    rows.scan(
        Table::PayoutsLive,
        &[lane.byte()],
        Order::Ascending,
        &mut |row, value| {
            let under = match value.first() {
                Some(0) => Under::Recorded,
                Some(1) => Under::Sent,
                Some(_) | None => Under::InReview,
            };
            live.extend(reference(&row[1..33], &row[33..]).map(|payout| Live {
                payout,
                under,
                pull_payment: value.get(1..).and_then(PullPaymentId::from_slice),
            }));
            ControlFlow::Continue(())
        },
    );
    live
}

/// The lines of a lane that are not empty.
pub fn lines(rows: &dyn Rows, lane: Lane) -> Vec<Line> {
    let mut lines = Vec::new();
    let end = super::rows::after_prefix(&[lane.byte()]);
    let mut from = vec![lane.byte()];
    loop {
        let mut head = None;
        rows.range(
            Table::PayoutQueue,
            &from,
            &end,
            Order::Ascending,
            &mut |row, _| {
                head = Some(row[..34].to_vec());
                ControlFlow::Break(())
            },
        );
        let Some(head) = head else { return lines };
        lines.extend(StoreId::from_slice(&head[1..33]).map(|store| Line {
            store,
            pay_now: head[33] == 1,
        }));
        from = super::rows::after_prefix(&head);
    }
}

/// What waits in a line, by when it may be sent, until told to stop.
pub fn waiting(
    rows: &dyn Rows,
    lane: Lane,
    line: Line,
    visit: &mut dyn FnMut(Waiting) -> ControlFlow<()>,
) {
    let prefix = key(&[
        &[lane.byte()],
        line.store.as_bytes(),
        &[u8::from(line.pay_now)],
    ]);
    rows.scan(
        Table::PayoutQueue,
        &prefix,
        Order::Ascending,
        &mut |row, value| match reference(&row[1..33], &row[50..]) {
            Some(payout) => visit(Waiting {
                payout,
                at: time(&row[34..42]),
                created: time(&row[42..50]),
                pull_payment: PullPaymentId::from_slice(value),
            }),
            None => ControlFlow::Continue(()),
        },
    );
}

/// The first date at which an invoice runs out that nothing was sent for, and those that have run out, at most
/// `limit`.
pub fn expired(
    rows: &dyn Rows,
    now: Timestamp,
    limit: usize,
) -> (Vec<PayoutRef>, Option<Timestamp>) {
    let (mut over, mut next) = (Vec::new(), None);
    rows.scan(
        Table::PayoutExpiries,
        &[],
        Order::Ascending,
        &mut |row, _| {
            let at = time(&row[..8]);
            if at > now || over.len() >= limit {
                next = Some(at);
                return ControlFlow::Break(());
            }
            over.extend(reference(&row[8..40], &row[40..]));
            ControlFlow::Continue(())
        },
    );
    (over, next)
}

/// A store's payouts that a person has to look at for this reason.
pub fn alerts(rows: &dyn Rows, store: StoreId, alert: Alert) -> Vec<PayoutId> {
    let mut found = Vec::new();
    rows.scan(
        Table::PayoutAlerts,
        &key(&[store.as_bytes(), &[alert.byte()]]),
        Order::Ascending,
        &mut |row, _| {
            found.extend(PayoutId::from_slice(&row[33..]));
            ControlFlow::Continue(())
        },
    );
    found
}
