//! Second ticks: each is timed, and one that is owed and does not come is found.

use super::*;

#[test]
fn every_tick_is_timed_however_slow() {
    let mut world = World::new(7, Fault::None, plan(7, false), Vec::new());
    // As slow as lets everybody in before the first message.
    world.server.borrow_mut().delay_us = 250_000;
    world.run();
    let (delivered, tally) = (world.figures().delivered, world.end());
    assert_eq!(
        (tally.of(Count::Ticks), world.ticks_timed),
        (delivered, delivered)
    );
    assert_eq!(
        (tally.of(Count::TicksMissing), tally.of(Count::TicksUntimed)),
        (0, 0)
    );
}

#[test]
fn a_tick_that_does_not_come_is_found_and_waited_for() {
    let mut world = World::new(7, Fault::LoseTick, plan(7, false), Vec::new());
    world.run();
    assert!(world.figures().is_settled(), "the message itself came");
    assert!(
        world.now_us > 60_000_000,
        "a drain waits for it, but not for ever"
    );
    let delivered = world.figures().delivered;
    let tally = world.end();
    assert_eq!(
        (tally.of(Count::Ticks), tally.of(Count::TicksMissing)),
        (delivered - 1, 1)
    );
    assert_eq!(world.ticks_timed, delivered - 1);
}

#[test]
fn a_server_without_ticks_owes_none() {
    let mut world = World::new(7, Fault::None, plan(7, false), Vec::new());
    world.server.borrow_mut().ticks = false;
    world.run();
    assert!(world.boards.iter().all(|board| board.is_idle()));
    let tally = world.end();
    assert_eq!((tally.of(Count::Ticks), tally.of(Count::TicksMissing)), (0, 0));
}
