use super::super::simulated::SimulatedDisk;
use super::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

fn account(number: u64, epoch: u32) -> Account {
    let mut key = [epoch as u8; 32];
    key[..8].copy_from_slice(&number.to_le_bytes());
    Account { key, epoch }
}

#[test]
fn accounts_and_groups_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut accounts = Accounts::open(Some(directory.path().into())).unwrap();
    accounts.put_account(1, &account(1, 1));
    accounts.put_account(2, &account(2, 1));
    accounts.put_account(1, &account(1, 2));
    accounts.put_group(7, &[1, 2, 3]).unwrap();
    accounts.put_group(8, &[1]).unwrap();
    accounts.put_group(8, &[]).unwrap();
    assert!(accounts.put_group(9, &[0; MEMBERS_MAX + 1]).is_err());
    assert_eq!(accounts.places, cost(3), "what is dissolved takes none");
    assert_eq!(
        (accounts.group_places(7, 5), accounts.group_places(9, 1)),
        (cost(5), cost(3) + cost(1))
    );
    assert!(accounts.needs_commit());
    accounts.commit(true).unwrap();
    drop(accounts);
    let accounts = Accounts::open(Some(directory.path().into())).unwrap();
    assert_eq!(accounts.len(), 2);
    assert_eq!(accounts.account(1), Some(account(1, 2)));
    assert_eq!(accounts.account(2), Some(account(2, 1)));
    assert_eq!(accounts.account(3), None);
    assert_eq!(accounts.group(7), Some(&[1, 2, 3][..]));
    assert_eq!(accounts.group(8), None);
    assert_eq!(accounts.places, cost(3));
}

#[test]
fn in_memory_it_needs_no_commit() {
    let mut accounts = Accounts::open(None).unwrap();
    accounts.put_account(5, &account(5, 1));
    assert!(!accounts.needs_commit());
    accounts.commit(true).unwrap();
    assert_eq!(accounts.account(5), Some(account(5, 1)));
}

#[test]
fn an_account_takes_at_most_eighty_bytes() {
    let mut accounts = Accounts::open(None).unwrap();
    for number in 0..200_000 {
        accounts.put_account(number, &account(number, 1));
        if number > 50_000 {
            assert!(accounts.memory_bytes() <= accounts.len() * 80);
        }
    }
}

#[test]
fn what_follows_a_torn_record_is_cut_off() {
    let disk = SimulatedDisk::new(1);
    let open = || Accounts::start(Some(Arc::new(disk.clone()))).unwrap();
    let mut accounts = open();
    for number in 1..=3 {
        accounts.put_account(number, &account(number, 1));
    }
    accounts.commit(true).unwrap();
    drop(accounts);
    disk.damage(FILE, ACCOUNT_BYTES + 30);
    let mut accounts = open();
    assert_eq!((accounts.len(), accounts.damaged_tails()), (1, 1));
    let kept = disk.open(&format!("{FILE}.{ACCOUNT_BYTES}.damaged")).unwrap();
    assert_eq!(kept.size().unwrap(), 2 * ACCOUNT_BYTES as u64);
    // The third record still stood behind the torn one; it must not come back.
    accounts.put_account(9, &account(9, 1));
    accounts.commit(true).unwrap();
    drop(accounts);
    let accounts = open();
    assert_eq!((accounts.len(), accounts.account(9)), (2, Some(account(9, 1))));
    assert_eq!(accounts.damaged_tails(), 0);
}

#[test]
fn a_torn_last_record_is_no_damage() {
    let disk = SimulatedDisk::new(1);
    let open = || Accounts::start(Some(Arc::new(disk.clone()))).unwrap();
    let mut accounts = open();
    (1..=3).for_each(|number| accounts.put_account(number, &account(number, 1)));
    accounts.commit(true).unwrap();
    drop(accounts);
    disk.damage(FILE, 2 * ACCOUNT_BYTES + 30);
    let accounts = open();
    assert_eq!((accounts.len(), accounts.damaged_tails()), (2, 0));
    assert_eq!(disk.list().unwrap(), [FILE]);
}

#[test]
fn committed_accounts_survive_crashes_failures_and_rewriting() {
    for seed in 0..20 {
        println!("seed {seed}");
        survive(seed);
    }
}

fn survive(seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let disk = SimulatedDisk::new(seed);
    let mut accounts = Accounts::start(Some(Arc::new(disk.clone()))).unwrap();
    let mut committed: BTreeMap<u64, u32> = BTreeMap::new();
    let mut pending: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    let mut epoch = 0;
    let mut sizes = Vec::new();
    for _ in 0..300 {
        for _ in 0..random.random_range(0..600) {
            epoch += 1;
            let number = random.random_range(0..6000);
            accounts.put_account(number, &account(number, epoch));
            pending.entry(number).or_default().push(epoch);
        }
        match random.random_range(0..20) {
            0 => disk.stop_after(random.random_range(0..12)),
            1 => disk.fail(random.random(), random.random()),
            _ => disk.fail(false, false),
        }
        if accounts.commit(true).is_ok() {
            for (number, epochs) in std::mem::take(&mut pending) {
                committed.insert(number, *epochs.last().unwrap());
            }
        }
        if random.random_bool(0.03) {
            drop(accounts);
            disk.crash();
            accounts = Accounts::start(Some(Arc::new(disk.clone()))).unwrap();
            for (number, epoch) in &committed {
                let found = accounts.account(*number).unwrap();
                let later = pending
                    .get(number)
                    .is_some_and(|epochs| epochs.contains(&found.epoch));
                assert!(found.epoch == *epoch || later, "seed {seed}, number {number}");
                assert_eq!(found, account(*number, found.epoch));
            }
            committed = (0..6000)
                .filter_map(|n| Some((n, accounts.account(n)?.epoch)))
                .collect();
            pending.clear();
        }
        sizes.push(disk.used());
    }
    let shrank = sizes.windows(2).any(|pair| pair[1] * 2 < pair[0]);
    assert!(shrank, "seed {seed}: the file was never rewritten");
}
