//! Time: it passes, and sometimes it jumps.

use tollway::domain::time::Timestamp;
use tollway::ports::clock::Clock;

use crate::log::step;
use crate::world::World;

/// Time goes on, or back.
pub fn act(world: &mut World) {
    let outside = &world.outside;
    let now = outside.clock.now();
    let then = match outside.dice.weighed(&[60, 20, 8, 2, 2]) {
        0 => (outside.clock.next_wake()).map_or(now.plus_secs(1), |wake| wake.max(now)),
        1 => now.plus_secs(outside.dice.between(1, 20)),
        2 => now.plus_secs(outside.dice.between(60, 900)),
        3 => {
            outside.log.count("fault: time jumps ahead");
            now.plus_secs(outside.dice.between(3_600, 90_000))
        }
        _ => {
            outside.log.count("fault: time jumps back");
            Timestamp(now.0 - outside.dice.between(1, 600) * 1_000)
        }
    };
    outside.clock.set(then);
    step!(outside.log, "time is {then}");
}
