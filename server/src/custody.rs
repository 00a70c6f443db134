//! Files and folders that nobody but their owner may read: keys, mail, media.
//!
//! It does not know what is in them. What was there before keeps its mode.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// The mode of a new file. A key opens an account and mail is its owner's, whatever the umask says.
pub(crate) const FILE_MODE: u32 = 0o600;
/// The mode of a new folder.
const FOLDER_MODE: u32 = 0o700;

/// Makes a folder, and those above it, where it is missing.
///
/// # Errors
/// It cannot be made, or something else has its name.
pub fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)
}
