//! Priority of threads: work whose time depends on a client's request has a lower priority than the threads
//! that serve connections, so that one expensive request delays the others as little as possible.

use rustix::process::{getpriority_process, setpriority_process};

/// By how much the priority is lowered: steps of `nice` (`setpriority(2)`). Where both want a core, a thread
/// ten steps down has about a tenth of it; where a core is free, it runs as fast as any.
const STEPS: i32 = 10;

/// Lowers the priority of the present thread. On Linux the priority is that of a thread; elsewhere it would
/// be that of the process, and is unchanged.
pub fn give_way() {
    if cfg!(target_os = "linux") {
        let lowered = getpriority_process(None).and_then(|now| setpriority_process(None, now + STEPS));
        if let Err(fault) = lowered {
            tracing::warn!(%fault, "the priority of a thread could not be lowered");
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::thread;

    use rustix::process::getpriority_process;

    use super::{STEPS, give_way};

    #[test]
    fn lower_priority_applies_to_one_thread_only() {
        let before = getpriority_process(None).unwrap();
        let other = thread::spawn(|| {
            give_way();
            getpriority_process(None).unwrap()
        });
        assert_eq!(other.join().unwrap(), (before + STEPS).min(19));
        assert_eq!(getpriority_process(None).unwrap(), before);
    }
}
