//! Stores and what they offer (Greenfield 3.3–3.5).

mod dto;
pub mod handlers;
pub mod offers;
pub mod people;

pub(super) use dto::redacts_public_payouts;
