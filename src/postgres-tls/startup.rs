//! The two messages of PostgreSQL's protocol that the relay speaks itself.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// `SSLRequest`: its length and its code.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// The longest start of a connection that is read before it is refused, as PostgreSQL has it.
const MOST: u32 = 10_000;

/// Asks the server for TLS; `false` where it offers none. Exactly one byte is read of its answer, so that nothing that
/// came unencrypted can be taken for an encrypted answer (CVE-2021-23222).
pub(crate) async fn ask_for_tls(server: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<bool> {
    server.write_all(&SSL_REQUEST).await?;
    Ok(server.read_u8().await? == b'S')
}

/// Answers the start of a connection with an error that libpq shows (`ErrorResponse`).
pub(crate) async fn refuse(
    client: &mut (impl AsyncRead + AsyncWrite + Unpin),
    message: &str,
) -> io::Result<()> {
    // libpq sends its startup message first.
    let length = client.read_u32().await?.clamp(4, MOST);
    let mut rest = vec![0; usize::try_from(length - 4).unwrap_or_default()];
    client.read_exact(&mut rest).await?;
    let message = message.replace('\0', " ");
    let fields = format!("SFATAL\0VFATAL\0C08001\0M{message}\0\0");
    client.write_u8(b'E').await?;
    client.write_u32(u32::try_from(fields.len() + 4).unwrap_or(u32::MAX)).await?;
    client.write_all(fields.as_bytes()).await?;
    client.shutdown().await
}
