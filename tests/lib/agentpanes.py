"""A real agent in a pane, and the same one under tmux: a home of its own with what the agent needs."""
import concurrent.futures
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import agents

NONO = os.environ["NONO"]
COLS, ROWS = 100, 30
SECRET = "TOPSECRETKEY"
SLOW = float(os.environ.get("NONO_TEST_SLOW", "1"))
END = time.monotonic() + 200 * SLOW  # for all of it


class Home:
    def __init__(self, agent, port=None):
        self.base = tempfile.mkdtemp(prefix="nono-agent-", dir=os.path.expanduser("~"))
        self.home = os.path.join(self.base, "home")
        self.work = os.path.join(self.home, "project")
        self.env = {"PATH": os.environ["PATH"], "HOME": self.home, "LANG": "C.UTF-8",
                    "TERM": "xterm-256color", "COLORTERM": "truecolor",
                    "XDG_RUNTIME_DIR": os.path.join(self.base, "run")}
        for d in (self.work, os.path.join(self.home, ".ssh"), os.path.join(self.base, "run")):
            os.makedirs(d, mode=0o700)
        with open(os.path.join(self.home, ".ssh", "id_rsa"), "w") as f:
            f.write(SECRET + "\n")
        with open(os.path.join(self.work, "README.md"), "w") as f:
            f.write("a project\n")
        self.env.update(agents.seed(agent, self.home, self.work, port))

    def nono(self, *args, check=True, timeout=60):
        p = subprocess.run([NONO, *args], env=self.env, cwd=self.work, stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, timeout=timeout)
        if check and p.returncode != 0:
            raise AssertionError("nono %s: exit %d\n%s%s" % (" ".join(args), p.returncode,
                                                              p.stdout, p.stderr))
        return p.stdout

    def close(self):
        for s in json.loads(self.nono("ps", "--json", check=False) or "[]"):
            self.nono("stop", "--force", s["session_id"], check=False)
        shutil.rmtree(self.base, ignore_errors=True)


def until(what, f, timeout=90):
    timeout *= SLOW
    end = min(time.monotonic() + timeout, END)
    while True:
        v = f()
        if v:
            return v
        if time.monotonic() > end:
            raise AssertionError("not in time: %s" % what)
        time.sleep(0.2)


def settle(capture, timeout=20):
    """The screen once it has not changed for a second and a half."""
    end, last, since = time.monotonic() + timeout, None, time.monotonic()
    while time.monotonic() < end:
        now = capture()
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > 1.5:
            break
        time.sleep(0.25)
    return last


def differing(ours, theirs):
    """Cell by cell, trailing blanks apart: the lines that differ."""
    a = [x.rstrip() for x in ours.split("\n")]
    b = [x.rstrip() for x in theirs.split("\n")]
    a += [""] * (ROWS - len(a))
    b += [""] * (ROWS - len(b))
    return [(x, y) for x, y in zip(a[:ROWS], b[:ROWS]) if x != y]


def same_screens(name, capture, theirs):
    """A few lines that an agent changes from start to start (a tip of the day, the path of its
    home) may differ. Returns what to say about it."""
    end = min(time.monotonic() + 20 * SLOW, END)
    while True:
        differ = differing(settle(capture), theirs)
        if len(differ) <= agents.VARIES.get(name, 3) or time.monotonic() > end:
            break
    say = "%d of %d lines differ from tmux's" % (len(differ), ROWS)
    for pair in differ[:6]:
        say += "\n   nono |%s\n   tmux |%s" % pair
    assert len(differ) <= agents.VARIES.get(name, 3), "%s draws something else than under tmux: %s" % (name, say)
    return say


def tree(pid):
    """pid and what descends from it."""
    out = [pid]
    try:
        for tid in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, tid)) as f:
                for child in f.read().split():
                    out += tree(int(child))
    except OSError:
        pass
    return out


def under_tmux(h, argv, ready):
    sock = "nono-test-%s" % os.path.basename(h.base)
    base = ["tmux", "-L", sock, "-f", "/dev/null"]
    env = dict(h.env)
    subprocess.run(base + ["new-session", "-d", "-x", str(COLS), "-y", str(ROWS + 1),
                           "-c", h.work, *argv], env=env, check=True)

    def tmux(*args):
        return subprocess.run(base + list(args), env=env, capture_output=True, text=True).stdout
    try:
        tmux("set", "-g", "status", "off")
        tmux("resize-window", "-x", str(COLS), "-y", str(ROWS))
        until("%s under tmux" % argv[0], lambda: ready in tmux("capture-pane", "-p"))
        return settle(lambda: tmux("capture-pane", "-p"))
    finally:
        # Some agents outlive their terminal.
        pane = tmux("list-panes", "-F", "#{pane_pid}").split()
        left = tree(int(pane[0])) if pane else []
        tmux("kill-server")
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def draws(name):
    program = agents.binary(name)
    ready = agents.READY[name]
    h, plain = Home(name), Home(name)
    try:
        h.nono("run", "--silent", "--detached", "--name", name, "--profile", agents.PROFILE[name], "--allow-net",
               "--allow-cwd", "--size", "%dx%d" % (COLS, ROWS), "--", program, *agents.ARGS.get(name, []))
        theirs = under_tmux(plain, [program, *agents.ARGS.get(name, [])], ready)
        until("%s in a pane" % name, lambda: ready in h.nono("capture", name))
        say = same_screens(name, lambda: h.nono("capture", name), theirs)
        asked = json.loads(h.nono("requests", "--json"))
        assert not asked, "%s asks for something at its start: %r" % (name, asked)
        h.nono("send", name, "hello from the test")
        until("typed text on the screen of %s" % name,
              lambda: "hello from the test" in h.nono("capture", name), 30)
        h.nono("stop", name)
        assert not json.loads(h.nono("ps", "--json")), "a session is left"
        return say
    finally:
        h.close()
        plain.close()


def run_cases(cases, there):
    """Prints what became of them, and ends the program."""
    failed = 0
    only = sys.argv[1:]
    cases = [c for c in cases if not only or any(o in c[0] for o in only)]

    def run(case):
        started = time.monotonic()
        try:
            say = case[1]()
        except (AssertionError, subprocess.SubprocessError) as e:
            return "FAILED: %s: %s" % (case[0], e)
        return "ok: %s (%.0f s)%s" % (case[0], time.monotonic() - started,
                                      ": " + say if say else "")

    # They wait for most of their time.
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for said in pool.map(run, cases):
            failed += said.startswith("FAILED")
            print(said, flush=True)
    for n, found in there.items():
        if not found:
            print("skipped: %s is not installed (tests/install-agents.sh)" % n)
    print("%d passed, %d failed" % (len(cases) - failed, failed))
    sys.exit(1 if failed else 0)
