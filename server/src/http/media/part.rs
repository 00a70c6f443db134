//! An upload under way: a file that nobody can ask for until it is whole.
//!
//! It does not know where its bytes come from. Dropped before it is finished, it leaves neither a file nor a claim on
//! the shelf's room.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt as _;

use super::super::refusal::Refusal;
use super::MediaId;
use super::shelf::Shelf;
use crate::custody::FILE_MODE;

/// The part.
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    claim: Claim,
}

/// What an unfinished part holds: its name and its share of the shelf's room.
#[derive(Debug)]
struct Claim {
    shelf: Arc<Shelf>,
    id: MediaId,
    path: PathBuf,
    bytes: u64,
    finished: bool,
}

impl Part {
    /// Begins one.
    pub(super) async fn create(shelf: Arc<Shelf>) -> Result<Self, Refusal> {
        let id = MediaId::random();
        let path = shelf.part_path(id);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(&path)
            .await
            .map_err(|error| shelf.fail(&error))?;
        let claim = Claim {
            shelf,
            id,
            path,
            bytes: 0,
            finished: false,
        };
        Ok(Self { file, claim })
    }

    /// Bytes so far.
    pub(super) fn bytes(&self) -> u64 {
        self.claim.bytes
    }

    /// Adds bytes.
    pub(super) async fn append(&mut self, data: &[u8]) -> Result<(), Refusal> {
        let claim = &mut self.claim;
        let more = data.len() as u64;
        claim.shelf.check_size(claim.bytes + more)?;
        claim.shelf.claim(more)?;
        claim.bytes += more;
        self.file
            .write_all(data)
            .await
            .map_err(|error| claim.shelf.fail(&error))
    }

    /// Puts it on the shelf.
    pub(super) async fn finish(mut self) -> Result<MediaId, Refusal> {
        let Claim { id, .. } = self.claim;
        let shelf = Arc::clone(&self.claim.shelf);
        // A tokio file is written in the background: only the flush tells whether it went well.
        self.file.flush().await.map_err(|error| shelf.fail(&error))?;
        let file = self.file.into_std().await;
        let claim = self.claim;
        // On one thread to its end, also where the request is given up meanwhile: the file and the count cannot part.
        let placed = tokio::task::spawn_blocking(move || claim.finish(&file));
        let placed = placed
            .await
            .unwrap_or_else(|error| Err(std::io::Error::other(error)));
        placed.map_err(|error| shelf.fail(&error))?;
        shelf.succeed();
        Ok(id)
    }
}

impl Claim {
    fn finish(mut self, file: &std::fs::File) -> std::io::Result<()> {
        self.shelf.place(self.id, &self.path, file)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.finished {
            self.shelf.release(self.bytes);
            // What cannot be removed now, the sweeper removes later.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
