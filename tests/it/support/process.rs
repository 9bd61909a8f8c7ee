//! The program itself as a process: its exit code, what it prints, signals to it.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;

use super::poll::poll;

/// The program: the one that was built with the tests, or the one that `ONBEHALF_BINARY` names (`tests/hard` measures that of a
/// release).
fn binary() -> String {
    std::env::var("ONBEHALF_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_onbehalf").to_owned())
}

/// A folder to run the program in, with nothing of the tests' own environment that it reads.
pub struct Folder(TempDir);

/// A command that has ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A server that runs; it is killed when this goes.
pub struct ServerProcess {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Folder {
    pub fn new() -> Self {
        Self(TempDir::new().expect("a folder can be made"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and returns its path.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).expect("a file can be written");
        path.display().to_string()
    }

    fn command(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command.env_clear().envs(environment.iter().copied());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.run_in(arguments, &[])
    }

    /// As [`Folder::run`], with an environment.
    pub fn run_in(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
        let mut running = self.start_in(arguments, environment);
        let status = running.wait();
        Ended { code: status.code(), stdout: running.stdout(), stderr: running.stderr() }
    }

    /// Starts the program and leaves it running.
    pub fn start(&self, arguments: &[&str]) -> ServerProcess {
        self.start_in(arguments, &[])
    }

    /// As [`Folder::start`], from a shell that does something to itself first, such as to lower a limit.
    pub fn start_after(&self, before: &str, arguments: &[&str]) -> ServerProcess {
        let mut command = Command::new("/bin/sh");
        let script = format!("{before}\nexec \"$0\" \"$@\"");
        command.args(["-c", &script, &binary()]).args(arguments);
        command.current_dir(self.0.path()).stdin(Stdio::null()).env_clear();
        self.spawn(command)
    }

    fn start_in(&self, arguments: &[&str], environment: &[(&str, &str)]) -> ServerProcess {
        self.spawn(self.command(arguments, environment))
    }

    fn spawn(&self, mut command: Command) -> ServerProcess {
        let runs = fs::read_dir(self.0.path()).expect("the folder is there").count();
        let (stdout, stderr) = (self.path(&format!("{runs}.out")), self.path(&format!("{runs}.err")));
        let file = |path: &Path| File::create(path).expect("a file can be made");
        let child = command.stdout(file(&stdout)).stderr(file(&stderr)).spawn().expect("the program starts");
        ServerProcess { child, stdout, stderr }
    }
}

impl Ended {
    /// Everything that was printed.
    pub fn printed(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Checks that it ended well, and returns what it printed.
    #[track_caller]
    pub fn well(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.printed());
        self.stdout
    }
}

impl ServerProcess {
    pub fn stdout(&self) -> String {
        fs::read_to_string(&self.stdout).unwrap_or_default()
    }

    pub fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it says where it listens.
    pub fn address(&mut self) -> SocketAddr {
        poll("the program to listen", || {
            let ended = self.has_ended();
            let log = self.stderr();
            let found = log.lines().find(|line| line.contains("listening")).and_then(address_in);
            assert!(found.is_some() || ended.is_none(), "the program ended: {ended:?} {log}");
            found
        })
    }

    /// How it ended, if it has.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the process can be asked")
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        poll("the program to end", || self.has_ended())
    }

    /// Asks it to stop: SIGTERM.
    pub fn ask_to_stop(&self) {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().is_ok_and(|status| status.success()));
    }

    /// Ends it without a word: SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("the process is gone");
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}

/// The loopback address in a line of text.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, after) = line.split_once("127.0.0.1:")?;
    let port: String = after.chars().take_while(char::is_ascii_digit).collect();
    format!("127.0.0.1:{port}").parse().ok()
}
