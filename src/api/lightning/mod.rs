//! The node: its channels, invoices and payments (Greenfield 3.12, 5.18). The server's own view, and a store's.

mod dto;
pub mod handlers;
mod path;
pub mod payments;
