#!/usr/bin/env python3
"""With --rollback a snapshot is kept before a risky grant takes effect."""
import json
import os
import signal
import time

import nonolib
from nonolib import SLOW, until

ASK = ("--capability-elevation", "--rollback", "--no-rollback-prompt")
LOOP = "echo ready; n=0; while read line; do n=$((n+1)); eval \"$line\"; echo \"exit $? of $n.\"; done"


class Agent:
    """A shell that does as it is told, and asks."""

    def __init__(self, p, *flags):
        self.p, self.n = p, 0
        self.sid = p.start("agent", LOOP, *ASK, *flags)["session_id"]
        p.shows("agent", "^ready")

    def does(self, words, *answer, code=0):
        """answer: of approve, () = denied."""
        p = self.p
        self.n += 1
        p.nono("send", "agent", "--enter", "--", words)
        q = p.request("agent")
        p.nono(*(("approve", q["id"], "--scope", *answer) if answer else ("deny", q["id"])))
        begin = time.monotonic()
        p.shows("agent", "^exit %d of %d\\." % (code, self.n))
        return time.monotonic() - begin

    def snapshots(self):
        return self.p.json("rollback", "show", self.sid)["snapshots"]

    def reasons(self):
        return [s["reason"] for s in self.snapshots()]

    def said(self):
        return [e for e in self.p.events("agent", "snapshot") if "no snapshot of before" in json.dumps(e)]

    def ends(self):
        self.p.nono("stop", "--force", "agent")
        until("the end", lambda: not self.p.json("rollback", "list", "--all")[0]["is_alive"])
        self.p.nono("audit", "verify", self.sid)


def settings(p, text):
    if not os.path.isdir(os.path.join(p.home, ".config")):
        p.mkdir(os.path.join(p.home, ".config"))
        p.mkdir(os.path.join(p.home, ".config/nono"))
    p.write(os.path.join(p.home, ".config/nono/config.toml"), "[rollback]\n" + text)


def kept(p, flags):
    """What is outside is as it was before the grant; what a session writes as well."""
    f = p.write(os.path.join(p.outside, "f"), "old\n")
    p.write("inside", "1\n")
    a = Agent(p, *flags)
    a.does("echo 2 > inside; echo new > %s" % f, "once")
    assert p.read(f) == "new\n" and a.reasons() == ["start", "request"], a.reasons()
    a.does("echo made > %s/made" % p.outside, "session")
    a.does("mv %s %s/g" % (f, p.outside), "once")
    assert a.reasons() == ["start"] + 3 * ["request"], a.reasons()
    # Neither of these is a risk.
    a.does("cat ~/.ssh/id_rsa", "session")
    a.does("echo x > %s/denied" % p.outside, code=2)
    p.nono("send", "agent", "--enter", "--", "echo again > %s/made" % p.outside)
    p.shows("agent", "^exit 0 of 6\\.")
    assert len(a.reasons()) == 4, a.reasons()
    logged = [json.dumps(e) for e in p.events("agent", "snapshot") if '"request"' in json.dumps(e)]
    assert len(logged) == 3 and a.snapshots()[1]["merkle_root"] in logged[0] and not a.said(), logged
    a.ends()
    # Without a number everything goes back: also what lies outside, to before the first grant for it.
    after = sorted(os.listdir(p.outside))
    steps = {d["path"]: d["action"] for d in p.json("rollback", "restore", a.sid, "--dry-run")}
    assert steps == {f: "create", p.outside + "/g": "remove", p.outside + "/made": "remove",
                     os.path.join(p.work, "inside"): "replace"}, steps
    assert sorted(os.listdir(p.outside)) == after and p.read("inside") == "2\n"
    p.nono("rollback", "restore", a.sid)
    assert os.listdir(p.outside) == ["f"] and p.read(f) == "old\n" and p.read("inside") == "1\n"
    # One restore is undone by one.
    assert a.reasons()[-1] == "before-restore"
    p.nono("rollback", "restore", a.sid, "--snapshot", str(a.snapshots()[-1]["number"]))
    assert sorted(os.listdir(p.outside)) == after and p.read("inside") == "2\n" and p.read(p.outside + "/g") == "new\n"
    p.nono("rollback", "restore", a.sid, "--path", f)
    assert p.read(f) == "old\n" and p.read("inside") == "2\n" and p.read(p.outside + "/g") == "new\n"
    # What only one of two is about did not come and go.
    for s in a.snapshots()[:5]:
        assert all(c["path"].startswith(p.work) for c in s["changes"]), s["changes"]
    p.nono("rollback", "restore", a.sid, "--snapshot", "1")
    assert p.read(f) == "old\n" and p.read("inside") == "2\n"
    p.nono("rollback", "restore", a.sid, "--snapshot", "2", "--path", p.outside + "/made")
    assert not os.path.exists(p.outside + "/made")
    p.nono("rollback", "restore", a.sid)
    assert p.read("inside") == "1\n" and p.read(f) == "old\n"
    p.nono("rollback", "verify", a.sid)


