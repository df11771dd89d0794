#!/usr/bin/env python3
"""After a failed run: what it was refused, as lines and as JSON, and the way from there into a
profile; for programs in a pipe and in a pane."""
import json
import os
import re
import subprocess

import nonolib
from nonolib import Pty, Screen, until

ASK = {"NONO_NO_SAVE_PROMPT": "0"}


def failed(p, script, *flags, code=3, **kw):
    """Standard error of a run that fails in the end."""
    p.nono("run", "--allow", p.work, *flags, "--", "sh", "-c", script + "; exit %d" % code, code=code, **kw)
    return p.err[p.err.find("nono: exit code"):] if "nono: exit code" in p.err else ""


def outside(p, name, text="data\n"):
    return p.write(os.path.join(p.outside, name), text)


# ---- footer ------------------------------------------------------------------------------------

def footer(p):
    a = outside(p, "a")
    told = failed(p, "cat %s %s missing %s/nothing" % (a, p.key, p.outside))
    lines = told.splitlines()
    assert lines[0] == "nono: exit code 3; what the session was refused:", told
    assert "  read       %s  ->  --read-file %s" % (a, a) in lines, told
    assert any(p.key in line and "closed by group:" in line and "--" not in line for line in lines), told
    assert "  why: nono why --path %s --op read" % a in lines, told
    # What is not there is no refusal.
    assert "missing" not in told and "nothing" not in told, told
    # The suggested flag is enough.
    p.nono("run", "--allow", p.work, "--read-file", a, "--", "cat", a)
    assert "nono: exit" not in p.err


def footer_only_then(p):
    a = outside(p, "a")
    assert failed(p, "cat %s" % a)
    assert not failed(p, "cat %s" % a, code=0)
    assert not failed(p, "true")
    assert not failed(p, "cat missing")
    assert not failed(p, "cat %s" % a, "--no-diagnostics")
    assert not failed(p, "cat %s" % a, "--silent")
    assert failed(p, "cat %s" % a, "--no-audit")
    # Killed, too; and nothing that every program tries in vain.
    p.nono("run", "--", "sh", "-c", "cat %s; kill -9 $$" % a, code=137)
    assert a in p.err and "exit code 137" in p.err, p.err
    assert not failed(p, "echo 1 > /proc/sys/kernel/core_pattern")
    p.nono("wrap", "--no-diagnostics", "--allow", p.work, "--", "sh", "-c", "exit 3", code=3)
    p.nono("shell", "--no-diagnostics", code=2)


def footer_folds(p):
    for i in range(40):
        outside(p, "file%d" % i)
    told = failed(p, "for i in $(seq 0 39); do cat %s/file$i; done" % p.outside)
    assert "%s/… (40 in it)  ->  --read %s" % (p.outside, p.outside) in told and len(told.splitlines()) == 3, told
    for i in range(12):
        p.mkdir(os.path.join(p.outside, "d%d" % i))
        outside(p, "d%d/x" % i)
    told = failed(p, "for i in $(seq 0 11); do cat %s/d$i/x; done" % p.outside)
    assert len(told.splitlines()) == 8, told
    sid = re.search(r"and 7 more: nono audit show (\w+) --denied, nono logs \1", told).group(1)
    shown = p.nono("audit", "show", sid, "--denied")
    assert all("%s/d%d/x" % (p.outside, i) in shown for i in range(12)), shown
    rows = p.json("audit", "show", sid, "--denied")
    assert {r["target"] for r in rows} == {"%s/d%d/x" % (p.outside, i) for i in range(12)}, rows
    assert {r["op"] for r in rows} == {"read"}
    # Never the home as a whole, nor what holds something closed.
    for i in range(5):
        p.write(os.path.join(p.home, "own%d" % i), "x")
    told = failed(p, "cat %s/own* ; for i in 0 1 2 3 4; do cat %s/own$i; done" % (p.home, p.home))
    assert "--read %s\n" % p.home not in told and "--read-file %s/own4\n" % p.home in told, told


def footer_writes(p):
    a = outside(p, "a")
    told = failed(p, "echo > %s; echo > %s/new" % (a, p.outside))
    assert "--write-file %s\n" % a in told, told
    assert "write      %s/new  ->  --write %s\n" % (p.outside, p.outside) in told, told
    told = failed(p, "cat %s; echo > %s; echo >> %s" % (a, a, a))
    assert re.search(r"readwrite  %s  ->  --allow-file %s\n" % (a, a), told), told


