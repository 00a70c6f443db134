//! A server whose threads end though nobody stopped it.

use std::path::Path;

use super::*;
use crate::config::Config;
use crate::knobs::{Durability, Knobs};

fn config(folder: &Path) -> Config {
    Config {
        durability: Durability::Memory,
        shards: Some(2),
        ..Config::on_loopback(folder.join("data"), b"secret")
    }
}

#[tokio::test]
async fn a_thread_that_ends_by_itself_ends_the_servers_health() {
    let folder = tempfile::tempdir().unwrap();
    for (office, expected) in [(false, "shard-"), (true, "office")] {
        let server = Server::start(config(folder.path()), Knobs::default())
            .await
            .unwrap();
        assert_eq!(server.health.problem(), None);
        // As if it had ended for a reason of its own: nobody called `stop`.
        let (flag, wakes) = match office {
            true => (&server.office_stop, std::slice::from_ref(&server.office_wake)),
            false => (&server.stop, server.wakes.as_slice()),
        };
        flag.store(true, Ordering::Release);
        wakes.iter().for_each(Wake::wake);
        let name = server.ended().await;
        assert!(name.starts_with(expected), "{name}");
        let problem = server.health.problem().unwrap();
        assert_eq!(problem, format!("the thread {name} has ended"));
        server.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data"), "a file").unwrap();
    let error = Server::start(config(folder.path()), Knobs::default())
        .await
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("cannot make the data folder "), "{error}");
    assert!(error.contains("/data: ") && error.contains("--data"), "{error}");
}
