//! Accounts and API keys (Greenfield 3.1, 3.2).

mod dto;
pub mod handlers;
