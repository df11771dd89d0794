#!/usr/bin/env python3
"""The front end as a person has it: panes, tabs, help, status line, the panes that watch, the dialog
over the pane that asks; and the terminal as it was, however the client ends."""
import os
import re
import signal
import time

import nonolib
from nonolib import SECRET, Pty, Screen, until

ASK = "--capability-elevation"
ECHO = "echo I am $NAME; while read x; do echo \"got <$x>\"; done"


def echo(p, name, *flags):
    return p.start(name, ECHO.replace("$NAME", name), *flags)


def stop_all(p):
    for s in p.json("ps"):
        p.nono("stop", "--force", s["session_id"])


def side_by_side(p):
    """All running sessions come up beside each other; each has its own keyboard."""
    for name in ("alpha", "beta", "gamma"):
        echo(p, name)
    s = Screen(p, "tui", cols=150, rows=40)
    for name in ("alpha", "beta", "gamma"):
        s.sees("I am " + name)
    for name in ("alpha", "beta", "gamma"):
        assert name in s.last_line(), s.last_line()
    seen = set()
    for i in range(3):
        s.type("word%d" % i)
        s.keys("Enter")
        s.sees("got <word%d>" % i)
        seen.add([n for n in ("alpha", "beta", "gamma") if "got <word%d>" % i in p.nono("capture", n)][0])
        s.command("o")
    assert len(seen) == 3, seen
    s.command("d")
    assert s.ended() == 0
    assert len(p.json("ps")) == 3
    stop_all(p)


def zoom_and_layouts(p):
    for name in ("alpha", "beta"):
        echo(p, name)
    s = Screen(p, "tui", cols=140, rows=30)
    s.sees("I am alpha")
    s.sees("I am beta")
    s.command("z")
    s.sees_not("I am (alpha|beta)[^\0]*I am (alpha|beta)")
    text = s.sees("zoomed")
    assert len(re.findall("I am ", text)) == 1, text
    s.command("z")
    s.sees("I am alpha")
    s.sees("I am beta")
    for key, same_row in (("M-1", True), ("M-2", False)):
        s.command(key)

        def arranged():
            rows = [next((i for i, line in enumerate(s.lines()) if "I am " + n in line), None)
                    for n in ("alpha", "beta")]
            return None not in rows and (rows[0] == rows[1]) == same_row
        until("panes in one %s" % ("row" if same_row else "column"), arranged)
    before = s.text()
    s.command("}")
    until("the panes exchanged", lambda: s.text() != before)
    # Moving a border gives one pane what the other loses; the programs learn it.
    s.command("M-1")
    s.command("q")
    s.keys("Escape")
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def remembered(p):
    """Tabs and arrangement come back."""
    for name in ("alpha", "beta"):
        echo(p, name)
    s = Screen(p, "tui", cols=140, rows=30)
    s.sees("I am beta")
    s.command("M-2")
    time.sleep(0.3)
    s.command(",")
    s.keys("C-u")
    s.type("mine")
    s.keys("Enter")
    time.sleep(1)
    s.command("d")
    assert s.ended() == 0
    t = Screen(p, "tui", cols=140, rows=30)
    t.sees("I am alpha")
    t.sees("I am beta")

    def below():
        rows = [next((i for i, line in enumerate(t.lines()) if "I am " + n in line), None) for n in ("alpha", "beta")]
        return None not in rows and rows[0] != rows[1]
    until("the panes below each other", below)
    t.command("d")
    assert t.ended() == 0
    stop_all(p)


def remembered_from_run(p):
    """What was arranged around one's own program comes back; the one pane that it came with changes nothing."""
    layout = os.path.join(p.base, "state", "nono", "layout.json")
    for arranged in (False, True):
        s = Screen(p, "run", "-s", "--name", "own%d" % arranged, "--allow", p.work, "--", "sh", "-c", "echo mine; sleep 1000")
        s.sees("mine")
        if arranged:
            s.command("v")
            s.sees("refused: own1")
        s.command("d")
        assert s.ended() == 0
        assert os.path.exists(layout) == arranged
    t = Screen(p, "attach", "own1")
    t.sees("mine")
    t.sees("refused: own1")
    t.command("d")
    assert t.ended() == 0
    stop_all(p)


