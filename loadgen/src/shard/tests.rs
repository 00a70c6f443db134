//! Shards against a server in memory, over a network in memory, on a virtual clock.

pub(crate) mod server;
mod ticks;
mod world;

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use scenarios::{To, What};

use super::*;
use crate::ledger::Figures;
use crate::tally::Count;
use server::Fault;
use world::World;

const USERS: u32 = 24;
const SHARDS: u32 = 3;
const DEALING: Dealing = Dealing {
    cells: 256,
    shards: SHARDS,
};
/// When the last message is planned.
const TALK_US: u64 = 20_000_000;
/// When everything must have settled.
const END_US: u64 = 200_000_000;

/// Everybody connects; group owners set their groups; people talk; some come and go; in the end all but three are there.
fn plan(seed: u64, restless: bool) -> Vec<Action> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut plan = Vec::new();
    let mut add = |at_us, user, what| plan.push(Action { at_us, user, what });
    let away = USERS - 3;
    for user in 0..away {
        add(rng.random_range(0..500_000), user, What::Connect);
        if user % 3 == 0 {
            add(1_500_000, user, What::CreateGroup { group: user / 3 });
        }
    }
    for _ in 0..400 {
        let at_us = rng.random_range(2_000_000..TALK_US);
        let user = rng.random_range(0..away);
        let peer = (user + rng.random_range(1..4)) % USERS;
        let to = if rng.random_range(0..3) == 0 {
            To::Group(user / 3)
        } else {
            To::User(peer)
        };
        let what = match rng.random_range(0..20) {
            0 => What::Upload { bytes: 5_000, to },
            1 => What::Typing { to: peer },
            2 if restless => What::Disconnect,
            3 if restless => What::Connect,
            4 if restless => What::Cut {
                until_us: at_us + 800_000,
            },
            n => What::Send {
                to,
                bytes: 120,
                media: n == 5,
            },
        };
        add(at_us, user, what);
    }
    (0..away).for_each(|user| add(TALK_US + 1_000_000, user, What::Connect));
    plan
}

fn cuts(seed: u64) -> Vec<u64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut cuts: Vec<_> = (0..60)
        .map(|_| rng.random_range(100_000..TALK_US + 2_000_000))
        .collect();
    cuts.sort_unstable();
    cuts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A faultless server behind a network that cuts: the ledger balances, agrees with the server, and accuses nobody.
    #[test]
    fn whatever_is_cut_the_ledger_agrees_with_a_faultless_server(seed: u64) {
        let mut world = World::new(seed, Fault::None, plan(seed, true), cuts(seed));
        world.server.borrow_mut().refusals = 30;
        world.run();
        let (figures, server) = (world.figures(), world.server.borrow());
        prop_assert!(figures.is_settled(), "{figures:?}");
        prop_assert_eq!(figures.accepted, server.copies_accepted);
        prop_assert_eq!(figures.queued, server.queued());
        prop_assert_eq!(figures.accepted, figures.delivered + figures.queued);
        prop_assert_eq!(figures.sent, figures.accepted + figures.refused);
        let Figures { duplicated, corrupted, misordered, delivered_refused, delivered_unanswered, .. } = figures;
        prop_assert_eq!([duplicated, corrupted, misordered, delivered_refused, delivered_unanswered], [0; 5]);
        prop_assert!(figures.delivered > 100);
        prop_assert_eq!(world.tally().of(Count::Online), u64::from(USERS - 3));
        drop(server);
        let tally = world.end();
        prop_assert_eq!((tally.of(Count::TicksMissing), tally.of(Count::TicksUntimed)), (0, 0));
    }
}

#[test]
fn a_swarm_leaves_by_reset_and_without_a_word_where_its_server_ends_too() {
    let there = USERS - 3;
    for (leaving, reset, unsaid) in [(Leaving::Reset, there, 0), (Leaving::Silent, 0, there)] {
        let mut world = World::that_ends(leaving, 7, Fault::None, plan(7, true), Vec::new());
        world.run();
        let ends = |world: &World| {
            world.shards.iter().fold((0, 0), |(reset, unsaid), (_, net, _)| {
                (reset + net.ends.reset, unsaid + net.ends.unsaid)
            })
        };
        let before = ends(&world);
        world.end();
        let after = ends(&world);
        assert_eq!(
            (after.0 - before.0, after.1 - before.1),
            (reset, unsaid),
            "{leaving:?}"
        );
        assert!(world.shards.iter().all(|(_, net, _)| net.connections() == 0));
    }
}