def hostile_names(p):
    names = ["new\nline", "esc\x1b[2Jape", "bi\u202edi", "quo'te \"x\"", "$(id)", "star*"]
    for n in names:
        outside(p, n)
    code = "import os\nfor n in os.environ['NAMES'].split('|'):\n try: open(%r + '/' + n)\n except OSError: pass\n"
    script = p.write("names.py", code % p.outside)
    p.nono("run", "--allow", p.work, "--", "sh", "-c", "python3 %s; exit 3" % script, code=3,
           env={"NAMES": "|".join(names)})
    told = p.err[p.err.find("nono: exit"):]
    assert "\x1b" not in told and "\u202e" not in told, repr(told)
    assert all(re.match(r"  \S|nono: exit", line) for line in told.splitlines()), told
    # What cannot be read is not offered.
    s = terminal(p, "run", "--allow", p.work, "--", "sh", "-c", "cat '%s/new\nline'; exit 3" % p.outside)
    assert s.ended() == 3
    assert b"[g] grant" not in s.data, s.data


# ---- JSON --------------------------------------------------------------------------------------

def as_json(p):
    a = outside(p, "a")
    p.nono("run", "-s", "--allow", p.work, "--diagnostics-json", "--", "sh", "-c",
           "cat %s %s; exit 3" % (a, p.key), code=3)
    d = json.loads(p.err[p.err.index("{"):])
    assert d["exit_code"] == 3 and len(d["denials"]) == 2, d
    by = {x["path"]: x for x in d["denials"]}
    assert by[a]["access"] == "read" and by[a]["reason"] == "path_not_granted", d
    assert by[a]["suggested_flag"] == "--read-file " + a
    assert by[p.key]["policy_source"].startswith("group:") and "suggested_flag" not in by[p.key], d
    assert {"operation": "read", "target": a} in d["violations"] and d["ipc_denials"] == []
    assert all(set(x) == {"code", "message", "remediation"} for x in d["diagnostics"])
    p.nono("run", "-s", "--allow", p.work, "--diagnostics-json", "--", "true")
    d = json.loads(p.err)
    assert d["exit_code"] == 0 and d["denials"] == d["violations"] == [], d
    p.nono("run", "-s", "--allow", p.work, "--diagnostics-json", "--", "python3", "-c",
           "import socket; socket.socket(socket.AF_UNIX).connect('%s')" % sock(p), code=1)
    d = json.loads(p.err[p.err.index("{\n"):])
    assert d["ipc_denials"][0]["operation"] == "connect" and "remediation" in d["ipc_denials"][0], d


def sock(p):
    path = os.path.join(p.outside, "s")
    p.run(["python3", "-c", "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", path])
    return path


# ---- save prompt ---------------------------------------------------------------------------------

def terminal(p, *args):
    """A run with its output in a pipe, so that there is no front end, asked on the terminal."""
    words = " ".join("'%s'" % a.replace("'", "'\\''") for a in args)
    s = Pty.__new__(Pty)
    q = type("P", (), {})()
    q.bin, q.env, q.work, q.own, q.who = "/bin/sh", dict(p.env, **ASK), p.work, p.own, p.who
    s.__init__(q, "-c", "exec '%s' %s >out" % (p.bin, words))
    return s


def profile_of(p, name):
    with open(os.path.join(p.home, ".config/nono/profiles", name + ".json")) as f:
        return json.load(f)


def grant(p):
    a, b, c = outside(p, "a"), outside(p, "b"), p.write(os.path.join(p.home, "in-home"), "x")
    script = "cat %s %s; cat %s %s; exit 3" % (a, b, c, p.key)
    s = terminal(p, "run", "--allow", p.work, "--", "sh", "-c", script)
    s.wait_for(b"read %s: [g] grant / [s] suppress / [Enter] skip" % c.encode())
    s.send(b"g\n")
    s.wait_for(b"read %s: [g]" % b.encode())
    s.send(b"s\n")
    s.wait_for(b"read %s: [g]" % a.encode())
    s.send(b"g\n")
    s.wait_for(b"Profile to write it to [default]: ")
    s.send(b"my-tool\n")
    s.wait_for(b"Write it? [y/N] ")
    assert b'+      "~/in-home",' in s.data and b'+    "suppress_save_prompt": [' in s.data, s.data
    assert not os.path.exists(os.path.join(p.home, ".config/nono/profiles/my-tool.json"))
    s.send(b"y\n")
    assert s.ended() == 3
    # What a deny rule closes was never offered.
    assert b"id_rsa: [g]" not in s.data
    assert profile_of(p, "my-tool") == {
        "meta": {"name": "my-tool"}, "extends": "default",
        "filesystem": {"read_file": ["~/in-home", a], "suppress_save_prompt": [b]}}
    # It works, and is not asked about again.
    p.nono("run", "-p", "my-tool", "--allow", p.work, "--", "cat", a, c)
    s = terminal(p, "run", "-p", "my-tool", "--allow", p.work, "--", "sh", "-c", script)
    assert s.ended() == 3
    assert b"[g] grant" not in s.data and b.encode() in s.data, s.data


