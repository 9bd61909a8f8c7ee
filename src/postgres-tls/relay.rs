//! The relay: a socket for libpq on one side, TLS to the server on the other.

use std::fs::{Permissions, read_dir, remove_dir, remove_file};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream as Probe;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tempfile::TempDir;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::RelayError;
use crate::startup::{ask_for_tls, introduce, refuse};
use crate::target::Target;
use crate::tls;

/// The start of the name of a relay's folder.
const FOLDER: &str = "onbehalf-pg-";
/// How long an unresponsive server is waited for.
const SILENCE: Duration = Duration::from_secs(30);
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(5));

/// A running relay. Dropping it closes its connections.
#[derive(Debug)]
pub struct Relay {
    url: String,
    _folder: TempDir,
    /// Ends the thread when it is dropped.
    _stop: oneshot::Sender<()>,
}

impl Relay {
    /// Starts a relay to the server of this URL; `None` where the URL asks for no TLS, or names a Unix
    /// socket.
    ///
    /// # Errors
    ///
    /// [`RelayError`]. Whether the server can be reached is not checked.
    pub fn start(url: &str) -> Result<Option<Self>, RelayError> {
        let Some(target) = Target::of(url)? else { return Ok(None) };
        let connector = Connector::of(&target)?;
        remove_stale();
        let folder = private_folder().map_err(RelayError::Socket)?;
        let url = target.local_url(folder.path());
        let socket = folder.path().join(Target::socket_name());
        let (stop, stopped) = oneshot::channel();
        let runtime = Builder::new_current_thread().enable_all().build().map_err(RelayError::Socket)?;
        let listener = {
            let _within = runtime.enter();
            UnixListener::bind(socket).map_err(RelayError::Socket)?
        };
        let serve = move || {
            runtime.spawn(accept(listener, Arc::new(connector)));
            // The task ends with the relay, which holds the other end of the channel; all connections end
            // with the runtime.
            drop(runtime.block_on(stopped));
        };
        thread::Builder::new().name("postgres-tls".to_owned()).spawn(serve).map_err(RelayError::Socket)?;
        Ok(Some(Self { url, _folder: folder, _stop: stop }))
    }

    /// The URL by which libpq reaches the server through the relay.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// How to connect to the server.
struct Connector {
    target: Target,
    name: ServerName<'static>,
    tls: TlsConnector,
}

impl Connector {
    fn of(target: &Target) -> Result<Self, RelayError> {
        let name = ServerName::try_from(target.host.clone()).or(Err(RelayError::Host))?;
        let tls = TlsConnector::from(Arc::new(tls::config(target)?));
        Ok(Self { target: target.clone(), name, tls })
    }

    /// Connects, and verifies the server's certificate; the error is a sentence for the operator.
    async fn connect(&self) -> Result<TlsStream<TcpStream>, String> {
        let connect = async {
            let Target { host, address, port, .. } = &self.target;
            let mut server = TcpStream::connect((address.as_deref().unwrap_or(host), *port))
                .await
                .map_err(|fault| format!("the database server cannot be reached: {fault}"))?;
            watch(&server).map_err(|fault| format!("the connection cannot be watched: {fault}"))?;
            match ask_for_tls(&mut server).await {
                Ok(true) => {}
                Ok(false) => return Err("the database server offers no TLS".to_owned()),
                Err(fault) => return Err(format!("the database server did not answer: {fault}")),
            }
            let secured = self.tls.connect(self.name.clone(), server).await;
            secured.map_err(|fault| format!("TLS with the database server failed: {fault}"))
        };
        let connected = tokio::time::timeout(self.target.connect_timeout, connect).await;
        connected.unwrap_or_else(|_late| Err("the database server did not answer in time".to_owned()))
    }
}

/// TCP keep-alive, which detects a server that has vanished; small messages are sent at once.
fn watch(server: &TcpStream) -> io::Result<()> {
    server.set_nodelay(true)?;
    let socket = SockRef::from(server);
    let (idle, interval) = KEEPALIVE;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(3))?;
    socket.set_tcp_user_timeout(Some(SILENCE))
}

async fn accept(listener: UnixListener, connector: Arc<Connector>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let connector = Arc::clone(&connector);
                tokio::spawn(async move { relay(client, &connector).await });
            }
            // Too many open files: open connections may end, and then the next is accepted.
            Err(fault) => {
                tracing::warn!(%fault, "a connection to the database could not be accepted by its relay");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn relay(mut client: UnixStream, connector: &Connector) {
    match connector.connect().await {
        Ok(mut server) => {
            // libpq and the server report how it ended.
            if introduce(&mut client, &mut server).await.is_ok() {
                drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
            }
        }
        Err(told) => drop(refuse(&mut client, &told).await),
    }
}

/// A folder that only its user can enter; it is removed when it is dropped.
fn private_folder() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix(FOLDER).permissions(Permissions::from_mode(0o700)).tempdir()
}

/// Removes the folders of relays that were killed, where no process listens any more.
fn remove_stale() {
    let Ok(entries) = read_dir(std::env::temp_dir()) else { return };
    let folders = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(FOLDER));
    for folder in folders.map(|entry| entry.path()) {
        let probed = Probe::connect(folder.join(Target::socket_name()));
        if probed.is_err_and(|fault| fault.kind() == io::ErrorKind::ConnectionRefused) {
            remove(&folder);
        }
    }
}

fn remove(folder: &Path) {
    drop(remove_file(folder.join(Target::socket_name())));
    drop(remove_dir(folder));
}