#[test]
fn cuts_make_repeats_and_redeliveries_and_both_are_excused() {
    let (mut repeats, mut redelivered, mut reconnects, mut cut) = (0, 0, 0, 0);
    for seed in 0..10 {
        let mut world = World::new(seed, Fault::None, plan(seed, false), cuts(seed));
        world.run();
        repeats += world.server.borrow().repeats;
        redelivered += world.figures().redelivered;
        reconnects += world.tally().of(Count::Reconnects);
        cut += world.tally().of(Count::Cuts);
    }
    assert!(
        [repeats, redelivered, reconnects, cut]
            .iter()
            .all(|count| *count > 0),
        "{repeats} {redelivered} {reconnects} {cut}"
    );
}

fn after(fault: Fault) -> Figures {
    let mut world = World::new(7, fault, plan(7, false), Vec::new());
    world.run();
    let figures = world.figures();
    assert_eq!(
        figures.sent,
        figures.accepted + figures.refused + figures.unanswered()
    );
    assert_eq!(
        figures.accepted,
        figures.delivered + figures.queued + figures.missing
    );
    figures
}

#[test]
fn a_quiet_network_and_a_faultless_server_leave_nothing_to_say() {
    let mut world = World::new(7, Fault::None, plan(7, false), Vec::new());
    world.run();
    let (figures, tally) = (world.figures(), world.tally());
    assert!(figures.is_settled());
    let spotless = Figures {
        sent: figures.sent,
        accepted: figures.sent,
        delivered: figures.delivered,
        queued: world.server.borrow().queued(),
        ..Figures::default()
    };
    assert_eq!(figures, spotless);
    assert!(figures.queued > 0, "three were away");
    assert_eq!(tally.of(Count::Ticks), figures.delivered);
    assert_eq!((tally.of(Count::Cuts), tally.of(Count::ArrivalsUnsent)), (0, 0));
    assert_eq!(
        world.deliveries.len() as u64,
        figures.delivered,
        "all were online when the messages were due"
    );
    assert!(tally.of(Count::CopiesSentGroup) > 0);
}

#[test]
fn a_duplicate_is_found() {
    let figures = after(Fault::Duplicate);
    assert_eq!(
        (figures.duplicated, figures.missing, figures.corrupted),
        (1, 0, 0)
    );
}

#[test]
fn a_loss_is_found() {
    let figures = after(Fault::Lose);
    assert_eq!(
        (figures.missing, figures.duplicated, figures.corrupted),
        (1, 0, 0)
    );
}

#[test]
fn damage_is_found() {
    let figures = after(Fault::Corrupt);
    assert_eq!(
        (figures.corrupted, figures.missing),
        (1, 1),
        "and the copy itself never came"
    );
}

#[test]
fn one_message_after_a_later_one_is_found() {
    let figures = after(Fault::Misorder);
    assert_eq!(
        (figures.misordered, figures.missing, figures.duplicated),
        (1, 0, 0)
    );
}

#[test]
fn a_message_to_the_wrong_person_is_found() {
    let figures = after(Fault::Misdirect);
    assert_eq!((figures.corrupted, figures.missing), (1, 1));
}

#[test]
fn a_message_that_was_refused_and_came_is_found() {
    let figures = after(Fault::Contradict);
    assert!(figures.delivered_refused > 0);
    assert_eq!(figures.missing, 0);
}

#[test]
fn what_cannot_be_carried_out_is_counted_and_not_put_off() {
    let send = What::Send {
        to: To::User(1),
        bytes: 50,
        media: false,
    };
    let plan = vec![
        Action {
            at_us: 10,
            user: 0,
            what: send,
        },
        Action {
            at_us: 20,
            user: 2,
            what: What::Typing { to: 1 },
        },
    ];
    let mut world = World::new(1, Fault::None, plan, Vec::new());
    world.run();
    assert_eq!(world.tally().of(Count::ArrivalsUnsent), 2);
    assert_eq!(world.figures(), Figures::default());
}

#[test]
fn a_late_turn_is_told_from_a_punctual_one() {
    let connect = |at_us, user| Action {
        at_us,
        user,
        what: What::Connect,
    };
    let mut world = World::new(1, Fault::None, vec![connect(0, 0), connect(0, 3)], Vec::new());
    // The loop was kept from its first turn for two seconds.
    world.shards[0].2 = 2_000_000;
    world.run();
    assert_eq!(world.tally().of(Count::ArrivalsLate), 2);
    assert_eq!(world.tally().of(Count::Logins), 2);
}
