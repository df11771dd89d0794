#!/usr/bin/env python3
"""What happens when things die, fill up or stop reading: nothing is left, the log verifies, nobody
else notices. Runs as whoever starts it and, started by root, as an ordinary user too."""
import fcntl
import glob
import json
import os
import pty
import random
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

import nonolib

NONO = os.environ["NONO"]
ORDINARY_UID = 54322
# Busy in all ways: processes, files, output, a daemon that ignores what can be ignored.
LOAD = """
python3 -c 'import os,signal,time
for s in (1,2,15): signal.signal(s, signal.SIG_IGN)
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
time.sleep(1000)' &
i=0
while :; do
  i=$((i+1)); echo "line $i of the load"; echo $i > f$((i % 50)); rm -f g; mv f$((i % 50)) g
  cat /etc/hostname > /dev/null
done
"""


class Case:
    def __init__(self, uid):
        self.uid = uid
        self.base = tempfile.mkdtemp(prefix="nono-fault-")
        os.chmod(self.base, 0o755)
        self.mark = os.path.basename(self.base)
        shutil.copy2(NONO, os.path.join(self.base, "nono"))
        self.nono_path = os.path.join(self.base, "nono")
        for d in ("home", "home/.ssh", "state", "run", "work"):
            os.mkdir(os.path.join(self.base, d), 0o700)
            if uid is not None:
                os.chown(os.path.join(self.base, d), uid, uid)
        self.work = os.path.join(self.base, "work")
        key = os.path.join(self.base, "home/.ssh/id_rsa")
        with open(key, "w") as f:
            f.write("TOPSECRET\n")
        if uid is not None:
            os.chown(key, uid, uid)
        self.env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8",
                    "HOME": os.path.join(self.base, "home"), "TERM": "xterm-256color",
                    "XDG_STATE_HOME": os.path.join(self.base, "state"),
                    "XDG_RUNTIME_DIR": os.path.join(self.base, "run"),
                    "NONO_TEST_MARK": self.mark}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def become(self):
        if self.uid is not None:
            os.setgroups([])
            os.setgid(self.uid)
            os.setuid(self.uid)

    def nono(self, *args, check=True, timeout=60, stdin=subprocess.DEVNULL):
        p = subprocess.run([self.nono_path, *args], env=self.env, cwd=self.work, stdin=stdin,
                           capture_output=True, text=True, timeout=timeout,
                           preexec_fn=self.become)
        if check:
            assert p.returncode == 0, "nono %s: exit %d\n%s%s" % (
                " ".join(args), p.returncode, p.stdout, p.stderr)
        return p

    def start(self, script=LOAD, name="load", *flags):
        self.nono("run", "--silent", "--detached", "--name", name, "--allow", self.work, *flags,
                  "--", "/bin/sh", "-c", script)
        return json.loads(self.nono("inspect", name, "--json").stdout)

    def processes(self):
        return nonolib.marked_processes(self.mark)

    def gone(self, what, timeout=10):
        end = time.monotonic() + timeout
        while True:
            left = self.processes()
            if not left:
                return
            if time.monotonic() > end:
                names = []
                for p in left:
                    try:
                        with open("/proc/%d/cmdline" % p, "rb") as f:
                            names.append("%d %r" % (p, f.read()[:80]))
                    except OSError:
                        pass
                raise AssertionError("left after %s: %s" % (what, names))
            time.sleep(0.05)

    def nothing_left(self, sid, what):
        self.gone(what)
        rec = [r for r in json.loads(self.nono("ps", "--all", "--json").stdout)
               if r["session_id"] == sid]
        assert rec and rec[0]["status"] == "exited", "%s: record %r" % (what, rec)
        run = os.path.join(self.base, "run", "nono")
        assert not os.path.exists(os.path.join(run, sid)), "%s: runtime folder left" % what
        tmp = glob.glob("/tmp/nono-*%s*" % sid)
        assert not tmp, "%s: %s left" % (what, tmp)
        self.nono("audit", "verify", sid)
        return rec[0]

    def close(self):
        for p in self.processes():
            try:
                os.kill(p, signal.SIGKILL)
            except OSError:
                pass
        shutil.rmtree(self.base, ignore_errors=True)


def children(pid):
    out = []
    for t in glob.glob("/proc/%d/task/*/children" % pid):
        try:
            with open(t) as f:
                out += [int(x) for x in f.read().split()]
        except OSError:
            pass
    return out


