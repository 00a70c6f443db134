//! A running server: where it is, what it counts, and how it ends.
//!
//! It knows neither what the office does nor what a shard says.

mod error;
mod opening;
mod start;
mod threads;
mod wiring;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use reactor::{SecureOptions, ShardError, Wake};

use crate::config::ShardPlan;
use crate::figures::Figures;
use crate::http::{Health, HttpHandle};
use crate::sink::SinkTask;
use crate::warden::Warden;
pub use error::StartError;

/// How long a sink may take to hand over what waits when the server stops.
const SINK_GRACE: std::time::Duration = std::time::Duration::from_secs(2);

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    plan: ShardPlan,
    secure: Option<SecureOptions>,
    figures: Figures,
    http: Option<HttpHandle>,
    health: Health,
    http_addresses: (SocketAddr, SocketAddr),
    sinks: Vec<SinkTask>,
    stop: Arc<AtomicBool>,
    office_stop: Arc<AtomicBool>,
    wakes: Vec<Wake>,
    office_wake: Wake,
    shards: Vec<JoinHandle<Result<(), ShardError>>>,
    office: Option<JoinHandle<()>>,
    warden: Option<Warden>,
}

impl Server {
    /// Returns once one of its threads has ended though nobody stopped the server: it serves no more as it should, and is to
    /// be stopped. The name is the thread's.
    pub async fn ended(&self) -> String {
        match &self.warden {
            Some(warden) => warden.ended().await,
            None => std::future::pending().await,
        }
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The shards it has.
    #[must_use]
    pub fn plan(&self) -> ShardPlan {
        self.plan
    }

    /// Its figures.
    #[must_use]
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Where media and registration are.
    #[must_use]
    pub fn http_address(&self) -> SocketAddr {
        self.http_addresses.0
    }

    /// Where the admin HTTP is.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.http_addresses.1
    }

    /// Stops gracefully: no new connections, a farewell to everybody, what was accepted on disk.
    ///
    /// # Errors
    /// A shard had failed before.
    pub async fn stop(mut self) -> Result<(), StartError> {
        self.health.drain();
        // From now on threads end because they are told to.
        self.warden = None;
        if let Some(mut http) = self.http.take() {
            http.stop().await;
        }
        let sinks = std::mem::take(&mut self.sinks);
        let result = tokio::task::spawn_blocking(move || self.join())
            .await
            .map_err(|_| StartError::Ended("the thread that waits for all others panicked"))?;
        for sink in sinks {
            sink.stop(SINK_GRACE).await;
        }
        result
    }

    /// Ends all threads; what the shards leave the office still works off.
    fn join(&mut self) -> Result<(), StartError> {
        self.stop.store(true, Ordering::Release);
        self.wakes.iter().for_each(Wake::wake);
        let mut result = Ok(());
        for shard in self.shards.drain(..) {
            match shard.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => result = Err(error.into()),
                Err(_) => result = Err(StartError::Ended("a shard panicked")),
            }
        }
        self.office_stop.store(true, Ordering::Release);
        self.office_wake.wake();
        if self.office.take().is_some_and(|office| office.join().is_err()) {
            result = Err(StartError::Ended("the office panicked"));
        }
        result
    }
}

#[cfg(test)]
mod tests;
