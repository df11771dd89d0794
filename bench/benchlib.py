"""What the comparisons share: a scratch home, timed processes, outer terminals, medians.

Every figure is a ratio against a named peer in the same run, since machines are noisy.
NONO names the binary (default: build/release/nono beside this folder).
"""
import atexit
import fcntl
import json
import os
import pty
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NONO = os.environ.get("NONO", os.path.join(ROOT, "build", "release", "nono"))


class Scratch:
    """A home, state and runtime directory of its own, removed at the end."""

    def __init__(self):
        # Not below /tmp: the sandbox has a /tmp of its own.
        base = os.environ.get("NONO_BENCH_DIR", os.path.expanduser("~"))
        self.dir = tempfile.mkdtemp(prefix=".nono-bench-", dir=base)
        self.work = self.sub("work")
        self.env = dict(os.environ)
        self.env.update(
            HOME=self.sub("home"),
            XDG_STATE_HOME=self.sub("state"),
            XDG_CONFIG_HOME=self.sub("config"),
            XDG_RUNTIME_DIR=self.runtime_dir(),
            TERM="xterm-256color",
            COLORTERM="truecolor",
            LANG="C.UTF-8",
        )
        os.chmod(self.env["XDG_RUNTIME_DIR"], 0o700)

    def runtime_dir(self):
        """In memory, as a login gives it, where there is such a place."""
        self.run = tempfile.mkdtemp(prefix="nono-bench-",
                                    dir="/dev/shm" if os.path.isdir("/dev/shm") else self.dir)
        return self.run

    def sub(self, name):
        path = os.path.join(self.dir, name)
        os.makedirs(path, exist_ok=True)
        return path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([NONO, "ps", "--json"], env=self.env, capture_output=True)
        for s in sessions(self.env):
            subprocess.run([NONO, "stop", "--force", s["session_id"]], env=self.env,
                           capture_output=True)
        shutil.rmtree(self.dir, ignore_errors=True)
        shutil.rmtree(self.run, ignore_errors=True)


def sessions(env):
    out = subprocess.run([NONO, "ps", "--json"], env=env, capture_output=True, text=True).stdout
    try:
        return json.loads(out)
    except ValueError:
        return []


def have(program):
    return shutil.which(program) is not None


def time_process(argv, env=None, cwd=None):
    """Seconds from spawn to exit, output thrown away; a failing command ends the benchmark."""
    t = time.perf_counter()
    p = subprocess.Popen(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    code = p.wait()
    t = time.perf_counter() - t
    if code != 0:
        sys.exit("%s: exit %d" % (" ".join(argv), code))
    return t


def interleave(commands, rounds, env=None, cwd=None, warmup=3):
    """commands: {name: argv}. One of each in turn; returns {name: [seconds]}."""
    times = {name: [] for name in commands}
    for i in range(rounds + warmup):
        for name, argv in commands.items():
            t = time_process(argv, env, cwd)
            if i >= warmup:
                times[name].append(t)
    return times


def before_others():
    """Raises the session's weight while this runs, where the kernel has one: processes' own priorities count only
    among those of a session."""
    try:
        with open("/proc/self/autogroup", "r+") as f:
            was = f.read().split()[-1]
            f.seek(0)
            f.write("-20")
    except (OSError, IndexError):
        return
    def restore():
        with open("/proc/self/autogroup", "w") as f:
            f.write(was)
    atexit.register(restore)


def median(v):
    return statistics.median(v)


def percentile(v, p):
    v = sorted(v)
    return v[min(len(v) - 1, int(len(v) * p / 100))]


class Outer:
    """An outer terminal: a PTY that answers nothing and keeps what it was sent, bounded."""

    def __init__(self, argv, env, cols=200, rows=50, cwd=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
            if cwd:
                os.chdir(cwd)
            os.execvpe(argv[0], argv, env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self.data = b""
        self.total = 0

    def pump(self, timeout):
        """Reads what is there; False when the terminal is gone."""
        r, _, _ = select.select([self.fd], [], [], timeout)
        if not r:
            return True
        try:
            chunk = os.read(self.fd, 1 << 16)
        except OSError:
            return False
        if not chunk:
            return False
        self.total += len(chunk)
        self.data = (self.data + chunk)[-(1 << 20):]
        return True

    def wait_for(self, what, timeout=30):
        end = time.monotonic() + timeout
        while what not in self.data:
            if time.monotonic() > end:
                return False
            if not self.pump(0.05):
                return what in self.data
        return True

    def settle(self, quiet=0.3, timeout=10):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            before = self.total
            if not self.pump(quiet) or self.total == before:
                return

    def send(self, data):
        os.write(self.fd, data)

    def close(self):
        try:
            os.kill(self.pid, signal.SIGHUP)
        except ProcessLookupError:
            pass
        os.close(self.fd)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return
            time.sleep(0.01)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def children(pid):
    """pid and everything below it."""
    out = [pid]
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task)) as f:
                for c in f.read().split():
                    out += children(int(c))
    except OSError:
        pass
    return out


def pss_kb(pid):
    try:
        with open("/proc/%d/smaps_rollup" % pid) as f:
            for line in f:
                if line.startswith("Pss:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def cpu_seconds(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0


def report(name, peer, value, unit, goal, ok):
    print("%-44s %-28s %10s %-8s goal %-14s %s" %
          (name, "against " + peer, value, unit, goal, "reached" if ok else "NOT reached"))