def grant_more(p):
    """A profile of the user's with comments gets one more line; other answers write nothing."""
    a = outside(p, "a")
    for d in (".config", ".config/nono", ".config/nono/profiles"):
        d = p.mkdir(os.path.join(p.home, d))
    path = p.write(os.path.join(d, "mine.jsonc"), '// keep me\n{\n  "meta": {"name": "mine"}, /* and me */\n'
                   '  "filesystem": { "read_file": ["/etc/fstab"] }, // and me\n}\n')
    before = p.read(path)
    for keys, end in ((b"\n", None), (b"q\n", None), (b"g\n", b"n\n"), (b"g\n", b"\n"), (b"x\n", None)):
        s = terminal(p, "run", "-p", "mine", "--", "sh", "-c", "cat %s; exit 3" % a)
        s.wait_for(b"[g] grant")
        s.send(keys)
        if end:
            s.wait_for(b"Profile to write it to [mine]: ")
            s.send(b"\n")
            s.wait_for(b"Write it?")
            s.send(end)
        assert s.ended() == 3
        assert p.read(path) == before
    s = terminal(p, "run", "-p", "mine", "--", "sh", "-c", "cat %s; exit 3" % a)
    for q, keys in ((b"[g] grant", b"g\n"), (b"[mine]: ", b"no good\n"), (b"not a profile name", b""),
                    (b"[mine]: ", b"claude-code\n"), (b"built-in", b"\n"), (b"Write it?", b"y\n")):
        s.wait_for(q)
        s.send(keys)
    assert s.ended() == 3
    after = p.read(path)
    assert after == before.replace('["/etc', '["%s", "/etc' % a), after
    p.nono("run", "-p", "mine", "--", "cat", a)


def grant_in_other_syntax(p):
    """The user's profile may be TOML or YAML; what else is in it stays as it is."""
    a = outside(p, "a")
    for d in (".config", ".config/nono", ".config/nono/profiles"):
        d = p.mkdir(os.path.join(p.home, d))
    for name, text, old, new in (
            ("one.toml", '# keep me\n[meta]\nname = "one" # and me\n[filesystem]\nread_file = [ "/etc/fstab" ]\n',
             '[ "/etc', '[ "%s", "/etc' % a),
            ("two.yaml", "# keep me\nmeta: {name: two}\nfilesystem: # and me\n  read_file:\n  - /etc/fstab\n",
             "  - /etc", '  - "%s"\n  - /etc' % a)):
        path = p.write(os.path.join(d, name), text)
        profile = name.split(".")[0]
        s = terminal(p, "run", "-p", profile, "--", "sh", "-c", "cat %s; exit 3" % a)
        for q, keys in ((b"[g] grant", b"g\n"), (b"[%s]: " % profile.encode(), b"\n"),
                        (b"Write it?", b"y\n")):
            s.wait_for(q)
            s.send(keys)
        assert s.ended() == 3
        assert p.read(path) == text.replace(old, new), p.read(path)
        assert os.listdir(d) == [name], os.listdir(d)
        p.nono("run", "-p", profile, "--", "cat", a)
        os.unlink(path)


def not_asked(p):
    a = outside(p, "a")
    for env, flags in (({"NONO_NO_SAVE_PROMPT": "1"}, []), (ASK, ["--silent"]), (ASK, ["--no-diagnostics"])):
        q = type("P", (), {})()
        q.bin, q.env, q.work, q.own, q.who = "/bin/sh", dict(p.env, **env), p.work, p.own, p.who
        s = Pty(q, "-c", "exec '%s' run %s -- sh -c 'cat %s; exit 3' >out" % (p.bin, " ".join(flags), a))
        assert s.ended() == 3
        assert b"[g]" not in s.data, s.data
        s.close()
    s = terminal(p, "run", "--suppress-save-prompt", p.outside, "--", "sh", "-c", "cat %s; exit 3" % a)
    assert s.ended() == 3
    assert b"[g]" not in s.data and b"--read-file" in s.data, s.data
    # No terminal: nobody to ask.
    told = failed(p, "cat %s" % a, env=ASK)
    assert told and "[g]" not in told


def changed_meanwhile(p):
    """What was refused is a link to something else by the time of the question."""
    a, other = outside(p, "a"), outside(p, "other")
    s = terminal(p, "run", "--", "sh", "-c", "cat %s; exit 3" % a)
    s.wait_for(b"[g] grant")
    os.unlink(a)
    os.symlink(other, a)
    s.send(b"\n")
    assert s.ended() == 3
    p.nono("run", "--", "sh", "-c", "cat %s; exit 3" % a, code=3)
    assert "--read-file %s\n" % other in p.err, p.err


