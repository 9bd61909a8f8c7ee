//! The relay: a socket for libpq on one side, TLS to the server on the other.

use std::fs::{File, Permissions, read_dir, remove_dir_all, rename};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
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
/// The file in it that is locked as long as the relay lives.
const ALIVE: &str = "alive";
/// How long an unresponsive server is waited for.
const SILENCE: Duration = Duration::from_secs(30);
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(5));

/// A running relay. Dropping it closes its connections.
#[derive(Debug)]
pub struct Relay {
    url: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "it is removed when the relay is dropped"))]
    folder: TempDir,
    _alive: File,
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
        let (folder, alive) = private_folder().map_err(RelayError::Socket)?;
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
        Ok(Some(Self { url, folder, _alive: alive, _stop: stop }))
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
        Err(message) => drop(refuse(&mut client, &message).await),
    }
}

/// A folder that only its user can enter, and the locked file in it. The file is locked before it gets its name, so that
/// no other process finds it unlocked.
fn private_folder() -> io::Result<(TempDir, File)> {
    let permissions = Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().prefix(FOLDER).permissions(permissions).tempdir()?;
    let unnamed = folder.path().join("new");
    let alive = File::create(&unnamed)?;
    alive.lock()?;
    rename(unnamed, folder.path().join(ALIVE))?;
    Ok((folder, alive))
}

/// Removes the folders of relays that were killed: their lock is free.
fn remove_stale() {
    let Ok(entries) = read_dir(std::env::temp_dir()) else { return };
    let folders = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(FOLDER));
    for folder in folders.map(|entry| entry.path()) {
        if File::open(folder.join(ALIVE)).is_ok_and(|alive| alive.try_lock().is_ok()) {
            drop(remove_dir_all(folder));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, create_dir};
    use std::thread;

    use super::{ALIVE, FOLDER, Relay};

    const URL: &str = "postgres://user@database.test/x?sslmode=require&sslrootcert=system";

    #[test]
    fn relays_that_start_at_the_same_time_keep_their_folders() {
        let start = || {
            for _ in 0..50 {
                let relay = Relay::start(URL).unwrap().unwrap();
                assert!(relay.folder.path().read_dir().unwrap().count() == 2, "the socket and the lock");
            }
        };
        thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(start))));
    }

    #[test]
    fn the_folder_of_a_relay_that_was_killed_is_removed() {
        let left = std::env::temp_dir().join(format!("{FOLDER}left-{}", std::process::id()));
        create_dir(&left).unwrap();
        File::create(left.join(ALIVE)).unwrap();
        let _relay = Relay::start(URL).unwrap().unwrap();
        assert!(!left.exists());
    }
}
