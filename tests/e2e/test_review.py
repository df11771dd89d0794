#!/usr/bin/env python3
"""The review pane as a person has it: the tree of what changed, hunks and files that stay or go back."""
import os
import re

import nonolib
from nonolib import Pty, Screen, until

NUMBERS = "".join("line %d\n" % i for i in range(1, 101))
CHANGES = r"""sed -i 's/^line 5$/five/; s/^line 90$/ninety/' a.txt; rm old; mkdir new; echo hi > new/file
printf '\000x' > bin; chmod 0700 mode; ln -s a.txt link; : > "$(printf 'evil\033[31m\342\200\256txt')"
head -c 20000000 /dev/zero | tr '\000' 'x' > large; echo ready; sleep 600"""


def grow(p):
    p.write("a.txt", NUMBERS)
    p.write("old", "was here\n")
    p.write("bin", "\0\1\2")
    p.write("mode", "x\n")
    os.chmod(os.path.join(p.work, "mode"), 0o600)
    p.mkdir("deep")
    p.write("deep/one", "1\n")


def changed(p, flags=("--rollback",), script=CHANGES):
    grow(p)
    record = p.start("agent", script, *flags)
    p.shows("agent", "ready")
    return record["session_id"]


def path(p, name):
    return os.path.join(p.work, name)


def down_to(s, name):
    """Chooses a file of the tree by its name."""
    s.keys("/")
    s.sees("Only files")
    s.keys("C-u")
    s.type(name)
    s.keys("Enter")
    s.sees("· /" + name)
    s.keys("End")


def tree(p):
    """What changed, with signs and counts; names and contents that mean harm are shown, not sent."""
    changed(p)
    s = Screen(p, "attach", "agent", cols=80, rows=24)
    s.sees("ready")
    s.command("R")
    s.command("z")
    s.sees(r"~ +a\.txt +\+2 -2")
    text = s.sees(r"- +old +\+0 -1")
    for row in (r"\+ +▾ new/", r"\+ +file +\+1 -0", r"p +mode", r"~ +bin", r"\+ +link",
                r"\+ +evil\^\[\[31m<U\+202E>txt"):
        s.sees(row)
    assert "9 changed" in text, text
    for name, what in (("bin", "binary: 3 -> 2 bytes"), ("mode", "mode 0600 -> 0700"),
                       ("large", "too large"), ("link", r"\+ a\.txt"), ("evil", "a file, empty")):
        down_to(s, name)
        s.keys("Enter")
        s.sees(what)
        s.keys("Escape")
        s.sees("Enter look")
    s.keys("Escape")
    s.resize(300, 90)
    s.sees_not("· /")
    s.keys("Home", "Down")
    s.sees(r"hunk 2 of 2")
    s.sees(r"  5 - line 5\s*$")
    s.keys("Enter", "s")
    s.sees(r"5 - line 5 +│ +5 \+ five")
    s.keys("f")
    s.sees(r"20   line 20 +│ +20   line 20")
    s.keys("f", "s", "/")
    s.sees("Search in the file")
    s.type("NINETY")
    s.keys("Enter")
    s.sees(r"▌ +90 \+ ninety")
    s.keys("[", "[")
    s.sees("▌@@.*hunk 1 of 2")
    s.command("d")
    assert s.ended() == 0


