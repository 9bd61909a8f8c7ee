//! Resolution of host names that clients have named, with a check of each address: the address that is called
//! is the one that was checked.

use std::error::Error as StdError;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::net::address::is_public;

/// A lookup in the domain name system.
pub trait Lookup: Send + Sync {
    /// The addresses of a host.
    fn look_up(&self, host: String) -> BoxFuture<'_, io::Result<Vec<IpAddr>>>;
}

/// The operating system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn look_up(&self, host: String) -> BoxFuture<'_, io::Result<Vec<IpAddr>>> {
        async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        }
        .boxed()
    }
}

/// Why a name may not be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// It has no address.
    #[error("the name has no address")]
    Unknown,
    /// It has an address that is not public.
    #[error("the name has an address that is not public")]
    NotPublic,
}

/// Resolves names to addresses of the public internet only: a name that has another one too is refused. The
/// client connects to these very addresses, so that a name that resolves differently a moment later gains
/// nothing (DNS rebinding).
#[derive(Clone)]
pub struct PublicOnly {
    /// The lookup.
    pub lookup: Arc<dyn Lookup>,
    /// Whether names of localhost pass: for the sandbox and for tests.
    pub allows_loopback: bool,
}

impl PublicOnly {
    fn reaches(&self, address: IpAddr) -> bool {
        is_public(address) || self.allows_loopback && address.is_loopback()
    }

    async fn resolve_checked(&self, host: String) -> Result<Vec<SocketAddr>, NameFault> {
        let addresses = self.lookup.look_up(host).await.or(Err(NameFault::Unknown))?;
        if addresses.is_empty() {
            return Err(NameFault::Unknown);
        }
        if !addresses.iter().all(|address| self.reaches(*address)) {
            return Err(NameFault::NotPublic);
        }
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect())
    }
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let these = self.clone();
        async move {
            let resolved = these.resolve_checked(name.as_str().to_owned()).await;
            let addresses = resolved.map_err(Box::<dyn StdError + Send + Sync>::from)?;
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        }
        .boxed()
    }
}
