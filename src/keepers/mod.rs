//! Keepers: background workers without input. Each looks at the store and the world, does what is due, and says
//! when to look again. The path after a crash is the everyday path.

pub mod chain_follower;
