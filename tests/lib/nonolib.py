"""A place of its own for a session and everything around it; a person in front of a terminal; and
the running of cases, each in a process of its own, as whoever started the tests and, started by
root, as an ordinary user too.

A test file defines functions that take a Place and ends with nonolib.main(CASES).
"""
import fcntl
import glob
import json
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import traceback

NONO = os.environ["NONO"]
ATTACKS = os.environ.get("NONO_ATTACKS", "")
ORDINARY_UID = 54330
SLOW = float(os.environ.get("NONO_TEST_SLOW", "1"))  # sanitizers take their time
SECRET = "TOPSECRET"


def until(what, f, timeout=15):
    """The first true value of f."""
    end = time.monotonic() + timeout * SLOW
    while True:
        v = f()
        if v:
            return v
        assert time.monotonic() < end, "not within %d s: %s" % (timeout, what() if callable(what) else what)
        time.sleep(0.03)


def both(f):
    """With namespaces and without."""
    def one(p):
        f(p, ())

    def two(p):
        f(p, ("--namespaces", "off"))
    one.__name__, two.__name__ = f.__name__, f.__name__ + "_without_namespaces"
    return [one, two]


def marked_processes(mark):
    out = []
    for d in glob.glob("/proc/[0-9]*"):
        ours = False
        for name in ("cmdline", "environ"):
            try:
                with open(d + "/" + name, "rb") as f:
                    ours = ours or mark.encode() in f.read()
            except OSError:
                pass
        try:
            with open(d + "/stat") as f:
                state = f.read().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if ours and state not in "ZX" and int(os.path.basename(d)) != os.getpid():
            out.append(int(os.path.basename(d)))
    return out