def new_agent(p):
    """An agent started from inside, in a pane, in a tab; ended with a question first."""
    echo(p, "alpha")
    s = Screen(p, "tui", cols=120, rows=34)
    s.sees("I am alpha")
    s.command("c")
    s.sees("New agent")
    s.type("sh -c 'echo second agent; read x'")
    s.keys("Enter")
    s.sees("second agent")
    until("two sessions", lambda: len(p.json("ps")) == 2)
    s.command("p")
    s.sees("I am alpha")
    s.command("n")
    s.sees("second agent")
    s.command("x")
    s.sees("End .* and everything")
    s.type("n")
    s.sees_not("End .* and everything")
    assert len(p.json("ps")) == 2
    s.command("x")
    s.sees("End .* and everything")
    s.type("y")
    until("one session", lambda: len(p.json("ps")) == 1)
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def splits(p):
    echo(p, "alpha")
    s = Screen(p, "attach", "alpha", cols=120, rows=34)
    s.sees("I am alpha")
    s.command("%")
    s.sees("new pane|New agent")
    if "New agent" not in s.text():
        s.keys("Enter")
    s.sees("New agent")
    s.type("sh -c 'echo right; read x'")
    s.keys("Enter")
    s.sees("I am alpha.*right")  # in one row
    s.command("Left")
    s.type("left side")
    s.keys("Enter")
    s.sees("got <left side>")
    s.command("w")
    s.sees_not("I am alpha")
    assert len(p.json("ps")) == 2, "a closed pane ends no session"
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def help_keys(p):
    echo(p, "alpha")
    s = Screen(p, "attach", "alpha", cols=110, rows=40)
    s.sees("I am alpha")
    s.command("?")
    text = s.sees("detach")
    assert "audit" in text and "violations" in text, text
    s.keys("Escape")
    s.sees_not("exchange with the pane before")
    # The prefix, twice: for the program.
    s.keys("C-b", "C-b")
    s.keys("Enter")
    s.sees(r"got <(\^B|\\002|\x02)?>")
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def other_prefix(p):
    echo(p, "alpha")
    s = Screen(p, "attach", "alpha", "--prefix", "C-a")
    s.sees("I am alpha")
    s.keys("C-a")
    s.type("d")
    assert s.ended() == 0
    stop_all(p)


