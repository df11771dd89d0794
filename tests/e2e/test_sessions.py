#!/usr/bin/env python3
"""Sessions: started in the background, listed, found by name and id, attached to on a terminal, left
and come back to, by several clients at once; stopped with all that they started."""
import fcntl
import os
import re
import signal
import time

import nonolib
from nonolib import Pty, Screen, until

TICK = "i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.2; done"
ECHO = "while read x; do echo \"got <$x>\"; done; exit 4"
# A daemon of the kind that agents leave behind: own session, re-parented, deaf to signals.
DAEMON = """
python3 -c 'import os, signal, time
for s in (1, 2, 3, 15): signal.signal(s, signal.SIG_IGN)
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
open("daemon-up", "w").close()
while True: time.sleep(1000)'
while [ ! -e daemon-up ]; do sleep 0.05; done
"""


def detached(p):
    r = p.start("bg", ECHO, "--size", "70x15")
    assert re.fullmatch("[0-9a-f]{16}", r["session_id"]) and r["status"] == "running", r
    assert r["attachment"] == "detached" and r["name"] == "bg", r
    rows = p.json("ps")
    assert [x["session_id"] for x in rows] == [r["session_id"]], rows
    for word in (r["session_id"], r["session_id"][:5], "bg"):
        assert p.json("inspect", word)["session_id"] == r["session_id"]
    p.nono("send", "bg", "--enter", "hello")
    p.shows("bg", "^got <hello>$")
    p.nono("send", "bg", "--keys", "C-d")
    p.nono("wait", "bg", "--until", "exited", "--timeout", "20")
    now = p.nothing_left(r, "the end of the program")
    assert now["exit_code"] == 4, now
    assert p.json("ps") == [] and len(p.json("ps", "--all")) == 1


def names(p):
    a = p.start("one", "sleep 1000")
    p.nono("run", "--silent", "--detached", "--name", "one", "--", "true", code=1)
    assert "one" in p.err
    b = p.start("two", "sleep 1000")
    for bad in ("", "a/b", "../x", "a b", "x" * 200):
        p.nono("run", "--silent", "--detached", "--name", bad, "--", "true", code=None)
        assert p.code in (1, 2), (bad, p.code)
    p.nono("inspect", "on", code=1)
    # A prefix that fits both ids is not guessed at.
    common = os.path.commonprefix([a["session_id"], b["session_id"]])
    if common:
        p.nono("inspect", common, code=1)
    made_up = p.nono("run", "--silent", "--detached", "--", "sleep", "1000").strip()
    assert re.fullmatch("[a-z]+-[a-z]+", p.json("inspect", made_up)["name"])
    p.nono("stop", "--force", "one")
    again = p.start("one", "sleep 1000")
    assert p.json("inspect", "one")["session_id"] == again["session_id"], "live wins over ended"
    for s in (b["session_id"], made_up, "one"):
        p.nono("stop", "--force", s)
    assert p.json("ps") == []


def failed_start(p):
    """What can't be started leaves nothing behind."""
    p.nono("run", "--silent", "--detached", "--name", "no", "--", "/nonexistent/program", code=1)
    p.nono("run", "--silent", "--detached", "--name", "no", "--profile", "no-such", "--", "true", code=1)
    p.nono("run", "--silent", "--allow", os.path.join(p.base, "state"), "--", "true", code=1)
    assert "nono state" in p.err, p.err
    assert p.json("ps", "--all") == []
    runtime = os.path.join(p.base, "run", "nono")
    assert not os.path.isdir(runtime) or not os.listdir(runtime), os.listdir(runtime)
    until("no process", lambda: not p.processes())


def attach_detach(p):
    r = p.start("agent", ECHO)
    s = Screen(p, "attach", "agent")
    s.sees("agent")
    until("attached", lambda: p.json("inspect", "agent")["attachment"] == "attached")
    s.type("first")
    s.keys("Enter")
    s.sees("got <first>")
    s.command("d")
    assert s.ended() == 0
    until("detached", lambda: p.json("inspect", "agent")["attachment"] == "detached")
    p.nono("send", "agent", "--enter", "meanwhile")
    again = Screen(p, "attach", "agent")
    text = again.sees("got <meanwhile>")
    assert "got <first>" in text, text
    again.command("D")
    assert again.ended() == 0
    # From outside.
    third = Screen(p, "attach", "agent")
    third.sees("got <meanwhile>")
    p.nono("detach", "agent")
    third.ended()
    assert p.json("inspect", "agent")["status"] == "running"
    p.nono("stop", "agent")
    p.nothing_left(r, "stop")