# ---- front end -------------------------------------------------------------------------------------

def pane(p):
    """The footer and the question come when the front end has left the terminal."""
    a = outside(p, "a")
    s = Screen(p, "run", "--allow", p.work, "--", "sh", "-c", "cat %s; exit 3" % a, env=ASK)
    s.sees(r"\[g\] grant")
    text = s.text()
    assert "nono: exit code 3; what the session was refused:" in text, text
    assert text.index("Permission denied") < text.index("nono: exit code"), text
    s.type("g")
    s.keys("Enter")
    s.sees("Profile to write it to")
    s.type("pane-tool")
    s.keys("Enter")
    s.sees("Write it")
    s.type("y")
    s.keys("Enter")
    assert s.ended() == 3
    assert profile_of(p, "pane-tool")["filesystem"] == {"read_file": [a]}
    s = Screen(p, "run", "-s", "--allow", p.work, "--", "sh", "-c", "cat %s; exit 3" % a, env=ASK)
    assert s.ended() == 3
    assert "nono: exit" not in s.text()
    # Left alone while it runs: nothing to say.
    s = Screen(p, "run", "-s", "--name", "long", "--allow", p.work, "--", "sh", "-c",
               "cat %s; echo up; read x; exit 3" % a, env=ASK)
    s.sees("up")
    s.command("d")
    assert s.ended() == 0
    assert "nono: exit" not in s.text()


# ---- the log tells what the kernel did ----------------------------------------------------------

def interpreter(p):
    """A script is refused for what runs it: that is what is told, and granting it is enough."""
    own = outside(p, "interpreter")
    with open("/bin/echo", "rb") as f, open(own, "wb") as g:
        g.write(f.read())
    os.chmod(own, 0o755)
    script = p.write("script", "#! %s word\n" % own)
    twice = p.write("twice", "#!%s\n" % script)
    os.chmod(script, 0o755)
    os.chmod(twice, 0o755)
    for path in (script, twice):
        told = failed(p, path)
        assert "  exec       %s  ->  --read-file %s" % (own, own) in told and path not in told, told
        sid = p.json("ps", "--all")[0]["session_id"]
        rows = [e for e in p.events(sid, "exec") if e["target"] in (own, path)]
        assert [(e["target"], e["decision"], e["target2"]) for e in rows] == [(own, "denied", path)], rows
        assert p.nono("run", "-s", "--allow", p.work, "--read-file", own, "--", path).startswith("word")
    # What is missing is no refusal.
    gone = p.write("gone", "#!%s/nothing\n" % p.outside)
    os.chmod(gone, 0o755)
    assert "exec" not in failed(p, gone)


REMOVED = """
import os, sys, tempfile
def again(fd, flags):
    try:
        os.close(os.open("/proc/self/fd/%d" % fd, flags))
        return "opened"
    except OSError as e:
        return e.strerror
with open("removed", "w+") as f:
    os.unlink("removed")
    print(again(f.fileno(), os.O_RDWR), again(f.fileno(), os.O_RDONLY), again(f.fileno(), os.O_WRONLY | os.O_TRUNC), sep=",")
with tempfile.TemporaryFile(dir=".") as f:
    print(again(f.fileno(), os.O_RDWR))
print(again(os.memfd_create("x"), os.O_RDWR))
f = open(sys.argv[1])
open("ready", "w").close()
sys.stdin.read(1)
print(again(f.fileno(), os.O_RDWR), again(f.fileno(), os.O_RDONLY), sep=",")
"""


def removed_files(p):
    """By its descriptor a removed file opens to what its place was open to, no more."""
    readable = outside(p, "readable")
    p.write("again.py", REMOVED)
    q = p.popen("run", "-s", "--name", "removed", "--allow", p.work, "--read-file", readable, "--", "python3", "again.py", readable,
                stdin=subprocess.PIPE)
    until("it is held open", lambda: os.path.exists(os.path.join(p.work, "ready")))
    os.unlink(readable)
    out, err = q.communicate("x", timeout=60)
    assert out.split("\n") == ["opened,opened,opened", "opened", "opened", "Permission denied,opened", ""], (out, err)
    rows = [(e["op"], e["decision"]) for e in p.events("removed", "open") if e["target"] == readable]
    assert rows == [("read", "allowed"), ("readwrite", "denied"), ("read", "allowed")], rows


nonolib.main([footer, footer_only_then, footer_folds, footer_writes, hostile_names, as_json, grant,
              grant_more, grant_in_other_syntax, not_asked, changed_meanwhile, pane, interpreter, removed_files], jobs=3)