def status_line(p):
    """States come from what the supervisor knows."""
    p.start("busy", "while :; do echo x; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; done")
    p.start("waits", "echo your name?; read x")
    p.start("asks", "cat ~/.ssh/id_rsa; sleep 1000", ASK)
    p.start("done", "exit 3")
    s = Screen(p, "tui", cols=180, rows=40)
    s.sees("busy working")
    s.sees("waits waiting")
    s.sees("asks asks")
    s.sees("1 asks")
    q = p.request("asks")
    p.nono("deny", q["id"])
    s.sees("[0-9]+ refused")
    s.sees_not("asks asks")
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def jump(p):
    """To the next one that needs somebody."""
    p.start("one", "while :; do echo one is busy; sleep 0.1; done")
    r = p.start("two", "echo two waits; read x; echo thanks; sleep 1000")
    s = Screen(p, "tui", cols=140, rows=30)
    s.sees("two waits")
    s.sees("two waiting")
    s.command("g")
    s.type("jumped")
    s.keys("Enter")
    s.sees("thanks")
    del r
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def jump_to_request(p):
    """Where somebody asks: that question is shown, not the oldest."""
    path = p.write(os.path.join(p.outside, "file"), "x")
    for name in ("one", "two"):
        p.start(name, "cat %s; sleep 1000" % path, "--capability-elevation")
    s = Screen(p, "tui", cols=140, rows=30)
    s.sees("(one|two) wants: read")
    for _ in range(2):
        shown = [n for n in ("one", "two") if n + " wants: read" in s.text()]
        assert len(shown) == 1, s.text()
        s.command("g")
        s.sees("%s wants: read" % ("two" if shown == ["one"] else "one"))
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def audit_search(p):
    """What happened long before the events that the pane holds is found, and what was around it."""
    p.write("needle", "x")
    p.start("alpha", "cat needle; cat ~/.ssh/id_rsa; i=0; while [ $i -lt 250 ]; do cat /etc/hostname >/dev/null; "
            "i=$((i+1)); done; echo over; sleep 1000")
    p.shows("alpha", "over")
    assert len(p.events("alpha")) > 5000
    s = Screen(p, "attach", "alpha", cols=150, rows=44)
    s.command("a")
    s.sees("audit: ")
    s.sees_not("needle")
    s.type("/")
    s.type("NEEDLE")
    s.keys("Enter")
    s.sees("cat +.*/needle")
    s.sees_not("searching", 60)
    s.keys("End")
    s.type("c")
    s.sees("around it")
    s.sees(r"/needle\s*$")
    s.keys("Escape")
    s.sees("/NEEDLE")
    s.sees_not("around it")
    s.keys("Escape")
    s.sees_not("/NEEDLE")
    s.type("d")
    s.sees("denied only")
    s.sees_not("searching", 60)
    s.sees("id_rsa")
    s.type("q")
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def audit_pane(p):
    p.start("alpha", "echo up; while read x; do cat /etc/$x > /dev/null; cat ~/.ssh/id_rsa; done")
    s = Screen(p, "attach", "alpha", cols=150, rows=44)
    s.sees("up")
    s.type("hostname")
    s.keys("Enter")
    s.command("a")
    s.sees("audit: ")
    s.sees("id_rsa")
    s.type("d")
    s.sees("denied only")
    s.sees_not("/usr/share/locale")
    s.sees("id_rsa")
    s.type("d")
    s.type("/")
    s.type("/etc/")
    s.keys("Enter")
    s.sees("cat +/etc/hostname")
    s.sees_not("id_rsa *$")
    # Live: what happens now comes at the end.
    p.nono("send", "alpha", "--enter", "issue")
    s.sees("/etc/issue")
    s.type("p")
    s.sees("paused")
    s.keys("Up")
    s.keys("Enter")
    s.sees("Rule|rule|Program|program")
    s.keys("Escape")
    s.type("q")
    s.sees_not("audit: ")
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def violations_pane(p):
    p.start("alpha", "while read x; do cat ~/.ssh/id_rsa; cat ~/.ssh/id_rsa; cat %s/file; done" % p.outside)
    p.write(p.outside + "/file", "outside\n")
    s = Screen(p, "attach", "alpha", cols=150, rows=44)
    s.sees("alpha")
    s.type("go")
    s.keys("Enter")
    s.command("v")
    s.sees("refused: ")
    s.sees("2×.*id_rsa")
    s.sees("1×.*outside/file")
    # The newest line, which is the file's: why it was refused; then allowed for the session.
    s.keys("Down")
    s.type("g")
    s.keys("Enter")
    s.sees("outside/file")
    s.sees("--read-file")
    s.keys("Escape")
    # What is closed on purpose is said to be so, and stays closed.
    s.keys("Down")
    s.type("s")
    s.sees("Allow alpha to read .*id_rsa")
    s.sees("closed on purpose")
    s.type("n")
    s.sees_not("Allow alpha")
    s.keys("Up")
    s.type("s")
    s.sees("Allow alpha to read .*outside/file")
    assert "closed on purpose" not in s.text()
    s.type("y")
    s.sees_not("Allow alpha to read")
    p.nono("send", "alpha", "--enter", "again")
    p.shows("alpha", "^outside$")
    # The flag goes to the clipboard of the terminal.
    s.type("c")
    s.sees("copied: --read-file .*outside/file")
    # Not offered any more: what changes in the profile first, one key writes it.
    s.type("S")
    s.sees(r"\+.*suppress_save_prompt")
    for c in "what is typed for an agent may well have a y":  # none of it answers, however long it takes
        s.type(c)
        time.sleep(0.02)
    assert not os.path.exists(os.path.join(p.home, ".config/nono/profiles/default.json"))
    s.sees(r"\+.*suppress_save_prompt")
    time.sleep(0.8)  # keys of a moment ago are not for it
    s.type("y")
    s.sees("written to the profile, and hidden")
    s.sees("1 hidden")
    with open(os.path.join(p.home, ".config/nono/profiles/default.json")) as f:
        assert '"suppress_save_prompt"' in f.read()
    s.type("H")
    s.sees("outside/file  .hidden")
    s.type("h")
    s.sees_not("hidden\\)")
    s.type("H")
    # Its events, and what was around one.
    s.type("e")
    s.sees("denied only · /.*outside/file · 1 ")
    s.keys("Up")
    s.type("c")
    s.sees("read +cat .*id_rsa")
    s.type("q")
    s.sees_not("audit: alpha")
    s.resize(80, 24)
    text = s.sees("S suppress  c copy  q close")
    assert max(len(line) for line in text.split("\n")) <= 80, text
    s.type("h")
    s.sees("1 hidden")
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def dialog(p):
    """Over the pane that asks; the half second; deny and allow lead where they should."""
    p.start("alpha", "for i in 1 2 3; do cat ~/.ssh/id_rsa; echo \"exit $? of $i.\"; done; read x; echo \"got <$x>\"; "
            "sleep 1000", ASK)
    s = Screen(p, "attach", "alpha", cols=120, rows=40)
    text = s.sees("alpha wants: read")
    assert p.key in text and "cat" in text and "sensitive" in text, text
    s.sees("o once")
    s.type("d")
    s.sees("exit 1 of 1")
    s.sees("alpha wants: read")
    s.sees("o once")
    s.type("o")
    s.sees("exit 0 of 2")
    assert SECRET in s.text()
    s.sees("alpha wants: read")
    s.sees("o once")
    s.type("D")
    s.sees("exit 1 of 3")
    s.sees_not("alpha wants")
    assert p.json("requests") == []
    s.type("typed after")
    s.keys("Enter")
    s.sees("got <typed after>")
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def guard(p):
    """Typing that was meant for the agent never answers a request."""
    # What is typed goes on without a pause while the dialog comes up.
    p.start("alpha", "stty -icanon; dd bs=1 count=6 2>/dev/null | cat; cat ~/.ssh/id_rsa; echo \"exit $?.\"; "
            "dd bs=1 2>/dev/null", ASK)
    s = Screen(p, "attach", "alpha", cols=120, rows=40)
    s.sees("alpha")
    end = time.monotonic() + 2.5
    typed = 0
    while time.monotonic() < end:
        s.type("osd")
        typed += 3
        time.sleep(0.03)
    q = p.json("requests")
    assert len(q) == 1, "typing answered it: %s" % p.nono("capture", "alpha")
    assert s.sees("alpha wants")
    # After a pause of half a second it is armed.
    s.sees("o once")
    s.type("d")
    s.sees("exit 1\\.")
    seen = p.nono("capture", "alpha")
    assert SECRET not in seen
    assert seen.count("osd") >= typed / 3 - 4, "typed keys are lost: %d of %d" % (seen.count("osd") * 3, typed)
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def always_shows_change(p):
    target = p.write(p.outside + "/file", "outside\n")
    p.start("alpha", "cat %s; echo \"exit $?.\"; sleep 1000" % target, ASK)
    s = Screen(p, "attach", "alpha", cols=120, rows=40)
    s.sees("o once")
    s.type("a")
    s.sees("would change in the profile")
    profiles = p.home + "/.config/nono/profiles"
    assert not os.path.isdir(profiles) or not os.listdir(profiles), "written before it was confirmed"
    assert target in s.text()
    s.sees("y writes it")
    s.type("y")
    s.sees("exit 0\\.")
    assert len(os.listdir(profiles)) == 1
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def queue(p):
    """Several sessions ask: next, previous, all alike."""
    for name in ("alpha", "beta", "gamma"):
        p.start(name, "cat ~/.ssh/id_rsa; echo \"exit $?.\"; sleep 1000", ASK)
    for name in ("alpha", "beta", "gamma"):
        p.request(name)
    s = Screen(p, "tui", cols=160, rows=44)
    first = re.search(r"(\w+) wants: read", s.sees("1 of 3.*next")).group(1)
    s.sees("o once")
    s.type("n")
    second = re.search(r"(\w+) wants: read", s.sees("2 of 3")).group(1)
    assert first != second
    s.sees("o once")
    s.type("A")
    s.sees("All 3")
    s.type("d")
    until("all answered", lambda: not p.json("requests"))
    for name in ("alpha", "beta", "gamma"):
        assert "exit 1." in p.shows(name, "^exit")
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def read_only_answers_nothing(p):
    p.start("alpha", "cat ~/.ssh/id_rsa; echo \"exit $?.\"; sleep 1000", ASK)
    p.request("alpha")
    s = Screen(p, "attach", "--read-only", "alpha", cols=120, rows=40)
    s.sees("read-only client")
    time.sleep(0.7)
    s.type("osad")
    time.sleep(0.5)
    assert len(p.json("requests")) == 1
    s.keys("Escape")
    s.command("d")
    s.ended()
    stop_all(p)


