//! Webhooks, and the journal as a feed.

pub mod deliveries;
mod dto;
pub mod feed;
pub mod handlers;
