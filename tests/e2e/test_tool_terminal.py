#!/usr/bin/env python3
"""A tool's terminal: started from an interactive shell of a session, a tool behaves as if nono were not
there: keys, its own /dev/tty, signals, stop and continue, sizes, modes, exit status."""
import os
import re
import time

import nonolib
from nonolib import until
from test_tools import Tools

FLAGS = ("--profile", "tools")
KEY = ("import os, sys, termios, tty\n"
       "fd = os.open('/dev/tty', os.O_RDWR)\nold = termios.tcgetattr(fd)\ntty.setraw(fd)\n"
       "os.write(fd, b'press:')\nk = os.read(fd, 1)\ntermios.tcsetattr(fd, termios.TCSANOW, old)\n"
       "os.write(fd, b'key %d\\n' % k[0])\n")


class Shell:
    """bash with job control in a session, and what is on its screen."""

    def __init__(self, p, tools, **sandbox):
        self.p = p
        Tools(p, tools, {name: {"sandbox": dict({"fs_read": [p.outside]}, **sandbox)} for name in tools})
        p.write(os.path.join(p.outside, "key.py"), KEY)
        p.nono("run", "--silent", "--detached", "--name", "sh", "--allow", p.work, "--read", p.outside, *FLAGS, "--",
               "/bin/bash", "--norc", "--noprofile", "-i")
        self.count = 0
        self.type("PS1='$ '")

    def type(self, line):
        """Runs a line to its end, or to its stop."""
        self.start("%s; echo end-$((%d+1))-$?" % (line, self.count))
        self.count += 1
        text = self.p.shows("sh", "^end-%d-" % self.count)
        return self.since(text), re.findall(r"^end-%d-(\d+)" % self.count, text, re.M)[-1]

    @staticmethod
    def since(text):
        return text

    def prompt(self):
        """The shell waits: what is typed before goes to the tool."""
        until("the prompt", lambda: self.p.nono("capture", "sh").rstrip().endswith("\n$") or None)

    def start(self, line):
        self.p.nono("send", "sh", "--enter", "--", line)

    def keys(self, *names):
        self.p.nono("send", "sh", "--keys", *names)

    def sees(self, pattern):
        return self.p.shows("sh", pattern)


def terminal_of_its_own(p):
    """/dev/tty opens, the tool is in the foreground of it, answers typed there arrive."""
    s = Shell(p, {"ask": 'echo "on $(tty)"; ps -o pgid=,tpgid= -p $$ | { read a b; [ $a = $b ] && echo in front; }; '
                         'printf "name: " > /dev/tty; read x < /dev/tty; echo "got $x"; exit 4'})
    s.start("ask < /dev/null")
    s.sees("name:")
    s.start("somebody")
    text = s.sees("got somebody")
    s.prompt()
    assert "in front" in text and text.count("somebody") == 2, text
    assert s.type("true")[1] == "0"
    s.start("ask | cat")
    s.sees("name:")
    s.start("another")
    s.sees("got another")


def signals(p):
    """Ctrl+C ends the tool and the job that it is a part of; what the shell is told is how it ended."""
    s = Shell(p, {"stay": "echo staying; exec sleep 1000", "trapper": 'trap "echo caught; exit 7" INT; echo armed; while :; do sleep 0.1; done'})
    s.start("sh -c 'stay; echo not this'; echo 'never'; ")
    s.sees("^staying")
    s.keys("C-c")
    s.prompt()
    text, rc = s.type("echo rc=$?")
    assert "rc=130" in text and "not this" not in text.replace("echo not this", ""), text
    s.start("trapper")
    s.sees("^armed")
    s.keys("C-c")
    s.sees("caught")
    s.prompt()
    assert "rc=7" in s.type("echo rc=$?")[0]
    s.start("stay & sleep 0.5; kill %1; wait %1")
    s.sees("Terminated")


def stop_and_continue(p):
    """Ctrl+Z gives the shell back, fg the tool; in the background it goes on, unless it wants the terminal."""
    s = Shell(p, {"count": 'i=0; while [ $i -lt 600 ]; do i=$((i+1)); echo tick $i >> $TMPDIR/ticks; [ -e $TMPDIR/end ] && exit 3; '
                           'sleep 0.1; done', "lines": "while read l; do echo line $l; done; echo done",
                  "key": "exec /usr/bin/python3 %s/key.py" % p.outside})
    s.start("lines")
    s.start("one")
    s.sees("line one")
    s.keys("C-z")
    s.sees("Stopped")
    s.prompt()
    assert s.type("jobs; echo here")[0].count("here"), "no shell"
    s.start("fg")
    s.start("two")
    s.sees("line two")
    s.keys("C-d")
    s.sees("^done")
    s.prompt()
    s.start("count")
    time.sleep(0.5)
    s.keys("C-z")
    until("the second stop", lambda: p.nono("capture", "sh").count("Stopped") >= 2 or None)
    s.prompt()
    s.type("bg")
    assert "Running" in s.type("jobs")[0]
    s.type("kill %1; wait")
    # One that wants each key, started in the background, is stopped, and not before fg drawn.
    s.start("clear; key &")
    until("the stop of what wants keys", lambda: "Stopped" in s.type("clear; jobs")[0] or None)
    assert "press:" not in p.nono("capture", "sh")
    s.start("fg")
    s.sees("press:")
    s.keys("x")
    s.sees("key 120")


