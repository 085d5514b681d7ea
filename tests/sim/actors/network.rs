//! The Lightning network, and our node in it.

use tollway::ports::lightning::NodeState;

use crate::log::step;
use crate::network::Flight;
use crate::world::World;

/// A payment ends, the node hears of something, or it has a bad time.
pub fn act(world: &mut World) {
    let dice = world.outside.dice.clone();
    match dice.weighed(&[30, 40, 1, 6, 4, 3]) {
        0 => end_one(world),
        1 => {
            let chores = world.house().node.chores();
            if let Some(chore) = dice.pick(&chores) {
                step!(world.outside.log, "node: {chore:?}");
                world.house().node.work(chore);
            }
        }
        2 => lie(world),
        3 => {
            let ready = world.house().node.is_ready();
            // It starts out of step with the chain and is ready soon.
            if !ready || dice.once_in(8) {
                let state = if ready {
                    world.outside.log.count("fault: the node falls behind");
                    NodeState::Syncing
                } else {
                    NodeState::Ready
                };
                step!(world.outside.log, "node: {state:?}");
                world.house().node.set_state(state);
            }
        }
        4 => {
            let connected = !dice.once_in(4);
            if !connected {
                world.outside.log.count("fault: peers are gone");
            }
            world.house().node.set_peers_connected(connected);
        }
        _ => {
            let dry = dice.once_in(3);
            if dry {
                world.outside.log.count("fault: channels are dry");
            }
            world.house().node.set_dry(dry);
        }
    }
}

fn flying(world: &World) -> Vec<u64> {
    world.outside.network.with(|network| {
        let outgoing = network.outgoing.iter();
        let flying = outgoing.filter(|(_, one)| one.flight == Flight::Flying);
        flying.map(|(id, _)| *id).collect()
    })
}

fn end_one(world: &mut World) {
    let Some(id) = world.outside.dice.pick(&flying(world)) else {
        return;
    };
    let fails = world.outside.dice.once_in(4);
    let flight = world.outside.network.with(|network| {
        if fails {
            network.end(id, Flight::Returned);
            Flight::Returned
        } else {
            network.arrive(id)
        }
    });
    if flight == Flight::Returned {
        world.outside.log.count("fault: a payment fails on its way");
    }
    step!(world.outside.log, "flight {id} has {flight:?}");
}

/// Whatever is on its way arrives, if its payee takes it.
pub fn end_all(world: &World) {
    for id in flying(world) {
        world.outside.network.with(|network| network.arrive(id));
    }
}

fn lie(world: &mut World) {
    if let Some(id) = world.outside.dice.pick(&flying(world)) {
        world
            .outside
            .log
            .count("fault: a success follows a failure");
        step!(world.outside.log, "node lies about {id}");
        world.house().node.lie_about(id);
    }
}
