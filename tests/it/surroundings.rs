//! Bad surroundings: an older file, a second process, a disk or a clock or a chain that can't be relied on.

mod chain;
mod clock;
mod courier;
mod old_file;
mod start;
