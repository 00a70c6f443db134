//! To be written.
#![allow(missing_docs)]
#[derive(Debug, thiserror::Error)]
#[error("http")]
pub struct HttpError;
#[derive(Debug)]
pub struct HttpHandle;
impl HttpHandle {
    pub fn public_address(&self) -> Option<std::net::SocketAddr> {
        None
    }
    pub fn admin_address(&self) -> Option<std::net::SocketAddr> {
        None
    }
    pub async fn stop(&self) {}
}
#[derive(Debug)]
pub struct HttpConfig {}
pub async fn serve(_: HttpConfig, _: crate::desk::Desk, _: crate::figures::Figures, _: crate::knobs::Knobs) -> Result<HttpHandle, HttpError> {
    Ok(HttpHandle)
}
