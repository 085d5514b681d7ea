//! A world: one gateway, everybody who deals with it, and what goes wrong. One seed decides all of it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use tollway::domain::time::Timestamp;
use tollway::ports::clock::Clock;

use crate::actors;
use crate::chain::{Blocks, Chain};
use crate::dice::Dice;
use crate::disk::{Disk, Left};
use crate::endpoints::{Endpoints, Known};
use crate::executor::Kind;
use crate::house::{House, Outside};
use crate::log::{Log, Outcome, step};
use crate::network::{Facts, Network};
use crate::notes::{Board, Notes};
use crate::oracle::Oracle;
use crate::panics;
use crate::support::FakeClock;

/// When time begins, in seconds since the Unix epoch.
const BEGIN: u64 = 1_800_000_000;

/// Requests under way at once.
const REQUESTS_MAX: usize = 8;

/// Steps of a keeper's or request's own that may pass while the world heals before time goes on.
const CALM_STEPS_MAX: u64 = 20_000;

/// Where every world begins: a shop with some coins.
#[derive(Clone)]
pub struct Beginning {
    image: Vec<u8>,
    blocks: Blocks,
    facts: Facts,
    heard: Known,
    now: Timestamp,
    notes: Notes,
}

/// A world.
pub struct World {
    pub outside: Outside,
    /// Gone between a crash and the next start.
    house: Option<House>,
    pub board: Board,
    oracle: Oracle,
}

impl World {
    fn build(seed: u64, printed: bool, from: &Beginning) -> Self {
        let dice = Arc::new(Dice::of(seed));
        let log = Arc::new(Log::new(printed));
        let clock = Arc::new(FakeClock::at_secs(0));
        clock.set(from.now);
        let outside = Outside {
            courier: Arc::new(Endpoints::of(
                from.heard.clone(),
                dice.clone(),
                log.clone(),
                clock.clone(),
            )),
            clock,
            chain: Arc::new(Chain::new(from.blocks.clone(), dice.clone(), log.clone())),
            network: Arc::new(Network::of(from.facts.clone())),
            dice,
            log,
        };
        let disk = Disk::holding(from.image.clone());
        let house = House::start(disk, &outside).expect("the first start");
        let oracle = Oracle::from_here(&house.gateway.store.snapshot());
        Self {
            outside,
            house: Some(house),
            board: Rc::new(RefCell::new(from.notes.clone())),
            oracle,
        }
    }

    /// The running process.
    pub fn house(&mut self) -> &mut House {
        self.house.as_mut().expect("a process runs")
    }

    /// Starts a request.
    pub fn request(&mut self, name: &'static str, work: impl Future<Output = ()> + 'static) {
        let house = self.house.as_mut().expect("a process runs");
        if house.tasks.requests() < REQUESTS_MAX {
            step!(self.outside.log, "request {name}");
            house.tasks.spawn(name, Kind::Request, work);
        }
    }

    /// One thing happens.
    fn step(&mut self) {
        let log = self.outside.log.clone();
        let ready = self.house().tasks.ready();
        let queued = self.house().queued();
        let busy = !ready.is_empty();
        let weights = [
            if busy { 60 } else { 0 },
            if queued > 0 { 25 } else { 0 },
            10,
            10,
            if busy { 3 } else { 20 },
            5,
            1,
        ];
        match self.outside.dice.weighed(&weights) {
            0 => {
                let place = self.outside.dice.pick(&ready).expect("one is ready");
                self.poll(place);
            }
            1 => self.turn(),
            2 => actors::clients::act(self),
            3 => actors::network::act(self),
            4 => actors::time::act(self),
            5 => actors::chain::act(self),
            _ => {
                if self.outside.dice.once_in(2) {
                    log.count("fault: the process is killed");
                    self.crash();
                } else {
                    let operations = self.outside.dice.below(40);
                    self.house().disk.light_fuse(operations);
                }
            }
        }
    }

    fn poll(&mut self, place: usize) {
        let log = self.outside.log.clone();
        let mark = self.outside.dice.mark();
        step!(log, "poll {} ({mark:04x})", self.house().tasks.name(place));
        if self.house().poll(place).is_err() {
            self.crash();
        }
        self.hear_panics();
    }

    fn turn(&mut self) {
        let log = self.outside.log.clone();
        if let Ok(jobs) = self.house().turn() {
            step!(log, "writer ran {jobs}");
            self.look();
        } else {
            log.count("fault: the disk dies inside a commit");
            self.crash();
        }
        self.hear_panics();
    }

