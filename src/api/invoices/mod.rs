//! Invoices (Greenfield 3.6).

pub mod dto;
pub mod handlers;
mod list;
mod methods;
mod request;

pub use dto::InvoiceData;
