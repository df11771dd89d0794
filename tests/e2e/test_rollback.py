#!/usr/bin/env python3
"""What a session changed: shown, taken back in whole and in part; trees that are meant to mislead."""
import json
import os
import re
import signal
import time

import nonolib
from nonolib import SLOW, until

NUMBERS = "".join("%d\n" % i for i in range(1, 101))


def tree(top):
    """Everything below, with modes, times, targets and content."""
    out = {}
    for d, dirs, files in os.walk(top):
        for n in dirs + files:
            path = os.path.join(d, n)
            st = os.lstat(path)
            if os.path.islink(path):
                what = os.readlink(path)
            elif os.path.isfile(path):
                with open(path, "rb") as f:
                    what = f.read()
            else:
                what = None
            out[os.path.relpath(path, top)] = (st.st_mode, st.st_mtime_ns, what)
    return out


def grow(p):
    p.write("a.txt", "one\ntwo\n")
    p.write("n.txt", NUMBERS)
    os.chmod(os.path.join(p.work, "a.txt"), 0o640)
    p.mkdir("d")
    p.mkdir("d/e")
    p.write("d/e/f", "deep")
    os.symlink("a.txt", os.path.join(p.work, "l"))
    p.own(os.path.join(p.work, "l"))
    os.utime(os.path.join(p.work, "d"), ns=(10**18, 10**18))


CHANGES = ("echo more >> a.txt; sed -i 's/^5$/five/; s/^90$/ninety/' n.txt; rm -r d; echo n > new; "
           "rm l; mkdir l; echo x > l/x; exit 3")


def newest(p):
    return p.json("rollback", "list")[0]["session_id"]


def whole(p, flags):
    """Back to the state before the run, and forth again."""
    grow(p)
    before = tree(p.work)
    p.inside(CHANGES, "--rollback", *flags, code=3)
    after = tree(p.work)
    sid = newest(p)
    row = p.json("rollback", "list")[0]
    assert row["snapshot_count"] == 2 and row["exit_code"] == 3 and row["tracked_paths"] == [p.work], row
    assert not row["is_alive"] and not row["is_stale"]
    shown = p.json("rollback", "show", sid[:6])
    kinds = {os.path.relpath(c["path"], p.work): c["type"] for c in shown["snapshots"][1]["changes"]}
    assert kinds == {"a.txt": "~", "n.txt": "~", "d": "-", "d/e": "-", "d/e/f": "-", "new": "+",
                     "l": "~", "l/x": "+"}, kinds
    assert "PASS" in p.nono("rollback", "verify", sid)
    dry = p.nono("rollback", "restore", sid, "--dry-run")
    assert "remove  %s/new\n" % p.work in dry and tree(p.work) == after, dry
    p.nono("rollback", "restore", sid)
    assert tree(p.work) == before
    assert "Nothing" in (p.nono("rollback", "restore", sid, "--dry-run"), p.err)[1]
    p.nono("rollback", "restore", sid, "--snapshot", "2")
    assert tree(p.work) == after, "a restore can be undone"
    record = json.loads(p.read(os.path.join(p.env["XDG_STATE_HOME"], "nono/audit", sid, "session.json")))
    assert record["snapshot_count"] == 2
    assert record["merkle_roots"] == [s["merkle_root"] for s in shown["snapshots"][:2]]
    audit = p.json("audit", "show", sid)
    assert [s["merkle_root"] for s in audit["snapshots"][:2]] == record["merkle_roots"], audit["snapshots"]
    assert [s["reason"] for s in audit["snapshots"]] == ["start", "end", "before-restore", "before-restore"]
    assert audit["snapshots"][0]["changes"] == []
    rows = {os.path.relpath(c["path"], p.work): c for c in audit["snapshots"][1]["changes"]}
    assert rows["new"]["type"] == "+" and rows["new"]["old_hash"] is None and rows["new"]["size_delta"] == 2
    assert rows["a.txt"]["old_hash"] != rows["a.txt"]["new_hash"] and len(rows["d/e/f"]["old_hash"]) == 64
    assert len(audit["executable_identity"]["sha256"]) == 64, audit["executable_identity"]
    assert re.search(r"\[001\] .* end +\d+ files", p.nono("audit", "show", sid))
    assert p.json("inspect", sid)["rollback_session"] == sid
    p.nono("audit", "verify", sid)


