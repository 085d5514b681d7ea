//! Everybody outside of the gateway: what they do next is for the dice to say.

pub mod chain;
pub mod clients;
pub mod network;
pub mod time;
