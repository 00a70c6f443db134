//! Who the server of a run is, and whom its clients trust: files read or made, configurations built.
//!
//! The handshakes and sessions are `wire`'s; here are the paths, the names and the clock.

mod keylog;

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use wire::tls::{
    ClientOptions, ClientTls, Identity, ServerOptions, ServerTls, TimeProvider, Trust, UnixTime, certificates,
};

pub(crate) use keylog::KeyLogFile;

/// The certificate that a server makes for itself, in its data folder.
pub(crate) const CERTIFICATE: &str = "tls-certificate.pem";
/// Its key, readable by nobody else.
const KEY: &str = "tls-key.pem";
/// What a generated certificate is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "198.19.255.254"];

/// The host's clock.
#[derive(Debug)]
struct HostClock;

impl TimeProvider for HostClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::now())
    }
}

/// A server's identity: from files, or generated once in its data folder; and how many tickets it gives a connection.
///
/// # Errors
/// A file that cannot be read or written, or is not what it should be.
pub(crate) fn server(files: Option<(&Path, &Path)>, data: &Path, tickets: u8) -> Result<ServerTls> {
    let (certificate, key) = match files {
        Some((certificate, key)) => (certificate.to_owned(), key.to_owned()),
        None => own_identity(data)?,
    };
    let identity = Identity::from_pem(&read(&certificate)?, &read(&key)?)
        .with_context(|| format!("{} and {}", certificate.display(), key.display()))?;
    let options = ServerOptions {
        identity,
        alpn: Vec::new(),
        tickets,
    };
    Ok(ServerTls::new(options, Arc::new(HostClock))?)
}

/// A client that trusts exactly the certificate in a file, and takes tickets if it `resumes`.
///
/// # Errors
/// The file cannot be read, or holds none.
pub(crate) fn client(certificate: &Path, name: &str, resumes: bool) -> Result<ClientTls> {
    let found = certificates(&read(certificate)?).with_context(|| certificate.display().to_string())?;
    let first = found
        .into_iter()
        .next()
        .with_context(|| format!("{} holds no certificate", certificate.display()))?;
    let options = ClientOptions {
        trust: Trust::Pinned(first),
        name: name.to_owned(),
        alpn: Vec::new(),
        resumes,
    };
    Ok(ClientTls::new(options, Arc::new(HostClock))?)
}

/// Whom a client trusts, by a file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trusted<'a> {
    /// Its first certificate, and nobody else.
    Exactly(&'a Path),
    /// Whatever its certificates certify.
    Roots(&'a Path),
}

/// A client that shows a certificate of its own, given with its key, where it is asked for one.
///
/// # Errors
/// A file that cannot be read, or does not hold what it should.
pub(crate) fn client_to(
    trusted: Trusted<'_>,
    name: &str,
    identity: Option<(&Path, &Path)>,
) -> Result<ClientTls> {
    let (Trusted::Exactly(file) | Trusted::Roots(file)) = trusted;
    let mut found = certificates(&read(file)?).with_context(|| file.display().to_string())?;
    let options = ClientOptions {
        trust: match trusted {
            Trusted::Exactly(_) => Trust::Pinned(found.swap_remove(0)),
            Trusted::Roots(_) => Trust::Roots(found),
        },
        name: name.to_owned(),
        alpn: Vec::new(),
        resumes: false,
    };
    let Some((certificate, key)) = identity else {
        return Ok(ClientTls::new(options, Arc::new(HostClock))?);
    };
    let shown = || format!("{} and {}", certificate.display(), key.display());
    let identity = Identity::from_pem(&read(certificate)?, &read(key)?).with_context(shown)?;
    ClientTls::with_identity(options, identity, Arc::new(HostClock)).with_context(shown)
}

/// Makes certificate and key unless they are there: a server that starts again stays who it was.
fn own_identity(data: &Path) -> Result<(PathBuf, PathBuf)> {
    let (certificate, key) = (data.join(CERTIFICATE), data.join(KEY));
    if !(certificate.exists() && key.exists()) {
        server::private_folder(data).with_context(|| format!("cannot make {}", data.display()))?;
        let (certificate_pem, key_pem) = Identity::generate_pem(&NAMES)?;
        write(&key, &key_pem, 0o600)?;
        write(&certificate, &certificate_pem, 0o644)?;
    }
    Ok((certificate, key))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    std::fs::File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}
