//! The start of a connection in PostgreSQL's protocol, as far as the relay takes part.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// `SSLRequest`: its length and its code.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// Types of server messages: a request for authentication, and the supported protocol versions.
const AUTHENTICATION: u8 = b'R';
const NEGOTIATE_VERSION: u8 = b'v';
/// The code of `AuthenticationSASL`.
const SASL: [u8; 4] = [0, 0, 0, 10];
/// The longest startup message that is read, as in PostgreSQL.
const MOST: u32 = 10_000;

/// Asks the server for TLS; `false` where it offers none. Exactly one byte of its response is read, so that
/// unencrypted bytes cannot be taken for an encrypted response (CVE-2021-23222).
pub(crate) async fn ask_for_tls(server: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<bool> {
    server.write_all(&SSL_REQUEST).await?;
    Ok(server.read_u8().await? == b'S')
}

/// Passes on the start of a connection, and the server's messages up to its request for authentication.
///
/// SASL mechanisms with channel binding are removed from the server's offer: libpq takes them for an attack
/// where it does not speak TLS itself. libpq then declares that it does not support channel binding (`n`, RFC
/// 5802 section 6), which the server accepts.
pub(crate) async fn introduce(
    client: &mut (impl AsyncRead + AsyncWrite + Unpin),
    server: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> io::Result<()> {
    let startup = read_rest(client).await?;
    server.write_all(&startup).await?;
    server.flush().await?;
    loop {
        let kind = server.read_u8().await?;
        let mut message = read_rest(server).await?;
        if kind == AUTHENTICATION
            && let Some(offered) = without_channel_binding(&message)
        {
            message = offered;
        }
        client.write_u8(kind).await?;
        client.write_all(&message).await?;
        client.flush().await?;
        if kind != NEGOTIATE_VERSION {
            return Ok(());
        }
    }
}

/// Reads the rest of a message, which begins with its length, and returns both.
async fn read_rest(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = from.read_u32().await?;
    if !(4..=MOST).contains(&length) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a startup message cannot have this length"));
    }
    let mut message = length.to_be_bytes().to_vec();
    message.resize(usize::try_from(length).unwrap_or(message.len()), 0);
    if let Some(rest) = message.get_mut(4..) {
        from.read_exact(rest).await?;
    }
    Ok(message)
}

/// The message `AuthenticationSASL` without the mechanisms that end in `-PLUS`; `None` for another message. A
/// message begins with its length.
fn without_channel_binding(message: &[u8]) -> Option<Vec<u8>> {
    let names = message.get(4..)?.strip_prefix(&SASL)?;
    let mut rest = SASL.to_vec();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty() && !name.ends_with(b"-PLUS")) {
        rest.extend_from_slice(name);
        rest.push(0);
    }
    rest.push(0);
    let length = u32::try_from(rest.len() + 4).ok()?;
    Some([length.to_be_bytes().as_slice(), &rest].concat())
}

/// Refuses a connection with an error that libpq shows (`ErrorResponse`).
pub(crate) async fn refuse(
    client: &mut (impl AsyncRead + AsyncWrite + Unpin),
    message: &str,
) -> io::Result<()> {
    // libpq sends its startup message first.
    read_rest(client).await?;
    let message = message.replace('\0', " ");
    let fields = format!("SFATAL\0VFATAL\0C08001\0M{message}\0\0");
    client.write_u8(b'E').await?;
    client.write_u32(u32::try_from(fields.len() + 4).unwrap_or(u32::MAX)).await?;
    client.write_all(fields.as_bytes()).await?;
    client.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::without_channel_binding;

    #[test]
    fn sasl_mechanisms_with_channel_binding_are_removed() {
        let message = |names: &[u8]| {
            let length = u32::try_from(names.len() + 8).unwrap().to_be_bytes();
            [length.as_slice(), &[0, 0, 0, 10], names].concat()
        };
        let both = message(b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
        assert_eq!(without_channel_binding(&both), Some(message(b"SCRAM-SHA-256\0\0")));
        let one = message(b"SCRAM-SHA-256\0\0");
        assert_eq!(without_channel_binding(&one), Some(one.clone()));
        // AuthenticationOk, and AuthenticationMD5Password.
        for other in [&[0, 0, 0, 8, 0, 0, 0, 0][..], &[0, 0, 0, 12, 0, 0, 0, 5, 1, 2, 3, 4]] {
            assert_eq!(without_channel_binding(other), None);
        }
    }
}
