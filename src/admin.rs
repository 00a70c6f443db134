//! A client of a server's admin HTTP, with its token.
//!
//! The token comes from the environment alone: arguments are anybody's to read, and a run folder keeps them. It knows no path.

use std::env::VarError;

use anyhow::{Context as _, Result, bail};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

/// Where the token is.
const TOKEN: &str = "TEEM_ADMIN_TOKEN";

/// The token, where there is one.
///
/// # Errors
/// It is no text.
pub(crate) fn token() -> Result<Option<String>> {
    match std::env::var(TOKEN) {
        Ok(token) => Ok(Some(token).filter(|token| !token.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => bail!("{TOKEN}: expected printable characters, as in a header"),
    }
}

/// A client that shows the token. It asks no proxy: who stands between would have the token.
///
/// # Errors
/// The token does not fit into a header.
pub(crate) fn client() -> Result<reqwest::Client> {
    let mut headers = HeaderMap::new();
    if let Some(token) = token()? {
        let mut value = HeaderValue::try_from(format!("Bearer {token}"))
            .with_context(|| format!("{TOKEN}: expected printable characters, as in a header"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(reqwest::Client::builder()
        .default_headers(headers)
        .no_proxy()
        .build()?)
}
