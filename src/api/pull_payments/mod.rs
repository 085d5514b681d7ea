//! Pull payments and their public side (Greenfield 3.8).

mod dto;
pub mod handlers;
pub mod public;