def scrollback(p):
    p.start("alpha", "seq 1 400; echo LAST; read x; echo more; sleep 1000")
    s = Screen(p, "attach", "alpha", cols=100, rows=24)
    s.sees("LAST")
    s.command("[")
    s.keys("PPage", "PPage")
    text = s.sees("back [1-9][0-9]+ lines")
    assert "LAST" not in text, text
    # Pressed once too often, and keys after that: none is for the program.
    s.keys("NPage", "NPage", "NPage", "Space", "Space", "j")
    s.sees("back 0 lines")
    s.keys("Space", "z", "j", "PPage", "G", "G", "End")
    s.sees("back 0 lines")
    s.paste("pasted")
    s.sees("not pasted")
    s.keys("Escape", "Escape")
    s.sees("LAST")
    s.sees_not("back 0 lines")
    assert not re.search("z|pasted|\\^", s.text().split("LAST")[1].split("\n", 3)[1]), s.text()
    # A program that clears the scrollback does not end it either.
    p.start("beta", "seq 1 400; until [ -e clear ]; do sleep 0.1; done; printf '\\033[3J'; sleep 1; read x; echo \"got $x.\"; sleep 1000")
    b = Screen(p, "attach", "beta", cols=100, rows=24)
    b.sees("^400")
    b.command("[")
    b.keys("PPage")
    b.sees("live below")
    p.write("clear", "")
    b.sees("back 0 lines")
    b.keys("j", "j", "k")
    b.keys("q", "q")
    b.sees_not("lines —")
    b.keys("o", "k", "Enter")
    assert "got ok." in b.sees(r"got .*\."), b.text()
    b.command("d")
    b.ended()
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def scrollback_fits(p):
    """With nothing scrolled away; of other widths; in a pane smaller than the screen."""
    long = "".join("%d-" % i for i in range(50))
    p.start("alpha", "echo TOP; until [ -e go ]; do sleep 0.1; done; "
            "for i in $(seq 90); do echo row $i %s; done; read x; echo \"got $x.\"; sleep 1000" % long)
    s = Screen(p, "attach", "alpha", cols=200, rows=20)
    s.sees("TOP")
    s.command("[")
    s.sees("back 0 lines")
    s.keys("x", "Enter", "Enter")
    s.sees_not("lines —")
    s.keys("o", "k")
    p.write("go", "")
    s.sees("row 90")
    s.command("PPage")
    s.sees("back [0-9]+ lines")
    s.resize(80, 20)
    s.sees_not("-49-")
    s.sees("lines back|back [0-9]+ lines")
    s.keys("g")
    s.sees("row 9 ")
    s.resize(200, 20)
    s.sees("row 9 .*-49-")
    s.keys("q")
    s.keys("Enter")
    assert "got ok." in s.sees(r"got .*\."), s.text()
    # A pane that shows a part of the screen goes on from that part, to the side too.
    r = Screen(p, "attach", "alpha", "--read-only", cols=60, rows=10)
    r.sees("^got ok")
    live = r.lines()[1:8]
    r.command("[")
    r.sees("back 0 lines|0 lines back")
    assert r.lines()[:7] == live, (live, r.text())
    r.type("?row 90")
    r.keys("Enter")
    r.keys("$")
    r.sees("-48-49-")
    r.keys("0")
    r.sees("^row 90 0-1-")
    r.keys("q")
    r.command("d")
    assert r.ended() == 0
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def scrollback_search(p):
    p.start("alpha", "for i in $(seq 5000); do echo row $i Lazy; done; echo needle one; seq 5001 5100; "
            "echo LAST; read x; echo \"got $x.\"; sleep 1000")
    s = Screen(p, "attach", "alpha", cols=80, rows=24)
    s.sees("LAST")

    def cursor_line():
        y = int(s.tmux("display-message", "-p", "#{cursor_y}"))
        return s.lines()[y]
    s.command("[")
    s.type("?row 17 lazy")
    s.sees(r"^\?row 17 lazy")
    s.keys("Enter")
    s.sees("^row 17 Lazy")
    until("the cursor there", lambda: cursor_line().startswith("row 17 "))
    # What is found is marked, in a colour of the sixteen and reversed.
    shown = s.tmux("capture-pane", "-p", "-e")
    assert re.search(r"(\x1b\[[0-9;]*m)*\x1b\[(1;)?7m\x1b\[33mrow 17 Lazy", shown), repr(shown)
    s.keys("n")
    s.sees("search wrapped")
    s.keys("N")
    s.sees("search wrapped")
    s.type("/Needle")
    s.keys("Enter")
    s.sees("not found: Needle")
    s.type("/")
    s.paste("needle")
    s.sees("^/needle")
    s.keys("Enter")
    s.sees("^needle one")
    until("the cursor there", lambda: cursor_line().startswith("needle one"))
    s.type("/nothing of this")
    s.keys("Escape")
    s.sees_not("^/nothing")
    s.keys("q")
    s.sees("^LAST")
    s.keys("o", "k", "Enter")
    assert "got ok." in s.sees(r"got .*\."), s.text()
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def copied(s, text):
    """Waits for the text in the terminal's clipboard."""
    def buffers():
        return [s.tmux("show-buffer", "-b", b) for b in s.tmux("list-buffers", "-F", "#{buffer_name}").split()]
    until(lambda: "%.300r in the clipboard: %.900r" % (text, buffers()), lambda: text in buffers())