class Place:
    """home (with an ssh key), work, outside, state and runtime directories of one user."""

    def __init__(self, uid=None):
        self.uid = uid
        self.base = tempfile.mkdtemp(prefix="nono-test-", dir=os.environ.get("NONO_TEST_BASE"))
        os.chmod(self.base, 0o755)
        self.mark = os.path.basename(self.base)
        # A copy, so that the ordinary user can reach it wherever the build is.
        self.bin = os.path.join(self.base, "nono")
        shutil.copy2(NONO, self.bin)
        for beside in ("nono-proxy", "nono-keyring", "nono-token", "nono-sign", "nono-export"):
            if os.path.exists(os.path.join(os.path.dirname(NONO), beside)):
                shutil.copy2(os.path.join(os.path.dirname(NONO), beside), os.path.join(self.base, beside))
        # For scripts that run inside: the search for leaks needs what is refused there.
        self.inner = "env ASAN_OPTIONS=detect_leaks=0 " + self.bin
        self.home = os.path.join(self.base, "home")
        self.work = os.path.join(self.base, "home", "work")
        self.outside = os.path.join(self.base, "outside")
        self.key = os.path.join(self.home, ".ssh", "id_rsa")
        for d in ("home", "home/work", "home/.ssh", "outside", "state", "run"):
            os.mkdir(os.path.join(self.base, d), 0o700)
            self.own(os.path.join(self.base, d))
        self.write(self.key, SECRET + "\n")
        os.chmod(self.key, 0o600)
        self.env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": self.home,
                    "TERM": "xterm-256color", "SHELL": "/bin/sh",
                    "XDG_STATE_HOME": os.path.join(self.base, "state"),
                    "XDG_RUNTIME_DIR": os.path.join(self.base, "run"),
                    "GIT_CONFIG_NOSYSTEM": "1", "NONO_TEST_MARK": self.mark,
                    "NONO_NO_SAVE_PROMPT": "1"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.err = ""
        self.screens = []
        self.screen_count = 0

    def own(self, path):
        if self.uid is not None:
            os.chown(path, self.uid, self.uid, follow_symlinks=False)

    def write(self, path, text):
        path = os.path.join(self.work, path)
        with open(path, "w") as f:
            f.write(text)
        self.own(path)
        return path

    def read(self, path):
        with open(os.path.join(self.work, path)) as f:
            return f.read()

    def mkdir(self, path):
        path = os.path.join(self.work, path)
        os.makedirs(path)
        self.own(path)
        return path

    def who(self):
        """Arguments of subprocess that make it the place's user."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.uid, "extra_groups": []}

    # ---- programs -----------------------------------------------------------------------------

    def run(self, argv, cwd=None, env=None, timeout=60, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("capture_output", True)
        return subprocess.run(argv, env=dict(self.env, **(env or {})), cwd=cwd or self.work,
                              text=True, errors="replace",
                              timeout=timeout * SLOW, **self.who(), **kw)

    def popen(self, *args, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen([self.bin, *args], env=self.env, cwd=self.work,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                **self.who(), **kw)

    def nono(self, *args, code=0, **kw):
        """Standard output; the exit code must be as given (None: any)."""
        p = self.run([self.bin, *args], **kw)
        self.err, self.code = p.stderr, p.returncode
        assert code is None or p.returncode == code, "nono %s: exit %d, not %s\n%s%s" % (
            " ".join(args), p.returncode, code, p.stdout, p.stderr)
        return p.stdout

    def json(self, *args, **kw):
        return json.loads(self.nono(*args, "--json", **kw))

    def inside(self, script, *flags, code=0, shell="/bin/sh", **kw):
        """Runs a shell script in a session without a terminal, the workspace allowed."""
        return self.nono("run", "--silent", "--allow", self.work, *flags, "--", shell, "-c", script,
                         code=code, **kw)

    def start(self, name, script, *flags):
        """A shell script in a session in the background; returns its record."""
        self.nono("run", "--silent", "--detached", "--name", name, "--allow", self.work, *flags,
                  "--", "/bin/sh", "-c", script)
        return self.json("inspect", name)

    def shows(self, name, pattern, timeout=20):
        self.nono("wait", name, "--until", "output=" + pattern, "--timeout", str(int(timeout * SLOW)),
                  timeout=timeout + 10)
        return self.nono("capture", name)

    def request(self, session=None, target=None, timeout=20):
        """The first open request (of a session, for a target)."""
        def find():
            for r in self.json("requests", *([session] if session else [])):
                if target is None or r["target"] == target:
                    return r
            return None
        return until("a request of %s for %s" % (session, target), find, timeout)

    def events(self, what, kind=None):
        rows = [json.loads(line) for line in self.nono("logs", what, "--json").splitlines()]
        return [r for r in rows if kind is None or r["type"] == kind]

    # ---- what is left ----------------------------------------------------------------------------

    def processes(self):
        """Everything alive that carries our mark in its environment or command line: a supervisor
        hides the former from its own user."""
        return marked_processes(self.mark)

    def nothing_left(self, record, what):
        """No process, no socket, no temporary directory; the record ended, the log in order. Closes
        the terminals, which carry the mark as well."""
        while self.screens:
            self.screens.pop().close()
        sid = record["session_id"]

        def names():
            return "%s leaves %s" % (what, [(p, command_of(p)) for p in self.processes()])
        until(names, lambda: not self.processes(), 10)
        now = self.json("inspect", sid)
        assert now["status"] == "exited", (what, now)
        assert not os.path.exists(os.path.join(self.base, "run", "nono", sid)), what
        assert not glob.glob("/tmp/nono-*%s*" % sid), what
        self.nono("audit", "verify", sid)
        return now

    def close(self):
        while self.screens:
            self.screens.pop().close()
        for p in self.processes():
            try:
                os.kill(p, signal.SIGKILL)
            except OSError:
                pass
        try:
            # Whoever lists the sessions next clears up behind supervisors that were killed.
            until("the end of all", lambda: not self.processes(), 5)
            self.nono("ps", "--all", code=None)
        except (AssertionError, subprocess.TimeoutExpired, OSError):
            pass
        shutil.rmtree(self.base, ignore_errors=True)


def command_of(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return f.read(120).replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


class Screen:
    """A front end on a terminal that tmux plays: what a person sees, and what they type."""

    def __init__(self, place, *args, cols=110, rows=34, env=None):
        self.place = place
        self.sock = os.path.join(place.home, ".tmux-%d" % place.screen_count)
        self.status = os.path.join(place.work, ".status-%d" % place.screen_count)
        place.screens.append(self)
        place.screen_count += 1
        shell = '"$@"; echo $? > %s; stty -a > %s.tty; sleep 1000' % (self.status, self.status)
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(cols), "-y", str(rows), "sh", "-c",
                  shell, "sh", place.bin, *args, env=env)
        self.tmux("set", "-g", "status", "off")
        self.resize(cols, rows)

    def tmux(self, *args, env=None):
        p = self.place.run(["tmux", "-S", self.sock, *args], env=env)
        assert p.returncode == 0, (args, p.stderr)
        return p.stdout

    def resize(self, cols, rows):
        self.tmux("set", "-g", "window-size", "manual")
        self.tmux("resize-window", "-x", str(cols), "-y", str(rows))

    def text(self):
        return self.tmux("capture-pane", "-p")

    def lines(self):
        return self.text().split("\n")

    def last_line(self):
        return self.text().rstrip("\n").split("\n")[-1]

    def keys(self, *names):
        self.tmux("send-keys", *names)
        if names[-1] == "Escape":
            time.sleep(0.1)  # else it and the next key are one key with Alt

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def paste(self, text):
        """As a terminal pastes for a program that has asked for brackets."""
        self.tmux("set-buffer", "-b", "pasted", text)
        self.tmux("paste-buffer", "-p", "-b", "pasted")

    def command(self, key):
        """The prefix and a key."""
        self.keys("C-b")
        self.type(key) if len(key) == 1 else self.keys(key)

    def sees(self, pattern, timeout=15):
        """Waits until the screen matches; returns its text."""
        last = [""]

        def look():
            last[0] = self.text()
            return re.search(pattern, last[0], re.M)
        until(lambda: "%r on the screen:\n%s" % (pattern, last[0]), look, timeout)
        return last[0]

    def sees_not(self, pattern, timeout=15):
        last = [""]

        def look():
            last[0] = self.text()
            return not re.search(pattern, last[0], re.M)
        until(lambda: "%r gone from the screen:\n%s" % (pattern, last[0]), look, timeout)
        return last[0]

    def client(self):
        """Process id of the front end."""
        shell = int(self.tmux("display-message", "-p", "#{pane_pid}"))
        return until("the front end", lambda: [p for p in children(shell) if
                                               self.place.base in command_of(p)])[0]

    def ended(self, timeout=15):
        """Exit code of the front end; the terminal must be as it was."""
        until("the end of the front end", lambda: os.path.exists(self.status + ".tty") and
              os.path.getsize(self.status + ".tty"), timeout)
        tty = self.place.read(self.status + ".tty")
        for word in ("icanon", "echo", "isig", "opost"):
            assert re.search(r"(?<![-\w])%s\b" % word, tty), "the terminal stays without %s: %s" % (word, tty)
        flags = self.tmux("display-message", "-p",
                          "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{keypad_cursor_flag}").split()
        assert flags == ["0", "1", "0", "0"], "alternate screen, cursor, mouse, keys: %s" % flags
        return int(self.place.read(self.status))

    def close(self):
        try:
            self.place.run(["tmux", "-S", self.sock, "kill-server"])
        except (subprocess.TimeoutExpired, OSError):
            pass


def children(pid):
    out = []
    for t in glob.glob("/proc/%d/task/*/children" % pid):
        try:
            with open(t) as f:
                out += [int(x) for x in f.read().split()]
        except OSError:
            pass
    return out


class Pty:
    """A program on a bare pseudo terminal: its bytes, unparsed."""

    def __init__(self, place, *args, cols=100, rows=30, env=None, lent=False):
        """lent: neither its controlling terminal nor, as root, its user's, as under su."""
        self.fd, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        if not lent:
            place.own(os.ttyname(slave))
        self.before = termios.tcgetattr(slave)
        self.slave = slave  # kept open: the settings can be read after the program is gone
        self.p = subprocess.Popen(["setsid", *([] if lent else ["-c"]), place.bin, *args], stdin=slave, stdout=slave,
                                  stderr=slave, env=dict(place.env, **(env or {})), cwd=place.work,
                                  **place.who())
        self.data = b""

    def pump(self, timeout):
        if select.select([self.fd], [], [], timeout)[0]:
            self.data += os.read(self.fd, 65536)

    def wait_for(self, what, timeout=15):
        end = time.monotonic() + timeout * SLOW
        while what not in self.data:
            assert time.monotonic() < end, "no %r on the terminal: %r" % (what, self.data[-600:])
            assert self.p.poll() is None or select.select([self.fd], [], [], 0)[0], \
                "ended without %r: %r" % (what, self.data[-600:])
            self.pump(0.1)

    def send(self, data):
        os.write(self.fd, data)

    def ended(self, timeout=15):
        end = time.monotonic() + timeout * SLOW
        while self.p.poll() is None:
            self.pump(0.05)
            assert time.monotonic() < end, "the program on the terminal does not end: %r" % self.data[-600:]
        return self.p.returncode

    def restored(self, what):
        """Alternate screen left, cursor shown, modes off, line settings as before."""
        def done():
            self.pump(0.05)
            return termios.tcgetattr(self.slave) == self.before
        until("%s: the terminal's settings as before" % what, done, 5)
        self.pump(0.2)
        for mode, word in ((b"1049", "alternate screen"), (b"2004", "bracketed paste"), (b"1004", "focus reports")):
            assert self.data.rfind(b"\x1b[?" + mode + b"l") > self.data.rfind(b"\x1b[?" + mode + b"h"), \
                "%s: %s stays on" % (what, word)
        assert self.data.rfind(b"\x1b[?25h") > self.data.rfind(b"\x1b[?25l"), "%s: cursor hidden" % what

    def close(self):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()
        os.close(self.slave)
        os.close(self.fd)