    /// The oracle looks at the last commit.
    fn look(&mut self) {
        let house = self.house.as_mut().expect("a process runs");
        if house.disk.is_dead() {
            return;
        }
        let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let rows = house.gateway.store.snapshot();
            let notes = self.board.borrow();
            self.oracle.look(&rows, &self.outside, &notes);
        }));
        if seen.is_err() {
            // The fuse burned down while it looked: the crash comes with the next step that needs the disk.
            assert!(house.disk.is_dead(), "the oracle itself failed");
        }
    }

    fn hear_panics(&mut self) {
        for what in panics::take(true) {
            self.outside.log.violation(what);
        }
    }

    /// The process ends here and now, and the next one starts from what the disk kept.
    pub fn crash(&mut self) {
        let log = self.outside.log.clone();
        let Some(house) = self.house.take() else {
            return;
        };
        let (image, left) = house.crash(&self.outside.dice);
        let what = match left {
            Left::Nothing => "fault: a crash leaves nothing of what was not synced",
            Left::All => "fault: a crash leaves all of what was not synced",
            Left::Prefix => "fault: a crash leaves a torn prefix",
            Left::Some => "fault: a crash leaves some torn pages",
        };
        log.count(what);
        step!(log, "crash: {left:?}");
        self.hear_panics();
        match House::start(Disk::holding(image), &self.outside) {
            Ok(house) => {
                self.house = Some(house);
                self.look();
            }
            Err(why) => log.violation(format!("P10 the file does not open: {why}")),
        }
        self.hear_panics();
    }

    fn is_over(&self) -> bool {
        self.house.is_none() || self.outside.log.is_broken()
    }

    /// Faults stop; everything open gets the time, the blocks and the events it waits for.
    fn heal(&mut self) {
        let log = self.outside.log.clone();
        step!(log, "healing");
        if self.house().disk.is_fused() {
            self.crash();
        }
        if self.is_over() {
            return;
        }
        self.outside.chain.calm_down();
        self.outside.courier.calm_down();
        self.house().node.calm_down();
        actors::network::end_all(self);
        // What was sent before a restart is looked at ten minutes after it.
        self.rest();
        if self.is_over() {
            return;
        }
        log.count("fault: a last restart");
        self.crash();
        actors::clients::release_till(self);
        for round in 0..24 {
            if self.is_over() {
                return;
            }
            self.house().node.calm_down();
            actors::network::end_all(self);
            self.rest();
            let secs = [2, 31, 120, 700][usize::try_from(round % 4).expect("small")];
            let now = self.outside.clock.now().plus_secs(secs);
            self.outside.clock.set(now);
            self.outside.chain.mine(1, 0);
        }
        self.rest();
        self.outside.chain.mine(6, 0);
        for _ in 0..4 {
            let now = self.outside.clock.now().plus_secs(61);
            self.outside.clock.set(now);
            self.rest();
        }
        if !self.is_over() {
            let house = self.house.as_mut().expect("a process runs");
            let rows = house.gateway.store.snapshot();
            let notes = self.board.borrow();
            self.oracle.look_healed(&rows, &self.outside, &notes);
        }
    }

    /// Until nobody has anything to do now.
    fn rest(&mut self) {
        for _ in 0..CALM_STEPS_MAX {
            if self.is_over() {
                return;
            }
            let ready = self.house().tasks.ready();
            let chores = self.house().node.chores();
            if let Some(place) = self.outside.dice.pick(&ready) {
                self.poll(place);
            } else if self.house().queued() > 0 {
                self.turn();
            } else if let Some(chore) = chores.first() {
                let chore = *chore;
                self.house().node.work(chore);
            } else {
                return;
            }
        }
        self.outside
            .log
            .violation("something never comes to rest".to_owned());
    }
}

/// Runs the world of a seed to its end.
pub fn run(seed: u64, printed: bool, from: &Beginning) -> Outcome {
    let mut world = World::build(seed, printed, from);
    let steps = world.outside.dice.between(150, 900);
    for _ in 0..steps {
        if world.is_over() {
            break;
        }
        world.step();
    }
    if !world.is_over() {
        world.heal();
    }
    let log = world.outside.log.clone();
    if let Some(house) = world.house.take() {
        // Its last words are nobody's business.
        let _ = house.crash(&world.outside.dice);
    }
    let _ = panics::take(true);
    log.outcome()
}

impl Beginning {
    /// A shop with coins of several sizes, and nothing open.
    pub fn new() -> Self {
        let mut nothing = Self {
            image: Vec::new(),
            blocks: Blocks::default(),
            facts: Facts::default(),
            heard: Known::default(),
            now: Timestamp::from_secs(BEGIN),
            notes: Notes::of(tollway::domain::ids::StoreId::HOUSE),
        };
        let mut world = World::build(0, false, &nothing);
        world.outside.chain.mine(10, 0);
        world.outside.chain.calm_down();
        world.house().node.calm_down();
        world.rest();
        actors::clients::open_shop(&mut world);
        world.rest();
        for sat in [50_000, 80_000, 120_000, 300_000] {
            actors::clients::fund(&mut world, sat);
            world.rest();
        }
        actors::clients::pay_all(&mut world);
        for _ in 0..7 {
            world.outside.chain.mine(1, 0);
            let now = world.outside.clock.now().plus_secs(2);
            world.outside.clock.set(now);
            world.rest();
        }
        let outcome = world.outside.log.outcome();
        assert_eq!(outcome.violations, Vec::<String>::new(), "the beginning");
        let house = world.house.take().expect("a process runs");
        nothing.blocks = world.outside.chain.blocks();
        nothing.heard = world.outside.courier.known();
        nothing.facts = world.outside.network.with(|facts| facts.clone());
        nothing.now = world.outside.clock.now();
        nothing.notes = world.board.borrow().clone();
        nothing.image = house.crash(&world.outside.dice).0;
        nothing
    }
}