def parts(p):
    """A path, a hunk; what is wrong is said."""
    grow(p)
    p.inside(CHANGES, "--rollback", code=3)
    sid = newest(p)
    diff = p.nono("rollback", "show", sid, "--diff")
    assert "-5\n+five\n" in diff and "+ninety\n" in diff and "-deep\n" in diff, diff
    assert "five" in p.nono("rollback", "show", sid, "--side-by-side")
    assert " 50 " in p.nono("rollback", "show", sid, "--full")
    p.nono("rollback", "restore", sid, "--hunk", "n.txt:2")
    assert p.read("n.txt") == NUMBERS.replace("\n5\n", "\nfive\n")
    p.nono("rollback", "restore", sid, "--path", "d/e/f")
    assert p.read("d/e/f") == "deep" and os.path.exists(os.path.join(p.work, "new"))
    # What can't be done is found before anything is kept or put back.
    taken = len(p.json("rollback", "show", sid)["snapshots"])
    p.nono("rollback", "restore", sid, "--hunk", "n.txt:7", code=2)
    was = p.read("n.txt")
    p.nono("rollback", "restore", sid, "--hunk", "n.txt:1", "--hunk", "n.txt:7", code=2)
    assert p.read("n.txt") == was
    p.nono("rollback", "restore", sid, "--path", "/etc", code=1)
    p.nono("rollback", "restore", sid, "--path", "nosuch", code=1)
    assert "nosuch is neither in the snapshot nor there now" in p.err, p.err
    assert len(p.json("rollback", "show", sid)["snapshots"]) == taken
    p.nono("rollback", "restore", sid, "--snapshot", "99", code=1)
    p.nono("rollback", "show", "ffffffff", code=1)
    p.nono("run", "--rollback", "--no-audit", "--", "true", code=2)


def nothing(p):
    """A restore that finds nothing to do keeps no snapshot of the present state."""
    grow(p)
    p.nono("snapshot", "create", "base")
    p.inside(CHANGES, "--rollback", code=3)
    sid = newest(p)

    def kept():
        return [s["number"] for s in p.json("rollback", "show", sid)["snapshots"]], \
            [s["name"] for s in p.json("snapshot", "list")]
    p.nono("rollback", "restore", sid)
    was = kept()
    assert was == ([0, 1, 2], ["base"]), was
    os.utime(os.path.join(p.work, "a.txt"))  # times alone are no change
    for args in (["rollback", "restore", sid], ["rollback", "restore", sid, "--path", "d"], ["snapshot", "restore", "base"]):
        p.nono(*args)
        assert "Nothing to restore" in p.err and "present state" not in p.err, p.err
        assert json.loads(p.nono(*args, "--json")) == [] and kept() == was, kept()
    audit = [s["reason"] for s in p.json("audit", "show", sid)["snapshots"]]
    assert audit == ["start", "end", "before-restore"], audit
    p.write("a.txt", "other\n")
    p.nono("snapshot", "restore", "base", "--path", "d")
    assert "Nothing to restore" in p.err and kept() == was
    p.nono("snapshot", "restore", "base")
    assert p.read("a.txt") == "one\ntwo\n" and len(kept()[1]) == 2, kept()
    undo = [n for n in kept()[1] if n != "base"][0]
    assert "\n%s " % undo in p.nono("snapshot", "list")
    p.nono("snapshot", "restore", undo)
    assert p.read("a.txt") == "other\n"


def attributes(p):
    """What is no content: modes, attributes, FIFOs, which are not made again."""
    grow(p)
    os.setxattr(os.path.join(p.work, "a.txt"), "user.k", b"v")
    os.mkfifo(os.path.join(p.work, "fifo"))
    p.own(os.path.join(p.work, "fifo"))
    p.inside("rm fifo; chmod 600 n.txt; python3 -c 'import os; os.removexattr(\"a.txt\", \"user.k\")'", "--rollback")
    sid = newest(p)
    diff = p.nono("rollback", "show", sid, "--diff")
    assert "/a.txt: extended attributes\n" in diff and "/fifo: a socket, device or FIFO\n" in diff, diff
    assert re.search("/n.txt: mode 0[0-7]+ -> 0600\n", diff), diff
    p.nono("rollback", "restore", sid, code=1)
    assert "fifo: a device, socket or FIFO is not made again" in p.err and "2 of 3" in p.err, p.err
    assert os.getxattr(os.path.join(p.work, "a.txt"), "user.k") == b"v"
    taken = len(p.json("rollback", "show", sid)["snapshots"])
    p.nono("rollback", "restore", sid, code=1)
    assert "nothing to restore but" in p.err and len(p.json("rollback", "show", sid)["snapshots"]) == taken, p.err