def modes(p):
    """Keys arrive one by one where the tool says so, and no echo; the caller's modes come back, or stay as the
    tool set them where that is its purpose."""
    s = Shell(p, {"key": "exec /usr/bin/python3 %s/key.py" % p.outside, "modes": 'exec /usr/bin/stty "$@"'})
    s.start("key")
    s.sees("press:")
    s.keys("C-c")  # a key like others there
    s.sees("key 3")
    s.prompt()
    probe = "/usr/bin/python3 -c 'import termios; print(\"echo\", bool(termios.tcgetattr(0)[3] & termios.ECHO))'"
    assert "echo True" in s.type(probe)[0]
    text = s.type("modes -echo; " + probe)[0]
    assert "echo False" in text, text
    assert "echo True" in s.type("clear; modes echo; " + probe)[0]


def sizes(p):
    """The size is the pane's; its change is a signal to the tool."""
    s = Shell(p, {"size": 'trap "echo changed to \\$(stty size < /dev/tty)" WINCH; echo "size $(stty size < /dev/tty)"; '
                          'while :; do sleep 0.1; done'})
    s.start("clear; size")
    before = re.search(r"^size (\d+) (\d+)", s.sees("^size [0-9]"), re.M).groups()
    t = nonolib.Pty(p, "attach", "sh", cols=73, rows=19)
    try:
        now = re.search(r"changed to (\d+) (\d+)", s.sees("changed to [0-9]")).groups()
        assert now != before and now[1] == "73", (before, now)
        s.keys("C-c")
    finally:
        t.close()


def in_pipes(p):
    """Of two tools the one that draws has the keys."""
    s = Shell(p, {"make": "seq 1 100", "page": "cat > /dev/null; exec /usr/bin/python3 %s/key.py" % p.outside})
    s.start("make | page")
    s.sees("press:")
    s.keys("q")
    s.sees("key 113")
    s.prompt()
    out, rc = s.type("clear; make | tail -1")
    assert re.search("^100", out, re.M) and rc == "0", out


TUI = r"""
import os, subprocess, sys, termios, time, tty
old = termios.tcgetattr(0)
def keys(n):
    got = b""
    while len(got) < n:
        got += os.read(0, 1)
    return got
for raw, streams in ((True, {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}),
                     (True, {"stdout": subprocess.PIPE}),
                     (False, {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE})):
    if raw:
        tty.setraw(0)
    else:
        termios.tcsetattr(0, termios.TCSANOW, old)
    p = subprocess.Popen(["quiet"], **streams)
    time.sleep(1)
    sys.stdout.write("type-now\r\n")
    sys.stdout.flush()
    got = keys(3)
    p.wait()
    termios.tcsetattr(0, termios.TCSANOW, old)
    print("mine", got, flush=True)
"""


def keys_of_a_tui(p):
    """An agent that reads its keys itself loses none to a tool that it runs meanwhile."""
    s = Shell(p, {"quiet": "sleep 2; echo out"})
    p.write("tui.py", TUI)
    s.start("clear; /usr/bin/python3 tui.py")
    for n in (1, 2, 3):
        until("round %d" % n, lambda: p.nono("capture", "sh").count("type-now") == n or None)
        s.start("xy")
        until("the keys of round %d" % n, lambda: p.nono("capture", "sh").count("mine b'xy") == n or None)


def password(p):
    """One that asks on /dev/tty with the echo off gets the keys, whatever its descriptors are."""
    s = Shell(p, {"secret": "exec /usr/bin/python3 -c 'import getpass; print(len(getpass.getpass(\"word: \")))'"})
    s.start("clear; x=$(secret < /dev/null 2> err); echo \"was $x\"")
    s.sees("word:")
    s.start("hidden")
    text = s.sees("was 6")
    assert "hidden" not in text, text


def no_terminal(p):
    """Without one all is as it was: no new terminal, no relay."""
    t = Tools(p, {"a": "tty; (: < /dev/tty) 2>/dev/null || echo none; echo err >&2; exit 5"}, {"a": {"sandbox": {}}})
    out = t.run("a < /dev/null; echo $?")
    assert out == "not a tty\nnone\n5\n", out
    assert "err" in p.err


def limits_on_a_terminal(p):
    """A limited stream goes the same way."""
    s = Shell(p, {"many": "seq 1 1000; echo end"}, stdio={"stdout": {"max_bytes": 8}})
    out, rc = s.type("clear; many")
    assert out.split("\nend-")[0].split("\n") == ["1", "2", "3", "4"] and rc == "0", out


if __name__ == "__main__":
    nonolib.main([terminal_of_its_own, signals, stop_and_continue, modes, sizes, in_pipes, keys_of_a_tui, password, no_terminal,
                  limits_on_a_terminal])
