"""What the operating system counts: the CPU time and the memory of processes; and starting and stopping them."""

import atexit
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stat(pid):
    """The parent and the CPU seconds of a process, with those of the children that it has waited for."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[1]), sum(int(field) for field in fields[11:15]) / TICK


def cpu_seconds(pids):
    """The CPU time of processes and all below them."""
    parents, times = {}, {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parents[int(name)], times[int(name)] = stat(name)
            except (FileNotFoundError, ProcessLookupError):
                continue
    wanted = set(pids)
    while True:
        more = {pid for pid, parent in parents.items() if parent in wanted} - wanted
        if not more:
            return sum(times.get(pid, 0.0) for pid in wanted)
        wanted |= more


def memory(pid):
    """Resident now, and at the most, in MiB."""
    with open(f"/proc/{pid}/status") as file:
        lines = dict(line.split(":", 1) for line in file)
    return tuple(int(lines[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))


def forget_peak(pid):
    """Lets the peak of a process's memory begin anew (proc(5), clear_refs)."""
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")


class Process:
    """A process that is stopped when it is no longer needed, at the latest when this one ends."""

    def __init__(self, command, log, environment=None):
        self.log = open(log, "ab")
        env = {**os.environ, **(environment or {})}
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env=env)
        self.pid = self.process.pid
        atexit.register(self.stop)

    def stop(self):
        atexit.unregister(self.stop)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
        self.log.close()


def wait_for(url, process, seconds=60):
    """Waits until a URL answers anything; how long that took, in seconds."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if process.process.poll() is not None:
            raise SystemExit(f"{url}: the process has ended; see its log")
        try:
            urllib.request.urlopen(url, timeout=5).read()
            return time.monotonic() - start
        except urllib.error.HTTPError:
            return time.monotonic() - start
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.005)
    raise SystemExit(f"{url} did not answer")


def describe():
    """What machine this is, in a line."""
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory_kib = int(next(line.split()[1] for line in open("/proc/meminfo") if line.startswith("MemTotal")))
    kernel = os.uname().release
    return f"{os.cpu_count()} cores ({model}), {memory_kib / 2**20:.0f} GiB, Linux {kernel}"


def version(command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout or done.stderr).strip().splitlines()[0]