def names(p):
    """A name of a file that an editor made a file of its own is that file's again; others of it stay."""
    grow(p)
    kept = os.path.join(p.outside, "kept")
    for name in ("b", "sub-c"):
        os.link(os.path.join(p.work, "a.txt"), os.path.join(p.work, name))
    os.link(os.path.join(p.work, "a.txt"), kept)
    p.inside("sed -i s/one/ONE/ a.txt; rm sub-c", "--rollback")
    assert p.read("a.txt") == "ONE\ntwo\n" and p.read("b") == "one\ntwo\n"
    out = p.nono("rollback", "restore", newest(p)).splitlines()
    assert [x.split("/")[-1] for x in out] == ["a.txt", "sub-c"], out
    assert p.read("a.txt") == "one\ntwo\n"
    assert len({os.stat(x).st_ino for x in [kept] + [os.path.join(p.work, n) for n in ("a.txt", "b", "sub-c")]}) == 1


def middle(p):
    """One of the states between: against the one before it, or against the first."""
    grow(p)
    p.start("one", "for i in 1 2 3; do echo $i > f$i; touch ready$i; until [ -e go$i ]; do sleep 0.05; done; done; rm a.txt",
            "--rollback", "--rollback-exclude", "ready*", "--rollback-exclude", "go*")
    for i in (1, 2):
        until("its step", lambda: os.path.exists(os.path.join(p.work, "ready%d" % i)))
        assert p.nono("snapshot", "create", "--session", "one").strip() == str(i)
        p.write("go%d" % i, "")
    p.write("go3", "")
    p.nono("wait", "one", "--until", "exited", "--timeout", "20")
    until("the last snapshot", lambda: not p.json("rollback", "list", "--all")[0]["is_alive"])
    sid = newest(p)

    def changed(*args):
        return {os.path.basename(c["path"]): c["type"] for c in p.json("rollback", "show", sid, *args)["changes"]}
    assert changed("--snapshot", "1") == {"f1": "+"} and changed("--snapshot", "2") == {"f2": "+"}
    assert changed("--snapshot", "3") == {"f3": "+", "a.txt": "-"}
    assert changed("--snapshot", "2", "--since-start") == {"f1": "+", "f2": "+"}
    one = p.json("rollback", "show", sid, "--snapshot", "2")
    assert (one["number"], one["since"], one["session_id"], one["reason"]) == (2, 1, sid, "manual"), one
    text = p.nono("rollback", "show", sid, "--snapshot", "2")
    assert "[002]" in text and "[001]" not in text and "Changes since snapshot 1: +1 ~0 -0 p0\n+ %s/f2\n" % p.work in text, text
    assert p.nono("rollback", "show", sid, "--snapshot", "2", "--diff") == "--- /dev/null\n+++ b%s/f2\n@@ -0,0 +1 @@\n+2\n" % p.work
    assert "2" in p.nono("rollback", "show", sid, "--snapshot", "2", "--side-by-side", "--path", p.work + "/f2")
    assert p.nono("rollback", "show", sid, "--snapshot", "2", "--full", "--path", "f1") == ""
    assert changed("--snapshot", "3", "--path", "a.txt") == {"a.txt": "-"}
    whole = p.json("rollback", "show", sid, "--path", "f2")["snapshots"]
    assert [len(s["changes"]) for s in whole] == [0, 0, 1, 0], whole
    out = p.nono("rollback", "show", sid, "--path", "a.txt", "--path", "f2")
    assert "/f1" not in out, out  # an id may have it
    assert changed("--snapshot", "0") == {} and p.json("rollback", "show", sid, "--snapshot", "0")["since"] is None
    assert "there is none before it" in p.nono("rollback", "show", sid, "--snapshot", "0")
    for command in (["show"], ["restore"]):
        p.nono("rollback", *command, sid, "--snapshot", "4", code=1)
        assert "has no snapshot 4, but 0-3" in p.err, p.err
    p.nono("rollback", "show", sid, "--snapshot", "x", code=2)
    p.nono("rollback", "show", sid, "--path", "/etc", code=1)
    os.unlink(os.path.join(p.env["XDG_STATE_HOME"], "nono/rollbacks", sid, "snapshots/001.json"))
    p.nono("rollback", "show", sid, "--snapshot", "1", code=1)
    assert "has no snapshot 1, but 0, 2-3" in p.err, p.err
    assert p.json("rollback", "show", sid, "--snapshot", "2")["since"] == 0