# ---- running ------------------------------------------------------------------------------------

def run_one(f, uid):
    place = Place(uid)
    try:
        f(place)
        return 0
    except Skip as e:
        print("skipped %s: %s" % (f.__name__, e), flush=True)
        return 77
    except BaseException as e:  # noqa: B902 - a case may fail in any way
        where = [x.lineno for x in traceback.extract_tb(e.__traceback__) if x.name == f.__name__]
        print("FAILED %s (uid %s), line %s: %s: %s" % (f.__name__, os.getuid() if uid is None else uid,
                                                       where[-1:], type(e).__name__, e), flush=True)
        return 1
    finally:
        place.close()


class Skip(Exception):
    pass


def main(cases, jobs=2, timeout=120):
    """script [NAME...]: all cases, or those whose names hold one of the words."""
    if sys.argv[1:2] == ["--one"]:
        f = [c for c in cases if c.__name__ == sys.argv[2]][0]
        sys.exit(run_one(f, int(sys.argv[3]) if sys.argv[3] != "-" else None))
    words = sys.argv[1:]
    uids = ["-", str(ORDINARY_UID)] if os.geteuid() == 0 else ["-"]
    todo = [(c.__name__, uid) for c in cases for uid in uids
            if not words or any(w in c.__name__ for w in words)]
    running, passed, failed, skipped = [], 0, [], 0
    while todo or running:
        while todo and len(running) < jobs:
            name, uid = todo.pop(0)
            p = subprocess.Popen([sys.executable, sys.argv[0], "--one", name, uid],
                                 stdin=subprocess.DEVNULL)
            running.append((p, name, uid, time.monotonic() + timeout * SLOW))
        for row in list(running):
            p, name, uid, end = row
            if p.poll() is None and time.monotonic() > end:
                # As by the keyboard: it cleans up behind itself.
                p.send_signal(signal.SIGINT)
                try:
                    p.wait(20)
                except subprocess.TimeoutExpired:
                    p.kill()
                    p.wait()
                print("FAILED %s (uid %s): took too long" % (name, uid), flush=True)
            if p.poll() is not None:
                running.remove(row)
                passed += p.returncode == 0
                skipped += p.returncode == 77
                if p.returncode not in (0, 77):
                    failed.append(name)
        time.sleep(0.02)
    print("%d passed, %d failed, %d skipped%s" % (passed, len(failed), skipped,
                                                  ": " + " ".join(sorted(set(failed))) if failed else ""))
    sys.exit(1 if failed or not passed + skipped else 0 if passed else 77)
