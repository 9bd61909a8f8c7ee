//! How many files this process may have open: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is not for connections of callers: the database, the log, keys, brokers, subscribers.
const RESERVED: u64 = 256;

/// Raises the limit of open files as far as so many connections need and as the system allows. Returns how
/// many connections can be taken; where they are fewer, the log says so, and how to mend it.
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
        "the limit of open files ({limit}) is too low for server.connections ({connections}): no more than \
         {possible} are taken at a time. Raise it: LimitNOFILE= of systemd, or `ulimit -n`"
    );
    usize::try_from(possible).unwrap_or(connections)
}

/// The limit of open files that this process could have.
pub(crate) fn most() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    maximum.or(current).unwrap_or(u64::MAX)
}

/// How many connections a limit of open files leaves room for.
pub(crate) fn possible(limit: u64) -> u64 {
    // Under a very low limit, half of it: a server that takes nobody is none.
    limit.saturating_sub(RESERVED).max(limit / 2)
}

/// Raises the limit to what is needed, or as far as it goes, and returns it.
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
