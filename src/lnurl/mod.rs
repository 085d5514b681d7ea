//! LNURL: links that wallets follow.

pub mod encode;