def scrollback_copy(p):
    """What is selected reaches the terminal's clipboard, and the program by the prefix and ]."""
    long = " ".join("w%d" % i for i in range(60))
    p.write("lines", "first\n%s\nh\u00e9 \u6f22\u5b57 e\u0301nd   \n\033[8mhidden\033[m seen\n" % long)
    p.start("alpha", "cat lines; for i in $(seq 5000); do echo row $i; done; printf '\\033[?2004h'; echo LAST; "
            "stty -echo; cat -v; sleep 1000")
    s = Screen(p, "attach", "alpha", cols=80, rows=24)
    s.tmux("set", "-s", "set-clipboard", "on")
    s.sees("LAST")

    # A line over three rows is one; blanks at the ends are none of the text, concealed text neither.
    s.command("[")
    s.keys("g", "j", "V", "y")
    copied(s, long)
    s.sees("copied %d bytes" % len(long))
    s.sees("LAST")
    s.command("[")
    s.keys("y")
    s.sees("nothing selected")
    s.type("?h\u00e9 ")
    s.keys("Enter")
    s.sees("^h\u00e9 ")
    s.keys("w", "v", "j", "$", "Enter")
    copied(s, "\u6f22\u5b57 e\u0301nd\n       seen")
    # The whole of it, more than one picture or fetched piece; Escape takes back a selection only.
    s.command("[")
    s.keys("v", "k", "Escape")
    s.sees("back 0 lines")
    s.keys("g", "v", "G", "$", "y")
    copied(s, "first\n" + long + "\nh\u00e9 \u6f22\u5b57 e\u0301nd\n       seen\n" +
           "".join("row %d\n" % i for i in range(1, 5001)) + "LAST\n")
    # Keys that come faster than the rows they are about.
    s.command("[")
    s.keys("g", "v", "$", "y")
    copied(s, "first")
    # With the mouse, where the program wants none of it.
    row = [i for i, line in enumerate(s.lines()) if line.startswith("row 4995")][0] + 1
    for x, y, button, end in ((1, row, 0, "M"), (3, row, 32, "M"), (4, row + 1, 32, "M"), (4, row + 1, 0, "m")):
        s.tmux("send-keys", "-H", *["%02x" % ord(c) for c in "\033[<%d;%d;%d%s" % (button, x, y, end)])
    copied(s, "row 4995\nrow")
    s.sees_not("lines —")
    s.command("]")
    s.keys("Enter")
    s.sees(r"\^\[\[200~row 4995")
    s.sees(r"^row\^\[\[201~")
    # The button is released where nobody sees it: no drag goes on, and the wheel is a wheel.
    row = [i for i, line in enumerate(s.lines()) if line.startswith("row 4995")][0] + 1
    for button, y in ((64, row), (0, row), (35, row + 2)):
        s.tmux("send-keys", "-H", *["%02x" % ord(c) for c in "\033[<%d;%d;%dM" % (button, 1, y)])
    s.sees(r"back \d lines")
    s.keys("y")  # nothing is selected
    s.sees(r"back \d lines")
    copied(s, "row 4995\nrow")
    s.keys("v", "y")
    s.sees_not("lines —")
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def scrollback_lives(p):
    """The program prints and clears, the terminal changes its size, while a person reads and selects."""
    p.start("alpha", "for i in $(seq 300); do echo row $i; done; until [ -e more ]; do sleep 0.1; done; "
            "for i in $(seq 200); do echo new $i; done; until [ -e clear ]; do sleep 0.1; done; "
            "printf '\\033[3J\\033[H\\033[2Jcleared'; sleep 1000")
    s = Screen(p, "attach", "alpha", cols=80, rows=24)
    s.tmux("set", "-s", "set-clipboard", "on")
    s.sees("row 300")
    s.command("[")
    s.type("?row 100")
    s.keys("Enter")
    s.sees("^row 100$")
    s.keys("0", "v", "j", "$")
    p.write("more", "")
    s.sees(r"back 3\d\d lines")
    s.sees("^row 100$")
    for cols, rows in ((30, 12), (80, 5), (20, 2), (80, 24)):
        s.resize(cols, rows)
        time.sleep(0.2)
    s.sees("^row 101$")
    s.keys("y")
    copied(s, "row 100\nrow 101")
    s.command("[")
    s.keys("g", "v", "j", "/")
    s.type("new 1")
    p.write("clear", "")
    s.keys("Enter")
    s.sees("not found: new 1|cleared")
    s.keys("n", "k", "y")
    s.keys("q")
    s.sees("^cleared")
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def small_terminal(p):
    """Nothing breaks where nothing fits."""
    p.start("alpha", "cat ~/.ssh/id_rsa; echo \"exit $?.\"; read x", ASK)
    s = Screen(p, "attach", "alpha", cols=120, rows=40)
    s.sees("wants")
    for cols, rows in ((20, 5), (3, 2), (1, 1), (200, 3), (10, 60), (120, 40)):
        s.resize(cols, rows)
        time.sleep(0.15)
    # Nobody allows a path of which they see a part.
    s.resize(26, 7)
    s.sees("not all of it")
    s.type("o")
    s.sees("not all of it is")
    assert len(p.json("requests")) == 1
    s.resize(120, 40)
    s.sees("wants")
    s.sees("o once")
    s.type("d")
    s.sees("exit 1")
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def terminal_restored(p):
    r = p.start("alpha", "while :; do echo tick; sleep 0.1; done")
    for how in ("detach", signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
        t = Pty(p, "attach", "alpha")
        try:
            t.wait_for(b"tick")
            if how == "detach":
                t.send(b"\x02d")
            else:
                os.kill(t.p.pid, how)
            code = t.ended()
            assert how != "detach" or code == 0
            t.restored(str(how))
        finally:
            t.close()
    assert p.json("inspect", "alpha")["status"] == "running"
    p.nono("stop", "alpha")
    p.nothing_left(r, "stop")


def let_go(p):
    """nono detach: the pane says so and comes back; what has ended is attached to by nobody, although its pane stays."""
    r = echo(p, "alpha")
    echo(p, "beta")
    s = Screen(p, "tui", cols=150, rows=30)
    s.sees("I am alpha")
    s.sees("I am beta")
    p.nono("detach", "alpha")
    s.sees("detached by nono detach")
    s.keys("Enter")  # for the pane in front, whichever it is
    s.command("o")
    s.keys("Enter")
    s.sees_not("detached by nono detach")
    until("alpha attached again", lambda: p.json("inspect", "alpha")["attachment"] == "attached")
    p.nono("stop", "--force", "alpha")
    s.sees("ended: exit 137")
    assert p.json("inspect", r["session_id"])["attachment"] == "detached"
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


def headless(p):
    for name in ("alpha", "beta"):
        echo(p, name)
    text = p.nono("tui", "--headless", "100x30", "--seconds", "1")
    lines = text.rstrip("\n").split("\n")
    assert len(lines) <= 30 and "I am alpha" in text and "I am beta" in text, text
    assert "\x1b" not in text
    p.nono("tui", code=1)
    stop_all(p)


def full_disk(p):
    """A log that can't be written is on the screen, for as long as that lasts."""
    p.run(["/bin/sh", "-c", "trap '' XFSZ; ulimit -f 400; exec %s run -s --detached --name full --allow . -- /bin/sh -c '"
           "read x; i=0; while [ $i -lt 300 ]; do cat /etc/hostname; i=$((i+1)); done; read x'" % p.bin])
    s = Screen(p, "attach", "full", cols=120, rows=24)
    s.sees("full")
    assert "Log:" not in p.nono("inspect", "full")
    s.type("go")
    s.keys("Enter")
    s.sees("full: its log can't be written")
    s.sees("a log can't be written [0-9][0-9]:")
    assert re.search("Log: +can't be written", p.nono("inspect", "full")), p.nono("inspect", "full")
    assert p.json("inspect", "full")["state"]["log_failed"] is True
    s.command("d")
    assert s.ended() == 0
    stop_all(p)


nonolib.main([side_by_side, zoom_and_layouts, remembered, remembered_from_run, new_agent, splits, help_keys, other_prefix,
              status_line, jump, jump_to_request, audit_search, audit_pane, violations_pane, dialog, guard, always_shows_change, queue,
              read_only_answers_nothing, scrollback, scrollback_fits, scrollback_search, scrollback_copy, scrollback_lives, small_terminal, terminal_restored, let_go, full_disk, headless], jobs=3)
