//! LNURL: links and codes that a wallet scans.

pub mod encode;
