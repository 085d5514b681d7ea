//! Tollway
