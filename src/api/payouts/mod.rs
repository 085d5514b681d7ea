//! Payouts and the processors that send them (Greenfield 3.9, 3.10).

pub mod bump;
pub mod dto;
pub mod handlers;
pub mod hold;
pub mod processors;
