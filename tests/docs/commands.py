"""Runs the commands of the documents as they are printed, and compares what they answer with what the page prints.

A page's ```sh blocks run in one bash session, in order, in a temporary folder in which `examples/` is that of the
repository and `onbehalf` is the program under test. A sandbox answers on a free port, unless the page has the line
`<!-- no sandbox -->`. The ports 8080, 8443 and 9100 of the page stand for free ports; nothing else is changed.

A block fails when a command of it ends with an error, or curl gets a status from 400 on. What a page prints in a block
`json response`, `http response` or `text response` behind the commands must be what they answered:
`…` stands for any text; the member "…" for any further members; the item "…" for any further items; a line `…` for
any further lines. A printed status from 400 on is expected. Headers that are not printed may be there.

A block below `<!-- not run: REASON -->` is left out; the reasons are listed at the end.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = ["README.md", "docs/integrator.md", "docs/fhir.md", "docs/operator.md", "docs/migration.md"]
NOT_RUN = re.compile(r"<!-- not run: (.+) -->")
STATUS = re.compile(r"HTTP/\S+ (\d{3})")
SECONDS = 60
PORTS = ["8080", "8443", "9100"]

# Bash: a failed command is noted and the block goes on, so that one fault does not hide the next.
SESSION = r"""
set -o pipefail -o errtrace
curl() { command curl --silent --show-error --fail-with-body "$@"; }
"""
BLOCK = r"""
failed=""
trap 'failed="$failed$? "' ERR
. {folder}/{number}.sh >{folder}/{number}.out 2>{folder}/{number}.err </dev/null
trap - ERR
echo "{number} $failed" >>{folder}/ended
"""


class Block:
    """A block of commands, with the response that is printed behind it."""

    def __init__(self, page, line, text, reason):
        self.page, self.line, self.text, self.reason = page, line, text, reason
        self.kind, self.response = None, None


def blocks(page):
    """The blocks of commands of a page."""
    found, language, start, body, comment = [], None, 0, [], None
    for number, line in enumerate((ROOT / page).read_text(encoding="utf-8").splitlines(), 1):
        if language is None and line.startswith("```"):
            language, start, body = line[3:].strip() or "text", number, []
        elif language is not None and line.startswith("```"):
            if language == "sh":
                found.append(Block(page, start, "\n".join(body) + "\n", comment))
            elif language.endswith(" response"):
                if not found or found[-1].kind:
                    sys.exit(f"{page}:{start}: no commands for this response")
                found[-1].kind, found[-1].response = language.split()[0], "\n".join(body)
            language, comment = None, None
        elif language is not None:
            body.append(line)
        elif line.strip():
            reason = NOT_RUN.fullmatch(line.strip())
            comment = reason[1] if reason else None
    return found


def same_text(printed, answered):
    """Whether a printed text stands for the answered one."""
    return re.fullmatch(".*".join(map(re.escape, printed.split("…"))), answered, re.S) is not None


def differences(printed, answered, where=""):
    """Where an answered value is not what is printed."""
    if isinstance(printed, dict) and isinstance(answered, dict):
        for name in printed.keys() - {"…"}:
            if name not in answered:
                yield f"{where}.{name} is not answered"
            else:
                yield from differences(printed[name], answered[name], f"{where}.{name}")
        if "…" not in printed:
            yield from (f"{where}.{name} is not printed" for name in answered.keys() - printed.keys())
    elif isinstance(printed, list) and isinstance(answered, list):
        more = printed[-1:] == ["…"]
        wanted = printed[:-1] if more else printed
        if len(answered) < len(wanted) or (len(answered) > len(wanted) and not more):
            yield f"{where} has {len(answered)} items, printed are {len(wanted)}"
        for place, (one, other) in enumerate(zip(wanted, answered)):
            yield from differences(one, other, f"{where}[{place}]")
    elif isinstance(printed, str) and isinstance(answered, str):
        if not same_text(printed, answered):
            yield f"{where} is {answered!r}"
    elif where.endswith(".expires_in") and isinstance(answered, int):
        # A second may begin between the issue of a token and its answer.
        if abs(printed - answered) > 1:
            yield f"{where} is {answered!r}"
    elif type(printed) is not type(answered) or printed != answered:
        yield f"{where} is {answered!r}"


def json_differences(printed, answered):
    """The same, of two texts of JSON."""
    try:
        printed = json.loads(printed)
    except ValueError as error:
        yield f"what is printed is not JSON: {error}"
        return
    try:
        answered = json.loads(answered)
    except ValueError:
        yield f"the answer is not JSON: {answered[:200]!r}"
        return
    yield from differences(printed, answered)


def text_differences(printed, answered):
    """The same, line by line."""
    pattern = "\n".join(printed.rstrip().splitlines()).replace("\n…\n", "\n…")
    if not same_text(pattern, answered.rstrip()):
        yield f"answered: {answered[:400]!r}"


def http_differences(printed, answered):
    """The same, of a status line, headers and a body."""
    answered = answered.replace("\r\n", "\n")
    head, _, body = answered.partition("\n\n")
    wanted, _, wanted_body = printed.partition("\n\n")
    lines = head.splitlines()
    for line in wanted.splitlines():
        name = line.partition(":")[0].lower()
        if line.startswith("HTTP/"):
            if lines[:1] != [line]:
                yield f"the status is {lines[:1]}"
        elif not any(same_text(line.lower(), one.lower()) for one in lines if one.lower().startswith(f"{name}:")):
            yield f"no header {line!r}"
    if wanted_body.strip():
        compare = json_differences if wanted_body.lstrip()[:1] in "{[" else text_differences
        yield from compare(wanted_body, body)


COMPARE = {"json": json_differences, "http": http_differences, "text": text_differences}


def check_the_checker():
    """A comparison that finds nothing would pass everything."""
    assert not list(differences({"a": ["x…", "…"], "…": "…"}, {"a": ["xy", 1, 2], "b": 1}))
    assert list(differences({"a": 1}, {"a": 1, "b": 2})) == [".b is not printed"]
    assert list(differences({"a": 1}, {})) == [".a is not answered"]
    assert list(differences({"a": ["x"]}, {"a": ["x", "y"]})) and list(differences({"a": 1}, {"a": "1"}))
    assert list(http_differences("HTTP/1.1 200 OK\nETag: W/\"1\"", "HTTP/1.1 200 OK\r\n\r\n"))
    assert list(http_differences("HTTP/1.1 200 OK", "HTTP/1.1 201 Created\r\n\r\n"))
    assert list(text_differences("one\n…\nthree", "one\ntwo")) and not list(text_differences("a\n…\nc", "a\nb\nb\nc"))


def free_port():
    """A port that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Postgres:
    """A throw-away PostgreSQL with TLS: the databases `onbehalf` and `restored` of the operator's page."""

    def __init__(self, folder):
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        found = shutil.which("initdb")
        self.bin = programs[-1] if programs else Path(os.path.realpath(found)).parent if found else None
        if self.bin is None:
            sys.exit("PostgreSQL's initdb is not here: tests/run installs it")
        self.folder, self.port, self.owner = folder, free_port(), []
        self.certify()
        if os.geteuid() == 0:
            for path in (folder, folder / "server.key"):
                shutil.chown(path, "postgres")
            self.owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        self.run("initdb", "-D", f"{folder}/data", "-U", "onbehalf", "-A", "trust", "-E", "UTF8", "--locale=C")
        options = {
            "listen_addresses": "localhost", "port": self.port, "unix_socket_directories": folder,
            "ssl": "on", "ssl_cert_file": f"{folder}/server.crt", "ssl_key_file": f"{folder}/server.key",
        }
        options = " ".join(f"-c {name}={value}" for name, value in options.items())
        self.run("pg_ctl", "-D", f"{folder}/data", "-l", f"{folder}/log", "-o", options, "-w", "start")
        for name in ("onbehalf", "restored"):
            self.run("createdb", "-h", folder, "-p", str(self.port), "-U", "onbehalf", name)

    def certify(self):
        """An authority, and a certificate of it for localhost."""
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        (self.folder / "names").write_text("subjectAltName=DNS:localhost", encoding="utf-8")
        for command in (
            ["req", "-x509", *new, "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.crt"],
            ["req", *new, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"],
            ["x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
             "-extfile", "names", "-out", "server.crt"],
        ):
            subprocess.run(["openssl", *command], check=True, capture_output=True, cwd=self.folder)
        (self.folder / "server.key").chmod(0o600)

    def run(self, program, *arguments):
        """Runs one of PostgreSQL's programs as the cluster's owner."""
        command = [*self.owner, self.bin / program, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def url(self, name):
        """The URL of a database of it."""
        return f"postgres://onbehalf@localhost:{self.port}/{name}?sslmode=verify-full&sslrootcert={self.folder}/ca.crt"

    def stop(self):
        """Stops it."""
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "-w", "stop")


def start_sandbox(program, port, folder):
    """Starts a sandbox, and waits until it is ready."""
    log = open(f"{folder}/sandbox.log", "w", encoding="utf-8")
    command = [program, "sandbox", "--listen", f"127.0.0.1:{port}"]
    sandbox = subprocess.Popen(command, cwd=f"{folder}/work", stdout=log, stderr=log)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(300):
        try:
            opener.open(f"http://127.0.0.1:{port}/ready").close()
            return sandbox
        except OSError:
            time.sleep(0.1)
    sandbox.kill()
    sys.exit("the sandbox does not answer: " + Path(log.name).read_text(encoding="utf-8"))


def run_page(program, page, folder, databases):
    """Runs a page; what each of its blocks answered, by the number of the block."""
    found = blocks(page)
    wanted = [number for number, block in enumerate(found) if not block.reason]
    (folder / "work").mkdir()
    (folder / "bin").mkdir()
    (folder / "bin/onbehalf").symlink_to(program)
    shutil.copytree(ROOT / "examples", folder / "work/examples")
    ports = {printed: str(free_port()) for printed in PORTS}
    script = [SESSION]
    for number in wanted:
        text = found[number].text
        for printed, port in ports.items():
            text = re.sub(rf"\b{printed}\b", port, text)
        (folder / f"{number}.sh").write_text(text, encoding="utf-8")
        script.append(BLOCK.format(folder=folder, number=number))
    (folder / "session.sh").write_text("".join(script), encoding="utf-8")
    environment = {**os.environ, **databases, "PATH": f"{folder}/bin:{os.environ['PATH']}", "NO_PROXY": "*"}
    has_sandbox = "<!-- no sandbox -->" not in (ROOT / page).read_text(encoding="utf-8") and wanted
    sandbox = start_sandbox(program, ports["8080"], folder) if has_sandbox else None
    (folder / "ended").touch()
    # A session of its own: what a page starts in the background ends with the page.
    session = subprocess.Popen(
        ["bash", folder / "session.sh"], cwd=folder / "work", env=environment, start_new_session=True)
    try:
        session.wait(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        print(f"{page}: not done after {SECONDS} seconds")
    finally:
        try:
            os.killpg(session.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        if sandbox:
            sandbox.terminate()
            sandbox.wait()
    codes = dict(line.split(" ", 1) for line in (folder / "ended").read_text(encoding="utf-8").splitlines())
    return [(found[number], judge(found[number], number, codes, folder, ports)) for number in wanted], found


def judge(block, number, codes, folder, ports):
    """What is wrong with a block that was run."""
    if str(number) not in codes:
        return ["it did not end"]
    answered, complaint = (
        (folder / f"{number}.{name}").read_text(encoding="utf-8", errors="replace") for name in ("out", "err"))
    for printed, port in ports.items():
        answered = re.sub(rf"(127\.0\.0\.1(?::|%3A)){port}\b", rf"\g<1>{printed}", answered)
    status = STATUS.match(block.response or "")
    expected = {"22"} if status and int(status[1]) >= 400 else set()
    ended = set(codes[str(number)].split()) - expected
    wrong = [f"ended with {' '.join(sorted(ended))}: {answered[-400:]}{complaint[-400:]}"] if ended else []
    if block.response is not None:
        wrong += COMPARE[block.kind](block.response, answered)
    return wrong


def main():
    program, *pages = sys.argv[1:]
    check_the_checker()
    pages = pages or PAGES + sorted(str(path.relative_to(ROOT)) for path in (ROOT / "examples").rglob("*.md"))
    counts, reasons = {"run": 0, "failed": 0}, []
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as temporary:
        Path(temporary).chmod(0o755)
        databases, postgres = {}, None
        if "docs/operator.md" in pages:
            (Path(temporary) / "postgres").mkdir()
            postgres = Postgres(Path(temporary) / "postgres")
            databases = {"DATABASE": postgres.url("onbehalf"), "RESTORED": postgres.url("restored")}
        try:
            for place, page in enumerate(pages):
                folder = Path(temporary) / str(place)
                folder.mkdir()
                began = time.monotonic()
                ran, found = run_page(Path(program).resolve(), page, folder, databases)
                failures = [(block, wrong) for block, wrong in ran if wrong]
                for block, wrong in failures:
                    print(f"not ok {page}:{block.line}", *wrong, sep="\n    ")
                reasons += [(block, block.reason) for block in found if block.reason]
                counts["run"] += len(ran)
                counts["failed"] += len(failures)
                print(f"{page}: {len(ran)} blocks in {time.monotonic() - began:.1f} s")
        finally:
            if postgres:
                postgres.stop()
    for block, reason in reasons:
        print(f"not run: {block.page}:{block.line}: {reason}")
    print(f"{counts['run']} blocks run, {len(reasons)} not run, {counts['failed']} failed")
    sys.exit(1 if counts["failed"] or not counts["run"] else 0)


if __name__ == "__main__":
    main()