def hostile(p):
    """Links and hard links that lead out of the tree: nothing outside changes."""
    grow(p)
    outside = p.outside
    p.write(os.path.join(outside, "f"), "outside")
    p.inside("rm -r d; exit 3", "--rollback", code=3)
    sid = newest(p)
    # What an agent would do: where files are put back there is a way out now.
    os.symlink(outside, os.path.join(p.work, "d"))
    os.unlink(os.path.join(p.work, "a.txt"))
    os.link(os.path.join(outside, "f"), os.path.join(p.work, "a.txt"))
    was = tree(outside)
    p.nono("rollback", "restore", sid)
    assert tree(outside) == was
    assert p.read("d/e/f") == "deep" and not os.path.islink(os.path.join(p.work, "d"))
    assert p.read("a.txt") == "one\ntwo\n" and os.lstat(os.path.join(p.work, "a.txt")).st_nlink == 1
    # The mode alone, through a hard link.
    p.inside("chmod 777 a.txt", "--rollback")
    sid = newest(p)
    os.link(os.path.join(p.work, "a.txt"), os.path.join(outside, "g"))
    p.nono("rollback", "restore", sid)
    assert os.stat(os.path.join(outside, "g")).st_mode & 0o777 == 0o777
    assert os.stat(os.path.join(p.work, "a.txt")).st_mode & 0o777 == 0o640


def excluded(p):
    """What was left out is not touched."""
    grow(p)
    for d in ("node_modules", ".git", "kept"):
        p.mkdir(d)
        p.write(d + "/x", "1")
    p.write("x.log", "1")
    p.inside("for f in node_modules/x kept/x x.log a.txt; do echo 2 > $f; done", "--rollback",
             "--rollback-exclude", "*.log", "--rollback-exclude", "kept")
    sid = newest(p)
    changes = p.json("rollback", "show", sid)["snapshots"][1]["changes"]
    assert [os.path.basename(c["path"]) for c in changes] == ["a.txt"], changes
    p.nono("rollback", "restore", sid)
    assert p.read("a.txt") == "one\ntwo\n" and p.read("x.log") == "2\n" and p.read("node_modules/x") == "2\n"
    p.inside("echo 3 > node_modules/x", "--rollback", "--rollback-all")
    assert p.read("node_modules/x") == "3\n"
    p.nono("rollback", "restore", newest(p))
    assert p.read("node_modules/x") == "2\n"


def named(p):
    """Named snapshots, of a directory and of a session that runs."""
    grow(p)
    before = tree(p.work)
    p.nono("snapshot", "create", "base", "--tag", "before all")
    p.nono("snapshot", "create", "base", code=1)
    assert "there is a snapshot named base already" in p.err, p.err
    p.nono("snapshot", "diff", "bas", code=1)
    assert "there is no snapshot named bas" in p.err, p.err
    p.nono("snapshot", "create", "../x", code=2)
    p.write("a.txt", "other\n")
    assert [s["name"] for s in p.json("snapshot", "list")] == ["base"]
    assert "+other" in p.nono("snapshot", "diff", "base", "--diff")
    assert p.nono("snapshot", "diff", "base", "--path", "n.txt") == "" and p.json("snapshot", "diff", "base", "--path", "a.txt")
    p.nono("snapshot", "restore", "base")
    assert tree(p.work) == before
    p.start("one", "echo live > a.txt; touch ready; while ! [ -e go ]; do sleep 0.05; done; echo e > a.txt",
            "--rollback", "--snapshot", "start")
    until("ready", lambda: os.path.exists(os.path.join(p.work, "ready")))
    assert p.nono("snapshot", "create", "--session", "one").strip() == "1"
    assert p.json("rollback", "list", "--all")[0]["is_alive"]
    assert "removed" not in p.nono("rollback", "cleanup", "--all")
    p.write("go", "")
    p.nono("wait", "one", "--until", "exited", "--timeout", "20")
    until("the last snapshot", lambda: not p.json("rollback", "list", "--all")[0]["is_alive"])
    sid = newest(p)
    assert [s["reason"] for s in p.json("rollback", "show", sid)["snapshots"]] == ["start", "manual", "end"]
    p.nono("rollback", "restore", sid, "--snapshot", "1", "--path", "a.txt")
    assert p.read("a.txt") == "live\n"
    p.nono("snapshot", "restore", "start", "--path", "a.txt")
    assert p.read("a.txt") == "one\ntwo\n"
    p.nono("snapshot", "delete", "start")
    p.nono("snapshot", "diff", "start", code=1)
    assert "would remove %s" % sid in p.nono("rollback", "cleanup", "--all", "--dry-run")
    p.nono("rollback", "cleanup", "--all")
    assert p.json("rollback", "list", "--all") == []
    p.nono("snapshot", "restore", "base", "--path", "a.txt")