def own_pane(p):
    """nono run on a terminal: ends with the program, with its exit code."""
    s = Screen(p, "run", "--silent", "--allow", p.work, "--", "/bin/sh", "-c",
               "echo inside; tty; read x; exit 7")
    s.sees("inside")
    s.sees("/dev/pts/")
    s.keys("Enter")
    assert s.ended() == 7
    until("no process but the terminal's", lambda: not p.json("ps"))


def two_clients(p):
    """Several clients, different sizes; what one types all see; one leaves, the others stay."""
    r = p.start("agent", ECHO)
    a = Screen(p, "attach", "agent", cols=120, rows=40)
    a.sees("agent")
    b = Screen(p, "attach", "agent", cols=70, rows=16)
    b.sees("agent")
    a.type("from a")
    a.keys("Enter")
    b.sees("got <from a>")
    b.type("from b")
    b.keys("Enter")
    a.sees("got <from b>")
    assert len(a.lines()[0]) <= 120 and len(b.lines()[0]) <= 70
    b.resize(60, 12)
    b.type("small")
    b.keys("Enter")
    b.sees("got <small>")
    a.sees("got <small>")
    b.command("d")
    assert b.ended() == 0
    a.type("alone")
    a.keys("Enter")
    a.sees("got <alone>")
    os.kill(a.client(), signal.SIGKILL)
    a.ended()
    assert p.json("inspect", "agent")["status"] == "running"
    p.nono("stop", "agent")
    p.nothing_left(r, "stop")


def read_only(p):
    r = p.start("agent", ECHO)
    s = Screen(p, "attach", "--read-only", "agent")
    s.sees("agent")
    s.type("typed by a watcher")
    s.keys("Enter")
    p.nono("send", "agent", "--enter", "real")
    text = s.sees("got <real>")
    assert "got <typed" not in text and "typed by" not in text, text
    s.command("d")
    assert s.ended() == 0
    p.nono("stop", "agent")
    p.nothing_left(r, "stop")


def window_size(p):
    """The program learns the size of its pane, and its changes."""
    r = p.start("agent", "trap 'stty size' WINCH; echo up; while :; do sleep 0.1; done", "--size", "80x20")
    p.shows("agent", "up")
    s = Screen(p, "attach", "agent", cols=100, rows=30)
    s.sees("^ *2[0-9] (9[0-9]|100)\\b")
    s.resize(90, 25)
    s.sees("^ *2[0-4] (8[0-9]|90)\\b")
    p.nono("stop", "agent")
    p.nothing_left(r, "stop")


def stubborn(p):
    """Nothing survives stop: not a daemon, nor what ignores signals."""
    r = p.start("agent", DAEMON + "trap '' TERM HUP INT; echo up; while :; do sleep 0.1; done")
    p.shows("agent", "up")
    begin = time.monotonic()
    p.nono("stop", "agent", "--timeout", "1")
    assert time.monotonic() - begin < 10 * nonolib.SLOW
    p.nothing_left(r, "stop")
    os.unlink(os.path.join(p.work, "daemon-up"))
    # Its parent ends: the daemon ends with the session.
    r = p.start("short", DAEMON + "exit 3")
    p.nono("wait", "short", "--timeout", "30")
    assert p.nothing_left(r, "the end of the program")["exit_code"] == 3


def stubborn_without_namespaces(p):
    r = p.start("agent", DAEMON + "trap '' TERM HUP INT; echo up; while :; do sleep 0.1; done",
                "--namespaces", "off")
    p.shows("agent", "up")
    p.nono("stop", "--force", "agent")
    p.nothing_left(r, "stop without namespaces")


def lent_terminal(p):
    """Under su the terminal belongs to another: it is used all the same, and given back as it was."""
    t = Pty(p, "run", "-s", "--name", "lent", "--allow", p.work, "--", "sh", "-c", "echo up; read x; exit 3", lent=True)
    t.wait_for(b"up")
    t.send(b"\r")
    assert t.ended() == 3
    t.restored("the lent terminal")
    assert not fcntl.fcntl(t.slave, fcntl.F_GETFL) & os.O_NONBLOCK
    t.close()


def no_terminal_for_it(p):
    """Where the front end can't be, no session is started for it."""
    t = Pty(p, "run", "-s", "--allow", p.work, "--", "sleep", "1000", env={"TERM": "dumb"})
    t.wait_for(b"TERM=dumb")
    assert t.ended() == 1 and p.json("ps", "--all") == []
    t.close()


