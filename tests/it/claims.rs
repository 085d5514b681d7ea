//! Claims on pull payments, through the link of a wallet and through the API.

pub mod api;
mod lifecycle;
mod link;
mod quotes;
mod races;