def killed(p):
    """The supervisor is killed: the last snapshot is taken all the same."""
    grow(p)
    before = tree(p.work)
    r = p.start("one", "rm -r d; touch ready; sleep 1000", "--rollback")
    until("ready", lambda: os.path.exists(os.path.join(p.work, "ready")))
    os.kill(r["supervisor_pid"], signal.SIGKILL)
    until("the end", lambda: not p.processes())
    row = p.json("rollback", "list")[0]
    assert row["snapshot_count"] == 2 and row["exit_code"] == -1, row
    p.nono("rollback", "restore", r["session_id"])
    assert tree(p.work) == before


def inside(p):
    """An agent neither reads the snapshots nor runs these commands."""
    grow(p)
    p.nono("snapshot", "create", "base")
    p.inside("%s rollback list; %s snapshot create x" % (p.inner, p.inner), code=None)
    assert p.code != 0, p.err
    assert [s["name"] for s in p.json("snapshot", "list")] == ["base"]
    state = os.path.join(p.env["XDG_STATE_HOME"], "nono")
    assert os.path.isdir(os.path.join(state, "snapshots"))
    p.inside("ls %s/snapshots || ls %s/rollbacks" % (state, state), code=None)
    assert p.code != 0


def limits(p):
    """The table [rollback] of the settings: old sessions go by themselves, and by cleanup."""
    p.mkdir(os.path.join(p.home, ".config"))
    p.mkdir(os.path.join(p.home, ".config/nono"))
    config = os.path.join(p.home, ".config/nono/config.toml")
    p.write(config, "[rollback]\nmax_sessions = 2\n")
    p.inside("true", "--snapshot", "named")
    ids = []
    for i in range(4):
        p.inside("echo %d > f" % i, "--rollback", "--no-rollback-prompt")
        ids.append(newest(p))

    def left():
        return [r["session_id"] for r in p.json("rollback", "list", "--all")]
    until(lambda: "two sessions: %s of %s" % (left(), ids), lambda: left() == ids[:1:-1])
    assert p.json("snapshot", "list")[0]["name"] == "named"
    # By size: the newest stays, however large.
    p.write("big", "x")
    with open(os.path.join(p.work, "big"), "wb") as f:
        f.write(os.urandom(3 << 20))
    p.write(config, "[undo]\nmax_storage_gb = 0.001\n")
    p.inside("echo last > f", "--rollback", "--no-rollback-prompt")
    last = newest(p)
    until(lambda: "the last one alone: %s" % left(), lambda: left() == [last])
    p.nono("rollback", "verify", last)
    # cleanup without options does the same; a session whose supervisor vanished has its grace.
    p.write(config, "[rollback]\nmax_sessions = 0\nmax_storage_gb = 5\n")
    record = os.path.join(p.base, "state/nono/rollbacks", last, "session.json")
    with open(record) as f:
        text = json.load(f)
    p.write(record, json.dumps(dict(text, ended=None)))
    assert "removed" not in p.nono("rollback", "cleanup")
    p.write(config, "[rollback]\nmax_sessions = 0\nstale_grace_hours = 0\n")
    assert "would remove " + last in p.nono("rollback", "cleanup", "--dry-run") and left() == [last]
    assert "removed " + last in p.nono("rollback", "cleanup") and left() == []
    for text, word in (("[rollback]\nmax_sesions = 1\n", 'config.toml:2:1: "max_sesions" is not known; did you mean'),
                       ("[rollback]\nmax_sessions = \"x\"\n", "config.toml:2:1"),
                       ("rollback = 1\n", "must be a table"), ("[rollback]\n[undo]\n", "old name"),
                       ("[rollback]\nmax_storage_gb = -1\n", "number from 0")):
        p.write(config, text)
        for args in (["rollback", "cleanup"], ["run", "-s", "--rollback", "--allow", p.work, "--", "true"]):
            p.nono(*args, code=1)
            assert word in p.err, (text, p.err)