def swept(p):
    """Killed with its supervisor, and looked for by somebody who knows nothing of it: what it had in /tmp goes."""
    dead, live = p.start("dead", "sleep 1000"), p.start("live", "sleep 1000")
    os.kill(dead["supervisor_pid"], signal.SIGKILL)
    until("the agent is gone", lambda: not os.path.exists("/proc/%d" % dead["child_pid"]))
    other = {"XDG_STATE_HOME": p.mkdir("state2"), "XDG_RUNTIME_DIR": p.mkdir("run2")}
    os.chmod(other["XDG_RUNTIME_DIR"], 0o700)
    p.nono("ps", env=other)
    assert os.path.exists(dead["tmp"]), "so young that its lock might be on the way"
    for row in (dead, live):
        os.utime(row["tmp"], (0, 0))
    p.nono("ps", env=other)
    assert not os.path.exists(dead["tmp"])
    assert os.path.exists(live["tmp"] + "/.nono-cap.json")
    p.nono("stop", "live")


def prune(p):
    for name in ("a", "b", "c"):
        p.start(name, "exit 0")
        p.nono("wait", name, "--timeout", "20")
    live = p.start("live", "sleep 1000")
    ids = [x["session_id"] for x in p.json("ps", "--all")]
    p.nono("prune", "--dry-run")
    assert len(p.json("ps", "--all")) == 4
    p.nono("prune", "--keep", "1")
    assert {x["name"] for x in p.json("ps", "--all")} == {"c", "live"}
    p.nono("prune")
    assert [x["name"] for x in p.json("ps", "--all")] == ["live"]
    for sid in ids:
        if sid != live["session_id"]:
            p.nono("audit", "verify", sid)
    p.nono("stop", "--force", "live")


def pipes(p):
    """Without a terminal: input, both outputs, exit code and signals pass through."""
    q = p.run([p.bin, "run", "--silent", "--", "/bin/sh", "-c", "cat; echo err >&2; exit 9"],
              input="in\n", stdin=None)
    assert (q.returncode, q.stdout, q.stderr) == (9, "in\n", "err\n"), q
    q = p.run([p.bin, "run", "--silent", "--", "/bin/sh", "-c", "kill -TERM $$"])
    assert q.returncode == 143, q
    q = p.popen("run", "--silent", "--allow", p.work, "--", "/bin/sh", "-c",
                "trap 'echo caught; exit 5' TERM; echo up > up; while :; do sleep 0.05; done")
    until("the program", lambda: os.path.exists(os.path.join(p.work, "up")))
    q.send_signal(signal.SIGTERM)
    out, _ = q.communicate(timeout=20 * nonolib.SLOW)
    assert q.returncode == 5 and out == "caught\n", (q.returncode, out)
    until("no process", lambda: not p.processes())


def hostile_output(p):
    """No byte of a program's output reaches the user's terminal unparsed."""
    r = p.start("agent", r"""
    printf '\033]52;c;c3RvbGVu\007\033]0;TITLE\007\033P+q544e\033\\\033[5n\033[?1049h\033[21t'
    printf '\033]9;note\007\033_Gi=1,a=q;AAAA\033\\\033[>c\033[c\033]7501;x=y\033\\\n'; echo READY; sleep 1000""")
    t = Pty(p, "attach", "agent")
    try:
        t.wait_for(b"READY")
        t.pump(0.3)
        for bad in (b"\x1b]52", b"\x1bP+q", b"\x1b[21t", b"\x1b_G", b"\x1b[5n", b"\x1b[>c"):
            assert bad not in t.data, "%r reached the terminal" % bad
        t.send(b"\x02d")
        assert t.ended() == 0
        t.restored("detach")
    finally:
        t.close()
    p.nono("stop", "agent")
    p.nothing_left(r, "stop")


def open_registry(p):
    """Directories of sessions that others could look into are closed, which is said once."""
    p.nono("run", "--name", "first", "--", "true")
    for name in ("sessions", "audit"):
        path = os.path.join(p.env["XDG_STATE_HOME"], "nono", name)
        os.chmod(path, 0o755)
        p.nono("run", "--", "true")
        assert "%s was open to other users (mode 755)" % path in p.err, p.err
        assert os.stat(path).st_mode & 0o777 == 0o700
        p.nono("run", "--", "true")
        assert "open to other users" not in p.err, p.err
    os.rename(path, path + ".old")
    os.symlink(p.outside, path)
    p.nono("run", "--", "true", code=1)
    assert path in p.err and not os.listdir(p.outside), p.err


nonolib.main([open_registry, detached, names, failed_start, attach_detach, own_pane, two_clients, read_only, window_size,
              stubborn, stubborn_without_namespaces, lent_terminal, no_terminal_for_it, swept, prune, pipes, hostile_output])