def too_large(p):
    """A directory that is too much is named; the rest is kept."""
    d = p.mkdir(os.path.join(p.outside, "many"))
    for i in range(1001):
        p.write(os.path.join(p.outside, "many/%d" % i), "")
    a = Agent(p)
    a.does("mv %s/many %s/moved" % (p.outside, p.outside), "once")
    assert os.path.exists(p.outside + "/moved/7")
    assert a.reasons() == ["start", "request"], (a.reasons(), d)
    logged = [json.dumps(e) for e in p.events("agent", "snapshot")]
    assert any("too large: %s/many" % p.outside in e for e in logged), logged
    a.ends()


def held_up(p):
    """A snapshotter that does not answer delays the grant, no more; the broker serves."""
    settings(p, "before_requests_seconds = 2\n")
    f = p.write(os.path.join(p.outside, "f"), "old\n")
    a = Agent(p)
    with open(os.path.join(p.env["XDG_STATE_HOME"], "nono/rollbacks", a.sid, "session.json")) as r:
        pid = json.load(r)["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        p.nono("send", "agent", "--enter", "--", "echo new > " + f)
        a.n += 1
        p.nono("approve", p.request("agent")["id"])
        begin = time.monotonic()
        assert p.json("requests") == [] and p.read(f) == "old\n"
        assert time.monotonic() - begin < 1.5 * SLOW, "the broker is held up"
        p.shows("agent", "^exit 0 of 1\\.")
        assert 1 < time.monotonic() - begin < 4 * SLOW and p.read(f) == "new\n"
        a.does("echo newer > " + f, "once")
        assert len(a.said()) == 2 and "longer than 2 s" in json.dumps(a.said()), a.said()
    finally:
        os.kill(pid, signal.SIGCONT)
    # One that came too late is none of before.
    a.does("echo newest > " + f, "once")
    assert a.reasons() == ["start", "request"] and len(a.said()) == 2, (a.reasons(), a.said())
    a.ends()
    p.nono("rollback", "restore", a.sid, "--snapshot", "1")
    assert p.read(f) == "newer\n"


def killed(p):
    """Nobody takes snapshots any more: grants come at once."""
    f = p.write(os.path.join(p.outside, "f"), "old\n")
    a = Agent(p)
    with open(os.path.join(p.env["XDG_STATE_HOME"], "nono/rollbacks", a.sid, "session.json")) as r:
        os.kill(json.load(r)["pid"], signal.SIGKILL)
    assert a.does("echo new > " + f, "once") < 4 * SLOW and p.read(f) == "new\n"
    assert a.reasons() == ["start"]
    # Each grant from then on says so, also those that were asked for afterwards.
    until("a word about the first", lambda: len(a.said()) == 1)
    a.does("echo newer > " + f, "once")
    until("a word about the second", lambda: len(a.said()) == 2)
    assert all("takes snapshots ended" in e["target"] for e in a.said()), a.said()
    # One from the violations pane says so there.
    p.nono("send", "agent", "--enter", "--", "echo more > %s/g" % p.outside)
    p.nono("deny", p.request("agent")["id"])
    s = nonolib.Screen(p, "attach", "agent", cols=100, rows=24)
    s.command("v")
    s.sees("1×.*outside/g")
    s.keys("Down")
    s.type("s")
    s.sees("Allow agent to write .*/g until")
    s.type("y")
    s.sees("agent: allowed, but no snapshot of before: the process that takes snapshots ended")
    s.command("d")
    assert s.ended() == 0
    p.nono("stop", "--force", "agent")


def switched_off(p):
    settings(p, "before_requests = false\n")
    f = p.write(os.path.join(p.outside, "f"), "old\n")
    a = Agent(p)
    a.does("echo new > " + f, "once")
    assert a.reasons() == ["start"] and not a.said()
    a.ends()
    # A profile says so for itself.
    profile = p.write(os.path.join(p.home, "mine.json"),
                      json.dumps({"meta": {"name": "mine"}, "rollback": {"before_requests": True}}))
    a = Agent(p, "--profile", profile)
    a.does("echo newer > " + f, "once")
    assert a.reasons() == ["start", "request"], a.reasons()
    a.ends()
    settings(p, "before_requests = 1\n")
    p.nono("run", "-s", "--rollback", "--allow", p.work, "--", "true", code=1)
    assert "config.toml:2:1" in p.err and "true or false" in p.err, p.err


def bounded(p):
    """As many as max_snapshots says; that there are no more is said once."""
    settings(p, "max_snapshots = 2\n")
    f = p.write(os.path.join(p.outside, "f"), "old\n")
    a = Agent(p)
    for i in range(4):
        a.does("echo %d > %s" % (i, f), "once")
    assert a.reasons() == ["start", "request"], a.reasons()
    assert len(a.said()) == 1 and "max_snapshots" in json.dumps(a.said()), a.said()
    a.ends()


nonolib.main([held_up, *nonolib.both(kept), too_large, killed, switched_off, bounded])
