//! Adapters: dictionaries between the ports and the outside. The only files that name ldk-node, RPC and
//! HTTP clients and the operating system's clock. No policy here.

pub mod chain;
pub mod clock;
pub mod courier;
pub mod entropy;
pub mod files;
pub mod guard;
pub mod kv;
pub mod ldk;
pub mod mark;
pub mod rates;
