//! Which invoices a list shows (Greenfield 3.6, 5.2).

use std::ops::ControlFlow;

use crate::api::error::{ApiError, Fault};
use crate::api::extract::Params;
use crate::api::page::Page;
use crate::domain::ids::StoreId;
use crate::domain::invoice::{Invoice, Status};
use crate::domain::time::Timestamp;
use crate::store::{self, Rows};

/// The filters of `GET S/invoices`; each narrows.
#[derive(Debug)]
pub(super) struct Filters {
    order_ids: Vec<String>,
    statuses: Vec<Status>,
    text: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    with_archived: bool,
    page: Page,
}

impl Filters {
    /// As the query says.
    pub(super) fn of(params: &Params) -> Result<Self, ApiError> {
        let (from, to) = (params.time("startDate"), params.time("endDate"));
        let (from, to) = match (from, to) {
            (Err(_), Err(_)) => return Err(both_dates("This has to be a Unix time in seconds.")),
            (from, to) => (from?, to?),
        };
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            return Err(both_dates("startDate is after endDate."));
        }
        Ok(Self {
            order_ids: owned(params.all("orderId")),
            statuses: params
                .all("status")
                .into_iter()
                .map(parse_status)
                .collect::<Result<_, _>>()?,
            text: params.first("textSearch").map(str::to_lowercase),
            from,
            to,
            with_archived: params.flag("includeArchived")?.unwrap_or(false),
            page: Page::of(params)?,
        })
    }

    /// The invoices that fit, newest first.
    pub(super) fn find(&self, rows: &dyn Rows, store: StoreId) -> Vec<Invoice> {
        let mut found = Vec::new();
        store::invoice::newest_first(rows, store, &mut |invoice| {
            let too_old = self.from.is_some_and(|from| invoice.created < from);
            if too_old || found.len() >= self.page.end() {
                return ControlFlow::Break(());
            }
            if self.fits(&invoice) {
                found.push(invoice);
            }
            ControlFlow::Continue(())
        });
        self.page.cut(found)
    }

    fn fits(&self, invoice: &Invoice) -> bool {
        let order_fits = self.order_ids.is_empty()
            || invoice
                .details
                .order_id
                .as_ref()
                .is_some_and(|order| self.order_ids.contains(order));
        let status_fits = self.statuses.is_empty() || self.statuses.contains(&invoice.status);
        // The end is a whole second: what was made within it is in.
        let time_fits = self.to.is_none_or(|to| invoice.created.secs() <= to.secs());
        let text_fits = self
            .text
            .as_ref()
            .is_none_or(|text| contains(invoice, text));
        (self.with_archived || !invoice.archived)
            && order_fits
            && status_fits
            && time_fits
            && text_fits
    }
}

/// Ids, order id and buyer data (in the metadata), addresses and further search terms.
fn contains(invoice: &Invoice, text: &str) -> bool {
    let details = &invoice.details;
    let has = |words: &str| words.to_lowercase().contains(text);
    has(&invoice.id.to_string())
        || has(&details.metadata)
        || invoice
            .onchain
            .as_ref()
            .is_some_and(|place| has(&place.address))
        || invoice
            .lightning
            .iter()
            .any(|prompt| has(&prompt.bolt11) || has(&prompt.hash.to_string()))
        || invoice
            .receipts
            .iter()
            .any(|receipt| has(&receipt.key.to_string()))
        || details.search_terms.iter().any(|term| has(term))
}

fn parse_status(text: &str) -> Result<Status, ApiError> {
    [
        Status::New,
        Status::Processing,
        Status::Settled,
        Status::Expired,
        Status::Invalid,
    ]
    .into_iter()
    .find(|status| status.name().eq_ignore_ascii_case(text))
    .ok_or_else(|| ApiError::fault("status", "This is no status of an invoice."))
}

fn both_dates(message: &str) -> ApiError {
    ApiError::invalid(
        ["startDate", "endDate"]
            .into_iter()
            .map(|path| Fault {
                path: path.to_owned(),
                message: message.to_owned(),
            })
            .collect(),
    )
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}
