//! The limit of open files. Each connection is one open file.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files reserved for the database, the log, keys, brokers and calls to subscribers.
const RESERVED: u64 = 256;

/// Raises the limit of open files as far as so many connections need and the system allows. Returns how many
/// connections can be open; when there are fewer, the log says so, and how to fix it.
pub(super) fn open_enough(connections: usize) -> usize {
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX);
    let limit = raise(wanted.saturating_add(RESERVED));
    let possible = possible(limit);
    if possible >= wanted {
        return connections;
    }
    tracing::warn!(
        limit,
        connections,
        "the limit of open files ({limit}) is too low for server.connections ({connections}): at most \
         {possible} connections can be open. Raise it: LimitNOFILE= of systemd, or `ulimit -n`"
    );
    usize::try_from(possible).unwrap_or(connections)
}

/// The highest limit of open files that the system allows this process.
pub(crate) fn most() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    maximum.or(current).unwrap_or(u64::MAX)
}

/// How many connections fit a limit of open files.
pub(crate) fn possible(limit: u64) -> u64 {
    // Under a very low limit, half of it: a server without connections would be useless.
    limit.saturating_sub(RESERVED).max(limit / 2)
}

/// Raises the limit to the number needed, or as far as the system allows, and returns it.
fn raise(needed: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(present) = current else { return u64::MAX };
    if present >= needed {
        return present;
    }
    let target = maximum.map_or(needed, |maximum| maximum.min(needed)).max(present);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(target), maximum });
    if raised.is_ok() { target } else { present }
}

#[cfg(test)]
mod tests {
    use super::possible;

    #[test]
    fn open_file_limit_reserves_files_for_database_and_log() {
        assert_eq!(possible(20_000), 19_744);
        assert_eq!(possible(300), 150);
        assert_eq!(possible(0), 0);
    }
}
