//! How a run ends: by its plan, by somebody's hand, or broken off.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use loadgen::Swarm;
use loadgen::upload::HttpService;
use record::{EventKind, Sample};
use wire::chat::Code;

use super::super::sampling::ASKED_MOST;
use super::super::target::data_folder;
use super::Live;
use crate::conduct::INTERRUPTED;
use crate::exit::sentence;

/// How long HTTP jobs that are under way at the end may take.
const HTTP_GRACE: Duration = Duration::from_secs(5);

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Finished,
    Interrupted,
    ServerGone,
}

impl Live<'_> {
    pub(super) async fn finish(
        &mut self,
        swarm: Swarm,
        http: Option<HttpService>,
        begin_us: u64,
        end: End,
    ) -> Result<()> {
        let mut last = Sample::default();
        self.mark(begin_us, record::CLOSING)?;
        swarm.stop();
        self.prepared.replays.stop();
        let joined = tokio::task::spawn_blocking(move || {
            let outcome = swarm.join(&mut last);
            (outcome, last)
        });
        let grace = if end == End::Finished {
            HTTP_GRACE
        } else {
            Duration::from_millis(100)
        };
        let mut rest = Sample::default();
        if let Some(http) = http {
            http.finish(grace, &mut rest).await;
        }
        let (outcome, last) = joined.await.context("the swarm's end")?;
        let t_ms = self.since_us(begin_us) / 1000;
        self.finish_storm(end)?;
        let replayed = self.finish_replays()?;
        // The server may still be working off the last acknowledgements. One that went with an interrupt, as a terminal's does to
        // all, is not waited for.
        let asked_most = if end == End::Finished { ASKED_MOST } else { 1 };
        let mut sample = self.sampling.finish(t_ms, &self.target, asked_most).await;
        for part in [last, rest] {
            sample.counters.extend(part.counters);
            sample.gauges.extend(part.gauges);
            for (name, histogram) in part.histograms {
                sample.histograms.entry(name).or_default().merge(&histogram);
            }
        }
        self.prepared.replays.sample(&mut sample);
        self.writer.sample(&sample)?;
        if let Some(why) = self.uncounted(end, &sample) {
            self.note(t_ms, EventKind::Invalid, "server silent", &why)?;
        }
        for (kind, name, what) in replayed {
            self.note(t_ms, kind, name, &what)?;
        }
        match outcome {
            Err(error) => self.note(t_ms, EventKind::Invalid, "swarm", &error.to_string())?,
            Ok(outcome) => {
                for (code, count) in outcome.refusals {
                    self.note_refusals(t_ms, code, count)?;
                }
            }
        }
        if end == End::Interrupted {
            let (kind, name, what) = INTERRUPTED;
            self.note(t_ms, kind, name, what)?;
        }
        self.clean(end).await?;
        self.mark(begin_us, record::CLOSED)
    }

    /// Ends a run that broke, mostly because its folder cannot be written any more. Returns the error where that
    /// cannot be written down either.
    pub(super) async fn give_up(&mut self, begin_us: u64, error: anyhow::Error) -> Option<anyhow::Error> {
        let why = format!("The run broke off: {}.", sentence(&error));
        let t_ms = self.since_us(begin_us) / 1000;
        self.storm = None;
        // The server's data may be what filled the disk: without them there may be room to say so.
        let cleaned = self.clean(End::ServerGone).await;
        let noted = cleaned.and_then(|()| self.note(t_ms, EventKind::Invalid, "broke off", &why));
        noted.err().map(|_| error)
    }

    /// Why the ledger has one end only, where the server was to count as well.
    fn uncounted(&self, end: End, last: &Sample) -> Option<String> {
        let admin = self.target.admin.filter(|_| end == End::Finished)?;
        let is_counted = last.counters.contains_key(record::name::server::COPIES_ACCEPTED);
        (!is_counted).then(|| {
            format!("The server did not tell its counts at http://{admin}/stats when the run ended: the ledger has one end only.")
        })
    }

    fn note_refusals(&mut self, t_ms: u64, code: Code, count: u64) -> Result<()> {
        // A full disk is the testbed's shortcoming, not the server's answer to the load.
        if code == Code::StorageFull {
            let why =
                format!("{count} copies were refused: the server's disk or its quota is full ({code:?}).");
            return self.note(t_ms, EventKind::Invalid, "storage full", &why);
        }
        let what = format!("{count} copies were refused: {code:?}");
        self.note(t_ms, EventKind::Note, "refused", &what)
    }

    /// Ends the replays and writes what came of them. Returns what is to be noted.
    fn finish_replays(&mut self) -> Result<Vec<(EventKind, &'static str, String)>> {
        if !self.prepared.replays.are_there() {
            return Ok(Vec::new());
        }
        let (replay, events) = self.prepared.replays.finish();
        self.writer.replay(&replay)?;
        Ok(events)
    }

    /// Ends the server and removes its data.
    async fn clean(&mut self, end: End) -> Result<()> {
        self.progress.finish();
        if let Some(child) = self.target.child.take() {
            match end {
                End::Finished => child.stop().await,
                End::Interrupted | End::ServerGone => child.kill().await,
            }
            if !self.args.keep_data {
                remove(&data_folder(&self.prepared.folder));
            }
        }
        Ok(())
    }
}

fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder) {
        errln!("note: {} cannot be removed: {error}", folder.display());
    }
}