def hunks_and_files(p):
    """A hunk goes back alone, a file, a directory; each asks, each can be undone."""
    sid = changed(p)
    s = Screen(p, "attach", "agent", cols=140, rows=40)
    s.sees("ready")
    s.command("R")
    s.sees(r"~ +a\.txt +\+2 -2")
    before = p.read(path(p, "a.txt"))
    s.keys("Home", "Down", "Enter")
    s.sees("▌@@")
    s.keys("]")
    s.sees("▌@@.*hunk 2 of 2")
    s.keys("r")
    s.sees(r"Take this hunk back in work/a\.txt\?")
    s.keys("n")
    s.sees_not("Take this hunk")
    assert p.read(path(p, "a.txt")) == before
    s.keys("r")
    s.sees("Take this hunk")
    s.keys("y")
    s.sees("1 put back")
    assert p.read(path(p, "a.txt")) == NUMBERS.replace("line 5\n", "five\n")
    s.sees(r"~ +a\.txt +\+1 -1")
    s.keys("u")
    s.sees("Undo it")
    s.keys("y")
    until("the undoing", lambda: p.read(path(p, "a.txt")) == before)
    s.keys("Escape")
    down_to(s, "old")
    s.keys("r")
    s.sees(r"work/old\?")
    s.keys("y")
    until("the removed file", lambda: os.path.exists(path(p, "old")))
    s.sees("put back; the state before is snapshot 3")
    assert p.read(path(p, "old")) == "was here\n"
    s.keys("Escape")
    s.sees_not("· /old")
    s.keys("Home", "r")
    s.sees(r"Put back as it was before the session: work\?")
    s.keys("y")
    until("the whole tree", lambda: not os.path.exists(path(p, "new")))
    s.sees("nothing has changed")
    assert p.read(path(p, "a.txt")) == NUMBERS and os.stat(path(p, "mode")).st_mode & 0o777 == 0o600
    s.keys("u")
    s.sees("Undo it")
    s.keys("y")
    until("all of it again", lambda: p.read(path(p, "a.txt")) == before and
          os.path.exists(path(p, "new/file")))
    s.command("d")
    assert s.ended() == 0
    until("the last event", lambda: len(p.events(sid, "snapshot")) == 11)
    logged = [(e["op"], e["target"]) for e in p.events(sid, "snapshot")]
    assert logged[:5] == [("start", "0"), ("before-restore", "1"), ("restore", "0"), ("before-restore", "2"),
                          ("restore", "1")], logged
    p.nono("rollback", "restore", sid, "--path", "a.txt")
    until("the restore in the log", lambda: [e["op"] for e in p.events(sid, "snapshot")][11:] ==
          ["before-restore", "restore"])
    p.nono("stop", "--force", sid)
    until("the last one", lambda: p.events(sid, "snapshot")[-1]["op"] == "end")
    p.nono("audit", "verify", sid)
    p.nono("rollback", "restore", sid)  # it has ended: no log takes it
    assert p.events(sid, "snapshot")[-1]["op"] == "end"
    reasons = [x["reason"] for x in p.json("rollback", "show", sid)["snapshots"]]
    assert reasons == ["start"] + ["before-restore"] * 6 + ["end", "before-restore"], reasons


def accepting(p):
    """What is accepted is remembered, also after the end; once it changes it is to be looked at again."""
    sid = changed(p, script=CHANGES.replace("sleep 600", "read x; echo other >> a.txt; echo second; sleep 600"))
    s = Screen(p, "attach", "agent", cols=140, rows=44)
    s.sees("ready")
    s.command("R")
    s.sees(r"~ +a\.txt +\+2 -2")
    s.keys("Home", "Down", "Enter")
    s.sees("▌@@")
    s.keys("a")
    s.sees("hunk 1 of 2  ✓ accepted")
    s.sees("0 accepted")
    s.keys("a")
    s.sees("1 accepted")
    s.keys("Escape")
    s.keys("o")
    s.sees_not(r"~ +a\.txt")
    s.command("R")
    s.sees_not("review:")
    s.command("R")
    s.sees("1 accepted")
    s.sees(r"✓~ +a\.txt")
    p.nono("send", "agent", "--enter", "x")
    s.sees(r"^ ~ +a\.txt +\+3 -2")
    s.keys("Home", "Down", "Enter")
    s.sees("hunk 1 of 3  ✓ accepted")
    s.keys("]", "]")
    s.sees(r"▌@@.*hunk 3 of 3\s*$")
    s.command("d")
    assert s.ended() == 0
    p.nono("stop", "--force", sid)
    s = Screen(p, "rollback", "review", sid[:8], cols=140, rows=30)
    s.sees(r"~ +a\.txt +\+3 -2")
    s.keys("Home", "a")
    s.sees("(\\d+) changed.* \\1 accepted")
    s.keys("r")
    s.sees("before the session")
    s.keys("y")
    until("the state before", lambda: p.read(path(p, "a.txt")) == NUMBERS)
    s.command("d")
    assert s.ended() == 0


