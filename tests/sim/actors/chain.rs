//! Miners and the chain's node.

use crate::log::step;
use crate::world::World;

/// A block, a reorganisation, silence, another fee rate.
pub fn act(world: &mut World) {
    let outside = &world.outside;
    let (chain, dice, log) = (&outside.chain, &outside.dice, &outside.log);
    match dice.weighed(&[40, 8, 6, 6, 6]) {
        0 => chain.mine(1, 4),
        1 => chain.mine(dice.between(2, 7), 4),
        2 => {
            let depth = dice.between(1, 8);
            let gone = chain.reorganise(depth);
            log.count("fault: a reorganisation");
            if !gone.is_empty() {
                log.count("fault: a reorganisation drops a payment for good");
            }
            step!(log, "{depth} blocks are replaced, {gone:?} gone");
        }
        3 => {
            let silent = !chain.is_silent();
            chain.set_silent(silent);
            if silent {
                log.count("fault: the chain source is silent");
            }
        }
        _ => {
            let rate = dice.pick(&[1_000, 2_000, 5_000, 80_000]).expect("some");
            if rate > 50_000 {
                log.count("fault: fees rise above the caps");
            }
            chain.set_fee_rate(rate);
        }
    }
    step!(log, "height {}", chain.height());
}