def skipped(p):
    for d in ("keep", "vendor", "keep/vendor"):
        p.mkdir(d)
        p.write(d + "/f", "old\n")
    p.inside("for f in keep/f vendor/f keep/vendor/f; do echo new > $f; done", "--rollback", "--skip-dir",
             "vendor", "--no-rollback-prompt")
    changes = p.json("rollback", "show", newest(p))["snapshots"][-1]["changes"]
    assert [c["path"] for c in changes] == [p.work + "/keep/f"], changes


def last_one(p):
    """While the snapshot at the end is taken the session answers; whoever does not want to wait gives it up."""
    p.write("a", "1\n")
    sid = p.start("agent", "echo ready; read x; echo 2 >> a")["session_id"]
    p.nono("stop", "--force", sid)
    sid = p.start("agent", "echo ready; read x; echo 2 >> a", "--rollback")["session_id"]
    p.shows("agent", "ready")
    with open(os.path.join(p.env["XDG_STATE_HOME"], "nono/rollbacks", sid, "session.json")) as f:
        pid = json.load(f)["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        p.nono("send", "agent", "--enter", "x")
        until("the end of the program", lambda: p.read("a") == "1\n2\n")
        time.sleep(0.3)
        begin = time.monotonic()
        p.nono("requests")
        assert time.monotonic() - begin < 1.5 * SLOW, "the broker is held up"
        assert [s["session_id"] for s in p.json("ps")] == [sid], "not over before all is kept"
        stop = p.popen("stop", "--force", sid)
        time.sleep(0.5)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert stop.wait(20) == 0
    stop.communicate()
    until("the end", lambda: not p.json("rollback", "list", "--all")[0]["is_alive"])
    assert [s["reason"] for s in p.json("rollback", "show", sid)["snapshots"]] == ["start"]
    p.nono("audit", "verify", sid)
    p.nono("rollback", "restore", sid)
    assert p.read("a") == "1\n"


def first_given_up(p):
    """Ctrl+C while the first snapshot is taken: its progress is on the terminal, nothing is left of it."""
    state = os.path.join(p.env["XDG_STATE_HOME"], "nono")
    p.nono("snapshot", "list")
    p.write("big", "")
    with open(os.path.join(p.work, "big"), "r+b") as f:  # cheap to make, and takes long to hash
        for i in range(4096):
            f.seek(i << 20)
            f.write(b"%d" % i)
    script = ["--", "/bin/sh", "-c", "echo started > %s/started" % p.work]
    flags = ["--allow", p.work, "--rollback", "--snapshot", "mine"]
    for way in (["run", *flags], ["run", "--detached", *flags], ["run", *flags[:3]]):
        t = nonolib.Pty(p, *way, *script)
        t.wait_for(b"MB/s)", 20)
        t.send(b"\x03")
        assert t.ended() == 130, (way, t.p.returncode, t.data)
        t.pump(0.5)
        assert b"given up" in t.data and b"snapshot: " in t.data, t.data
        t.close()
        until("the end", lambda: not p.processes())
        assert p.json("ps", "--all") == [] and p.json("rollback", "list", "--all") == []
        assert p.json("snapshot", "list") == [] and not os.path.exists(os.path.join(p.work, "started"))
        assert os.listdir(os.path.join(state, "snapshots/packs")) == []
    # Without a terminal, by the end of who started it: also by one that can't be caught.
    for sig, code in ((signal.SIGTERM, 130), (signal.SIGKILL, -9)):
        q = p.popen("run", *flags[:3], *script)
        until("its start", lambda: os.path.isdir(os.path.join(state, "rollbacks")) and os.listdir(os.path.join(state, "rollbacks")))
        q.send_signal(sig)
        q.communicate()
        assert q.returncode == code, (sig, q.returncode)
        until("the end", lambda: not p.processes())
        assert p.json("ps", "--all") == [] and p.json("snapshot", "list") == []
        assert not os.listdir(os.path.join(state, "snapshots/packs")) + os.listdir(os.path.join(state, "rollbacks"))
    p.write("big", "small")
    p.nono("run", "--silent", *flags, "--no-rollback-prompt", *script)
    assert [r["snapshot_count"] for r in p.json("rollback", "list")] == [2] and p.read("started")


nonolib.main([first_given_up, last_one, limits, skipped, *nonolib.both(whole), parts, nothing, attributes, names, middle, hostile, excluded, named, killed, inside])