def by_key(p):
    """The key for a snapshot says its number; the command adds to the same ones; the program goes on."""
    sid = changed(p)
    s = Screen(p, "attach", "agent", cols=120, rows=30)
    s.sees("ready")
    s.command("S")
    s.sees(r"agent: snapshot 1 is kept")
    assert p.nono("snapshot", "create", "--session", "agent").strip() == "2"
    s.command("S")
    s.sees(r"agent: snapshot 3 is kept")
    shown = p.json("rollback", "show", sid)["snapshots"]
    assert [x["reason"] for x in shown] == ["start", "manual", "manual", "manual"], shown
    until("the last event", lambda: len(p.events("agent", "snapshot")) == 4)
    logged = p.events("agent", "snapshot")
    assert [(e["op"], e["target"], e["rule"]) for e in logged] == [
        (x["reason"], str(x["number"]), x["merkle_root"]) for x in shown], logged
    assert logged[1]["source"] == "%d files" % shown[1]["file_count"]
    assert len({x["merkle_root"] for x in shown[1:]}) == 1 and shown[0]["merkle_root"] != shown[1]["merkle_root"]
    p.nono("stop", "--force", "agent")
    p.start("plain", "echo plain one; sleep 600")
    s.command("g")
    s.command("d")
    assert s.ended() == 0
    s = Screen(p, "attach", "plain")
    s.sees("plain one")
    s.command("S")
    s.sees("plain: no snapshot: the session has no snapshots")
    s.command("d")
    assert s.ended() == 0


def words(p):
    """Within a changed line what differs is inverse: in the pane, in a diff on a terminal; plain in a pipe."""
    p.write("a.c", "int main(void)\n{\n\tint count = len(a);\n}\n")
    sid = p.start("agent", "sed -i 's/int count = len(a)/size_t count = len(a, b)/' a.c; echo ready; sleep 600",
                  "--rollback")["session_id"]
    s = Screen(p, "attach", "agent", cols=90, rows=30)
    s.sees("ready")
    s.command("R")
    s.sees(r"~ +a\.c +\+1 -1")
    s.keys("End", "Enter")
    s.sees("hunk 1 of 1")
    for key in ("f", "s"):
        s.keys(key)
        until("inverse words", lambda: re.search("count = len\\(a\x1b\\[7m, b\x1b", s.tmux("capture-pane", "-pe")))
    s.command("d")
    assert s.ended() == 0
    p.nono("stop", "--force", "agent")
    for flag in ("--diff", "--side-by-side"):
        t = Pty(p, "rollback", "show", sid, flag, cols=100)
        t.wait_for(b"count = len(a\x1b[7m, b\x1b[27m);\x1b[0m")
        assert t.ended() == 0
        assert "\x1b" not in p.nono("rollback", "show", sid, flag)
        t = Pty(p, "rollback", "show", sid, flag, cols=100, env={"NO_COLOR": "1"})
        t.wait_for(b"len(a, b)")
        assert t.ended() == 0


def only_looking(p):
    """Read-only: nothing is put back. A session without snapshots says so."""
    changed(p)
    s = Screen(p, "attach", "agent", "--read-only", cols=120, rows=30)
    s.sees("ready")
    s.command("R")
    s.sees(r"~ +a\.txt +\+2 -2")
    s.keys("Home", "r")
    s.sees("read-only")
    s.keys("a")
    s.sees("read-only: nothing is accepted")
    s.command("d")
    assert s.ended() == 0
    assert p.read(path(p, "a.txt")) != NUMBERS
    p.nono("stop", "--force", "agent")
    p.start("plain", "echo ready; sleep 600")
    s = Screen(p, "attach", "plain")
    s.sees("ready")
    s.command("R")
    s.sees("has no snapshots")
    s.command("d")
    assert s.ended() == 0
    p.nono("rollback", "review", "nosuch", code=1)


if __name__ == "__main__":
    nonolib.main([tree, hunks_and_files, accepting, by_key, words, only_looking])