def kill_nine(c, which, *flags):
    """kill -9 of one of the processes of a session under load, at a random moment."""
    s = c.start(LOAD, "load", *flags)
    time.sleep(random.uniform(0.05, 0.6))
    broker = s["supervisor_pid"]
    direct = children(broker)
    agent = s["child_pid"]
    parents = {}
    for p in direct:
        parents[p] = children(p)
    init = next((p for p in direct if agent in parents[p] or p == agent), None)
    host = next((p for p in direct if p != init), None)
    victim = {"broker": broker, "init": init, "host": host, "agent": agent}[which]
    assert victim, "no %s below %d: %r" % (which, broker, parents)
    os.kill(victim, signal.SIGKILL)
    rec = c.nothing_left(s["session_id"], "kill -9 of the " + which)
    if which == "agent":
        assert rec["exit_code"] == 137, rec
    else:
        assert rec["exit_code"] not in (0, None), rec


class Terminal:
    def __init__(self, c, *args, cols=100, rows=30):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
            os.chdir(c.work)
            c.become()
            os.execve(c.nono_path, [c.nono_path, *args], c.env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self.data = b""

    def pump(self, timeout):
        r, _, _ = select.select([self.fd], [], [], timeout)
        if not r:
            return True
        try:
            chunk = os.read(self.fd, 65536)
        except OSError:
            return False
        self.data += chunk
        return bool(chunk)

    def wait_for(self, what, timeout=15):
        end = time.monotonic() + timeout
        while what not in self.data:
            assert time.monotonic() < end, "no %r on the terminal: %r" % (what, self.data[-800:])
            if not self.pump(0.1):
                break
        assert what in self.data, "terminal ended without %r: %r" % (what, self.data[-800:])

    def ended(self, timeout=10):
        end = time.monotonic() + timeout
        while True:
            self.pump(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return status
            assert time.monotonic() < end, "the client does not end"


def descriptors(pid):
    out = []
    for f in glob.glob("/proc/%d/fd/*" % pid):
        try:
            out.append(os.readlink(f))
        except OSError:
            pass
    return out


def all_killed(c):
    """Every process of the supervisor at once, while a client is attached and a request is open."""
    s = c.start(LOAD.replace("i=0", "mkdir d; cat ~/.ssh/id_rsa &\ni=0", 1), "load",
                "--capability-elevation")
    t = Terminal(c, "attach", "load")
    t.wait_for(b"of the load")
    end = time.monotonic() + 15
    while not json.loads(c.nono("requests", "--json").stdout):
        assert time.monotonic() < end, "no request"
        t.pump(0.05)
    victims = [s["supervisor_pid"], *children(s["supervisor_pid"])]
    for pid in random.sample(victims, len(victims)):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:  # the end of one that came before was its own too
            pass
    t.wait_for(b"vanished")  # it stays and says so, until somebody has seen it
    os.write(t.fd, b"\r")
    t.wait_for(b"No agent is running")
    os.write(t.fd, b"\x02d")
    assert os.waitstatus_to_exitcode(t.ended()) == 0
    t.pump(0.3)
    assert b"\x1b[?1049l" in t.data, "the alternate screen stays"
    os.close(t.fd)
    rec = c.nothing_left(s["session_id"], "kill -9 of all")
    assert rec["exit_code"] not in (0, None), rec


def client_killed_under_load(c):
    """Clients that are killed again and again are nothing to the session."""
    s = c.start()
    sockets = [f for f in descriptors(s["supervisor_pid"]) if f.startswith("socket:")]
    for _ in range(5):
        t = Terminal(c, "attach", "load")
        t.wait_for(b"of the load")
        end = time.monotonic() + random.uniform(0, 0.3)
        while time.monotonic() < end:
            t.pump(0.02)
        os.kill(t.pid, signal.SIGKILL)
        t.ended()
        os.close(t.fd)
    rec = json.loads(c.nono("inspect", "load", "--json").stdout)
    assert rec["status"] == "running" and rec["supervisor_pid"] == s["supervisor_pid"], rec
    end = time.monotonic() + 10
    while True:
        # Its memory of programs is bounded; connections are gone with the clients.
        held = descriptors(s["supervisor_pid"])
        left = [f for f in held if f.startswith("socket:")]
        if len(left) <= len(sockets) and len(held) < 256:
            break
        assert time.monotonic() < end, "the supervisor holds %r" % held
        time.sleep(0.05)
    c.nono("stop", "--force", "load")
    c.nothing_left(s["session_id"], "stop")


def client_killed(c):
    s = c.start("while :; do echo tick; sleep 0.1; done")
    t = Terminal(c, "attach", "load")
    t.wait_for(b"tick")
    os.kill(t.pid, signal.SIGKILL)
    t.ended()
    again = Terminal(c, "attach", "load")
    again.wait_for(b"tick")
    os.write(again.fd, b"\x02d")
    assert os.waitstatus_to_exitcode(again.ended()) == 0
    rec = json.loads(c.nono("inspect", "load", "--json").stdout)
    assert rec["status"] == "running", rec
    c.nono("stop", "load")
    c.nothing_left(s["session_id"], "stop")


def terminal_restored(c):
    s = c.start("while :; do echo tick; sleep 0.1; done")
    for sig in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL):
        t = Terminal(c, "attach", "load")
        before = termios.tcgetattr(t.fd)
        t.wait_for(b"tick")
        os.kill(t.pid, sig)
        t.ended()
        # A client that is killed can't do it itself: something that outlives it does.
        end = time.monotonic() + 10
        while b"\x1b[?1049l" not in t.data and time.monotonic() < end:
            t.pump(0.1)
        t.pump(0.3)
        assert b"\x1b[?1049l" in t.data, "%s: the alternate screen stays" % sig
        assert b"\x1b[?25h" in t.data, "%s: the cursor stays hidden" % sig
        del before
        after = termios.tcgetattr(t.fd)
        assert after[3] & termios.ECHO and after[3] & termios.ICANON, "%s: raw mode stays" % sig
        os.close(t.fd)
    c.nono("stop", "load")
    c.nothing_left(s["session_id"], "stop")


def slow_reader(c):
    """A client that stops reading costs the agent nothing."""
    done = os.path.join(c.work, "done")
    s = c.start("sleep 1; i=0; while [ $i -lt 100 ]; do seq 1 2000; i=$((i+1)); done; "
                "echo ok > done; sleep 1000")
    t = Terminal(c, "attach", "load")
    time.sleep(0.5)
    os.kill(t.pid, signal.SIGSTOP)
    end = time.monotonic() + 30
    while not os.path.exists(done):
        assert time.monotonic() < end, "the agent waits for a client that does not read"
        time.sleep(0.05)
    assert "2000" in c.nono("capture", "load").stdout
    os.kill(t.pid, signal.SIGKILL)
    t.ended()
    c.nono("stop", "load")
    c.nothing_left(s["session_id"], "stop")


def odd_output(c):
    """Lines of 10,000 characters, a million-column argument, endless strings."""
    script = r"""
    head -c 10000 /dev/zero | tr '\0' x; echo
    printf '\033[1000000C\033[999999999999999999999;1H\033[1000000@\033[1000000L'
    printf '\033]0;'; head -c 3000000 /dev/zero | tr '\0' t; printf '\007'
    printf '\033P'; head -c 3000000 /dev/zero | tr '\0' q; printf '\033\\'
    i=0; printf '\033['; while [ $i -lt 20000 ]; do printf '1;'; i=$((i+1)); done; printf 'm'
    printf '\033[2J\033[HALIVE\n'; sleep 1000
    """
    s = c.start(script)
    end = time.monotonic() + 30
    while "ALIVE" not in c.nono("capture", "load").stdout:
        assert time.monotonic() < end, "the screen host did not survive"
        time.sleep(0.1)
    for p in children(s["supervisor_pid"]):
        with open("/proc/%d/status" % p) as f:
            for line in f:
                if line.startswith("VmRSS") and "NONO_SANITIZE" not in os.environ:
                    assert int(line.split()[1]) < 200000, "a helper grew: %s" % line
    c.nono("stop", "load")
    c.nothing_left(s["session_id"], "stop")


def stubborn_tree(c):
    """Daemons that left the terminal and ignore signals: stop means nothing is left; and so does
    the end of the program."""
    s = c.start(LOAD)
    time.sleep(0.5)
    c.nono("stop", "load", timeout=30)
    c.nothing_left(s["session_id"], "stop")
    s = c.start(LOAD.split("i=0")[0] + "sleep 0.5; exit 3", "short")
    c.nono("wait", "short", "--until", "exited", "--timeout", "20")
    rec = c.nothing_left(s["session_id"], "exit of the program")
    assert rec["exit_code"] == 3, rec


def fork_bomb_end(c):
    """A tree that forks faster than one can count."""
    s = c.start("f() { while :; do sleep 0.01 & done; }; f & f & sleep 1000")
    time.sleep(0.7)
    c.nono("stop", "--force", "load", timeout=40)
    c.nothing_left(s["session_id"], "stop of a forking tree")


def unwritable_state(c):
    state = os.path.join(c.base, "state")
    if c.uid is None and os.geteuid() == 0:
        # Root writes anywhere: a file where the folder should be.
        os.rmdir(state)
        with open(state, "w"):
            pass
    else:
        os.chmod(state, 0o500)
    for args in (("run", "--silent", "--allow", c.work, "--", "/bin/echo", "ran"),
                 ("run", "--silent", "--detached", "--allow", c.work, "--", "/bin/echo", "ran")):
        p = c.nono(*args, check=False)
        assert p.returncode == 1, p
        assert "state" in p.stderr and "ran" not in p.stdout, p
    c.gone("a failed start")
    assert not glob.glob(os.path.join(c.base, "run", "nono", "*")), "runtime folder left"


def full_disk(c):
    """The log can't grow any more: what was written verifies, whole lines only."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200000, 200000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        c.become()

    p = subprocess.run([c.nono_path, "run", "--silent", "--name", "full", "--allow", c.work, "--",
                        "/bin/sh", "-c",
                        "i=0; while [ $i -lt 300 ]; do cat /etc/hostname >/dev/null; "
                        "i=$((i+1)); done; echo end"],
                       env=c.env, cwd=c.work, stdin=subprocess.DEVNULL, capture_output=True,
                       text=True, timeout=60, preexec_fn=limit)
    assert "end" in p.stdout or p.returncode != 0, p
    sid = json.loads(c.nono("ps", "--all", "--json").stdout)[0]["session_id"]
    log = os.path.join(c.base, "state", "nono", "audit", sid, "audit-events.ndjson")
    with open(log, "rb") as f:
        lines = f.read().split(b"\n")
    assert lines[-1] == b"", "a torn last line"
    for i, line in enumerate(lines[:-1]):
        assert json.loads(line)["sequence"] == i
    c.gone("a full disk")


def many_sessions(c):
    n = 64
    running = [subprocess.Popen([c.nono_path, "run", "--silent", "--detached", "--name", "m%d" % i,
                                 "--allow", c.work, "--", "/bin/sh", "-c",
                                 "echo I am %d; sleep 1000" % i],
                                env=c.env, cwd=c.work, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                preexec_fn=c.become) for i in range(n)]
    for p in running:
        _, text = p.communicate(timeout=120)
        assert p.returncode == 0, text
    live = json.loads(c.nono("ps", "--json").stdout)
    assert len(live) == n, "%d of %d sessions" % (len(live), n)
    for i in (0, 31, 63):
        end = time.monotonic() + 10
        while "I am %d" % i not in c.nono("capture", "m%d" % i).stdout:
            assert time.monotonic() < end, "m%d shows nothing" % i
    for s in live:
        c.nono("stop", "--force", s["session_id"])
    c.gone("the stop of all")


CASES = [(lambda c, w=w: kill_nine(c, w), "kill-9-" + w)
         for w in ("broker", "init", "host", "agent") for _ in range(3)]
CASES += [(lambda c, w=w: kill_nine(c, w, "--namespaces", "off"), "kill-9-%s-without-namespaces" % w)
          for w in ("broker", "init", "host", "agent") for _ in range(2)]
CASES += [(all_killed, "all-killed"), (client_killed_under_load, "client-killed-under-load"),
          (client_killed, "client-killed"), (terminal_restored, "terminal-restored"),
          (slow_reader, "slow-reader"), (odd_output, "odd-output"),
          (stubborn_tree, "stubborn-tree"), (fork_bomb_end, "fork-bomb"),
          (unwritable_state, "unwritable-state"), (full_disk, "full-disk"),
          (many_sessions, "many-sessions")]


def main():
    uids = [None, ORDINARY_UID] if os.geteuid() == 0 else [None]
    failed = passed = 0
    for uid in uids:
        for f, name in CASES:
            if sys.argv[1:] and not any(a in name for a in sys.argv[1:]):
                continue
            c = Case(uid)
            try:
                f(c)
                passed += 1
            except (AssertionError, subprocess.TimeoutExpired, OSError, LookupError, ValueError) as e:
                failed += 1
                print("FAILED %s (uid %s): %s: %s" % (name, uid, type(e).__name__, e), flush=True)
            finally:
                c.close()
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)


main()
