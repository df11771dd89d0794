#!/usr/bin/env python3
"""nono learn: a program under the eye, the profile that it gets, and that the profile is enough and
never more than it may be."""
import json
import os
import re
import socket
import socketserver
import threading

import nonolib
from nonolib import SECRET, Pty, Screen


def script(p, name, text):
    path = p.write(name, text)
    os.chmod(path, 0o700)
    return path


def profile(p, name):
    with open(os.path.join(p.home, ".config/nono/profiles", name + ".json")) as f:
        return json.load(f)


def plain(p, name, text="x\n"):
    path = os.path.join(p.outside, name)
    if not os.path.isdir(os.path.dirname(path)):
        p.mkdir(os.path.dirname(path))
    return p.write(path, text)


SH = """#!/bin/sh
cat src/f1 src/f2 src/f3 >/dev/null && cat {config} {lone} || exit 7
cat {key}
echo result > out.txt
mkdir -p build; for i in 1 2 3 4; do echo $i > build/o$i; done
echo more >> log
exit 4
"""


def small_program(p):
    p.mkdir(os.path.join(p.work, "src"))
    for i in range(1, 5):
        p.write("src/f%d" % i, "x")
    config = p.write(os.path.join(p.home, "toolrc"), "setting\n")
    lone = plain(p, "lone/only", "lone\n")
    p.write("log", "")
    prog = script(p, "prog.sh", SH.format(config=config, lone=lone, key=p.key))
    p.nono("learn", "--yes", "--name", "tool", "--", prog)
    assert "Tested: it holds (exit code 4" in p.err, p.err
    assert re.search(r"Closed or protected, and it stays so:\n  read %s\n" % re.escape(p.key), p.err), p.err
    assert '+    "write_file": [' in p.err and SECRET not in p.err, p.err
    got = profile(p, "tool")
    assert got == {
        "meta": {"name": "tool"}, "extends": "default",
        "filesystem": {"read": ["$WORKDIR/src"], "write": ["$WORKDIR/build"],
                       "read_file": ["~/toolrc", lone],
                       "write_file": ["$WORKDIR/log", "$WORKDIR/out.txt"]},
        "network": {"block": True}}, got
    # By hand, too; and no more than that.
    p.nono("run", "--silent", "--profile", "tool", "--", prog, code=4)
    p.nono("run", "--silent", "--profile", "tool", "--", "sh", "-c", "cat ../work/other || exit 9", code=9)


PY = """
import json, os, subprocess, sys, tempfile
data = [open("in/%%d" %% i).read() for i in range(5)]
with tempfile.NamedTemporaryFile("w+", dir="cache", delete=False) as f:
    f.write("".join(data)); f.seek(0); f.read()
os.rename(f.name, "cache/result")
os.unlink("cache/result")
with open("state.json.tmp", "w") as f: json.dump(data, f)
os.replace("state.json.tmp", "state.json")
subprocess.run([os.path.join(%r, "helper")], check=True)
sys.exit(0)
"""


def python_program(p):
    for d in ("in", "cache"):
        p.mkdir(os.path.join(p.work, d))
    for i in range(5):
        p.write("in/%d" % i, "x")
    script(p, plain(p, "bin/helper"), "#!/bin/sh\nexit 0\n")
    prog = p.write("prog.py", PY % os.path.join(p.outside, "bin"))
    p.nono("learn", "--yes", "--name", "py", "--", "python3", prog)
    assert "Tested: it holds (exit code 0" in p.err, p.err
    fs = profile(p, "py")["filesystem"]
    # Python lists the folder of its script.
    assert fs["read"] == ["$WORKDIR"] and fs["write"] == ["$WORKDIR/cache"], fs
    assert "$WORKDIR/state.json" in fs["write_file"] and "$WORKDIR/state.json.tmp" in fs["write_file"], fs
    assert os.path.join(p.outside, "bin/helper") in fs["read_file"], fs


def output(p):
    a = plain(p, "d/a")
    # Printed where nobody can be asked; what the program says goes elsewhere.
    text = p.nono("learn", "--", "cat", a)
    assert json.loads(text)["filesystem"] == {"read_file": [a]}, text
    assert "x\n" in p.err and "Not tested" in p.err, p.err
    assert not os.path.exists(os.path.join(p.home, ".config/nono/profiles"))
    assert json.loads(p.nono("learn", "--json", "--", "cat", a)) == json.loads(text)
    # To a file, over what it says.
    p.nono("learn", "-o", "mine.json", "--", "cat", a)
    assert "+++ mine.json" in p.err and json.loads(p.read("mine.json")) == dict(json.loads(text), meta={"name": "mine"})
    p.nono("learn", "-o", "mine.json", "--no-verify", "--yes", "--", "cat", a)
    assert "says that already" in p.err and "Tested" not in p.err, p.err
    p.nono("run", "-s", "--profile", os.path.join(p.work, "mine.json"), "--trust-profile", "x", "--", "cat", a, code=None)
    # Nothing to learn; what cannot start.
    assert "filesystem" not in json.loads(p.nono("learn", "--", "true"))
    p.nono("learn", "--", "/no/such/program", code=1)
    for args in (["learn"], ["learn", "--from", "x", "true"], ["learn", "--name", "a", "-o", "b", "true"],
                 ["learn", "--extends", "codex", "true"]):
        p.nono(*args, code=2)


def own_places(p):
    """The session's own temporary directory is no place to grant; a connection that fails is one."""
    code = "import os, socket, tempfile\ntempfile.NamedTemporaryFile('w+')\nopen(os.environ['TMPDIR'] + '/x', 'w')\n" \
           "try: socket.create_connection(('127.0.0.1', 9), 1)\nexcept OSError: pass\n"
    got = json.loads(p.nono("learn", "--json", "--", "python3", "-I", "-c", code))
    assert "filesystem" not in got and "network" not in got, got
    assert "Network: used" in p.err, p.err
    p.nono("learn", "--yes", "--name", "once", "--", "sh", "-c", "mkdir made", code=1)
    assert "does not hold (exit code 1, before 0)" in p.err and "Nothing was refused" in p.err, p.err


def on_top(p):
    """What a profile grants is left out, what it closes stays closed; one of the user's own keeps
    its comments."""
    for d in (".config", ".config/nono", ".config/nono/profiles"):
        d = p.mkdir(os.path.join(p.home, d))
    a, b, c = plain(p, "d/a"), plain(p, "d/b"), plain(p, "d/c")
    secret = plain(p, "d/secret")
    path = p.write(os.path.join(d, "mine.json"), '{\n  // why\n  "meta": {"name": "mine"},\n  "filesystem": {\n'
                   '    "read_file": ["%s"], // one\n    "deny": ["%s"]\n  }\n}\n' % (a, secret))
    p.nono("learn", "-p", "mine", "--name", "mine", "--yes", "--", "sh", "-c", "cat %s %s %s %s" % (a, b, c, secret), code=None)
    text = p.read(path)
    assert "// why" in text and "// one" in text, text
    assert '"%s", "%s", "%s"' % (b, c, a) in text and text.count(secret) == 1, text
    assert os.path.join(p.outside, "d") + '"' not in text, text
    assert "Tested: it holds" in p.err, p.err


def timeout(p):
    p.nono("learn", "--timeout", "1", "--name", "slow", "--", "sh", "-c", "cat %s; sleep 100" % plain(p, "d/a"))
    assert "The time is over" in p.err and profile(p, "slow")["filesystem"]["read_file"], p.err


def from_session(p):
    a, b = plain(p, "d/a"), plain(p, "d/b")
    r = p.start("past", "cat %s; cat %s; echo > %s/new; cat %s; echo hook > .envrc; sleep 0.2" % (a, p.key, p.outside, b),
                "--read-file", b)
    p.nono("wait", "past")
    text = p.nono("learn", "--from", r["session_id"], "--json")
    got = json.loads(text)["filesystem"]
    # What was refused, what a flag gave; never what is closed or would be run later.
    assert a in got["read_file"] and b in got["read_file"], got
    assert got["write_file"] == [p.outside + "/new"], got
    assert p.key not in text and ".envrc" not in text, text
    p.nono("learn", "--from", "nothing", code=1)
    p.nono("run", "-s", "--no-audit", "--name", "dark", "--detached", "--", "true")
    p.nono("wait", "dark", code=None)
    p.nono("learn", "--from", "dark", code=1)


def converges(p):
    """A program that does more each time: what a test shows is learned, until it holds."""
    for i in range(3):
        plain(p, "d%d/f" % i)
    code = 'n=$(cat count 2>/dev/null); n=${n:-0}; cat %s/d$n/f >/dev/null 2>&1\n' \
           '[ $n -lt 2 ] && echo $((n+1)) > count; exit 0\n' % p.outside
    p.nono("learn", "--yes", "--name", "grows", "--", "sh", "-c", code)
    assert p.err.count("it was refused 1 more; learned, once more") == 3 and "it holds" in p.err, p.err
    fs = profile(p, "grows")["filesystem"]
    assert fs == {"read_file": [p.outside + "/d%d/f" % i for i in range(3)], "allow_file": ["$WORKDIR/count"]}, fs
    # What is closed stays closed, however often it is tried; and there is an end to it.
    p.write("count", "0\n")
    endless = 'n=$(cat count); cat %s/e$n/f; echo $((n+1)) > count; cat %s; exit 0' % (p.outside, p.key)
    for i in range(9):
        plain(p, "e%d/f" % i)
    p.nono("learn", "--yes", "--name", "endless", "--", "sh", "-c", endless, code=1)
    assert p.err.count("once more") == 3 and "does not hold" in p.err, p.err
    assert p.key not in json.dumps(profile(p, "endless")), profile(p, "endless")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    class Hello(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"hello\n")

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Hello)
        threading.Thread(target=self.serve_forever, daemon=True).start()


BY_PROXY = r"""
import base64, os, socket, sys
auth, _, at = os.environ["HTTPS_PROXY"][len("http://"):].rpartition("@")
host, _, port = at.partition(":")
for target in sys.argv[1:]:
    s = socket.create_connection((host, int(port)), 10)
    s.sendall(("CONNECT %s HTTP/1.1\r\nHost: %s\r\nProxy-Authorization: Basic %s\r\n\r\n" % (
        target, target, base64.b64encode(auth.encode()).decode())).encode())
    print(target, s.makefile().readline())
"""


def hosts(p):
    server = Server()
    prog = p.write("client.py", BY_PROXY)
    name = "localhost:%d" % server.server_address[1]
    p.nono("learn", "--hosts", "--yes", "--name", "net", "--", "python3", "-I", prog, name, name,
           "169.254.169.254:80", "metadata.google.internal:80")
    assert "Tested: it holds" in p.err, p.err
    got = profile(p, "net")
    assert got["network"] == {"allow_domain": ["localhost"]}, got
    out = p.nono("run", "-s", "-p", "net", "--", "python3", "-I", prog, name, "example.com:443")
    assert "%s HTTP/1.1 200" % name in out and "example.com:443 HTTP/1.1 403" in out, out
    p.nono("learn", "--hosts", "--json", "--", "true")
    assert "Network: not used" in p.err, p.err
    p.nono("learn", "--hosts", "--from", "x", code=2)
    server.shutdown()
    server.server_close()


def sockets(p):
    """One that was named and used becomes a rule; others are not connected to, and told."""
    listeners = []
    for name in ("a", "b", "c"):
        s = socket.socket(socket.AF_UNIX)
        s.bind(os.path.join(p.outside, name))
        s.listen(20)
        os.chmod(os.path.join(p.outside, name), 0o777)
        listeners.append(s)
    code = "import socket\nfor n in 'ab':\n" \
           "    s = socket.socket(socket.AF_UNIX)\n    try: s.connect('%s/' + n); print(n, 'yes')\n" \
           "    except OSError: print(n, 'no')\n" % p.outside
    out = p.nono("learn", "--allow-unix-socket", p.outside + "/a", "--allow-unix-socket", p.outside + "/c",
                 "--yes", "--name", "sock", "--", "python3", "-I", "-c", code)
    assert out.startswith("a yes\nb no\n"), out
    assert profile(p, "sock")["filesystem"] == {"unix_socket": [p.outside + "/a"]}, profile(p, "sock")
    assert re.search(r"not connected to .*:\n  unix:%s/b$" % p.outside, p.err, re.M) and "it holds" in p.err, p.err
    assert p.nono("run", "-s", "-p", "sock", "--", "python3", "-I", "-c", code) == "a yes\nb no\n"
    for s in listeners:
        s.close()


# ---- programs that want more ---------------------------------------------------------------------

def wants_home(p):
    """Many files of the home, of what holds keys, of roots: never the folder."""
    for d in (".ssh", ".config", ".local", ".local/share", ".aws"):
        if not os.path.isdir(os.path.join(p.home, d)):
            p.mkdir(os.path.join(p.home, d))
        for i in range(5):
            p.write(os.path.join(p.home, d, "f%d" % i), "x")
    for i in range(5):
        p.write(os.path.join(p.home, "f%d" % i), "x")
    code = """
import os
for top, dirs, files in os.walk(os.environ["HOME"]):
    for f in files:
        try: open(os.path.join(top, f)).read()
        except OSError: pass
for d in ("/", "/etc", "/var", "/home", "/root", "/tmp", os.environ["HOME"]):
    try: os.listdir(d)
    except OSError: pass
    for i in range(4):
        try: open(os.path.join(d, "nono-learn-%d" % i), "x").close(); os.unlink(os.path.join(d, "nono-learn-%d" % i))
        except OSError: pass
"""
    p.nono("learn", "--json", "--", "python3", p.write("walk.py", code))
    fs = json.loads(p.nono("learn", "--json", "--", "python3", os.path.join(p.work, "walk.py")))["filesystem"]
    for name in ("read", "write", "allow"):
        for entry in fs.get(name, []):
            real = os.path.expandvars(entry.replace("~", p.home).replace("$WORKDIR", p.work)
                                      .replace("$XDG_CONFIG_HOME", p.home + "/.config")
                                      .replace("$XDG_STATE_HOME", p.base + "/state"))
            assert not (p.home + "/").startswith(real + "/"), (name, entry)
            assert not p.key.startswith(real + "/"), (name, entry)
            assert real not in ("/", "/etc", "/var", "/tmp", "/root", "/home"), (name, entry)
    text = json.dumps(fs)
    assert ".ssh" not in text and ".aws" not in text and "nono/" not in text, text


def replaced_by_link(p):
    """What it read in the end leads to something else."""
    d = p.mkdir(os.path.join(p.outside, "mine"))
    for i in range(4):
        plain(p, "mine/f%d" % i)
        plain(p, "private/f%d" % i)
    code = "cat {d}/f0 {d}/f1 {d}/f2 {d}/f3; rm -r {d}; ln -s {o}/private {d}; ln -s {k} {o}/key; ln -s {o}/private/f1 {o}/out"
    text = p.nono("learn", "--json", "--", "sh", "-c", code.format(d=d, o=p.outside, k=p.key))
    assert "mine" not in text and "/key" not in text and "private" not in text and "/out\"" not in text, text


def strange_names(p):
    names = ("new\nline", "esc\x1b[2J", "bi\u202edi", "star*", "$HOME", "q\"uote")
    paths = [plain(p, "names%d/%s" % (i, n)) for i, n in enumerate(names)]
    prog = p.write("names.py", "for n in %r: open(n)\n" % paths)
    text = p.nono("learn", "--json", "--", "python3", prog)
    assert "\x1b" not in text + p.err and "\u202e" not in text + p.err, (text, p.err)
    fs = json.loads(text)["filesystem"]
    assert fs["read_file"] == ["$WORKDIR/names.py", p.outside + "/names5/q\"uote"], fs
    assert "names in it that no rule can say" in p.err, p.err


def many_files(p):
    d = p.mkdir(os.path.join(p.outside, "many"))
    code = """
import os, sys
for i in range(20000):
    open("%s/f%%d" %% i, "w").close()
for i in range(40):
    os.mkdir("%s/d%%d" %% i)
    open("%s/d%%d/x" %% i, "w").close()
""" % (d, d, d)
    p.nono("learn", "--yes", "--name", "many", "--no-verify", "--", "python3", p.write("many.py", code), timeout=100)
    fs = profile(p, "many")["filesystem"]
    assert fs["write"] == [d], fs
    assert len(json.dumps(fs)) < 1000, fs


def stays_supervised(p):
    """Under the eye too nothing reaches what supervises it, or what would run later."""
    p.mkdir(os.path.join(p.work, ".git/hooks"))
    code = """
d=$(dirname $NONO_CAP_FILE 2>/dev/null)
cat {s}/nono/sessions/* {s}/nono/audit/ledger.ndjson {r}/nono/*/token && echo LEAK
echo x > {s}/nono/x; echo x > {w}/.git/hooks/pre-commit; echo x >> {h}/.bashrc; echo x > {w}/.envrc
ln {k} {w}/k1; mv {h}/.ssh {h}/.ssh2; ln -s {h}/.ssh {w}/s; cat {w}/s/id_rsa {w}/k1
cp {k} {w}/k2; exit 0
""".format(s=p.base + "/state", r=p.base + "/run", w=p.work, h=p.home, k=p.key)
    out = p.nono("learn", "--json", "--", "sh", "-c", code)
    assert "LEAK" not in out + p.err and SECRET not in out + p.err, p.err
    for path in (p.base + "/state/nono/x", p.work + "/.git/hooks/pre-commit", p.home + "/.bashrc", p.work + "/.envrc",
                 p.home + "/.ssh2"):
        assert not os.path.lexists(path), path
    assert ".ssh" not in out and "state" not in out, out


def on_a_terminal(p):
    a = plain(p, "d/a")
    s = Screen(p, "learn", "--", "sh", "-c", "cat %s; sleep 0.3" % a)
    s.sees("Run the program again")
    assert '"%s"' % a in s.text() and not os.path.exists(os.path.join(p.home, ".config/nono/profiles")), s.text()
    s.type("y")
    s.keys("Enter")
    s.sees("Tested: it holds")
    s.sees("Name of a profile to write it to")
    s.type("seen")
    s.keys("Enter")
    s.sees("Write it")
    s.type("y")
    s.keys("Enter")
    assert s.ended() == 0
    assert profile(p, "seen")["filesystem"] == {"read_file": [a]}
    # Left while it runs: it can be learned from later.
    s = Screen(p, "learn", "--", "sh", "-c", "cat %s; echo up; read x" % a)
    s.sees("up")
    s.command("d")
    s.sees(r"nono learn --from \w+")
    assert s.ended() == 0
    sid = re.search(r"--from (\w{16})", s.text()).group(1)
    p.nono("stop", sid)
    assert a in p.nono("learn", "--from", sid, "--json")


nonolib.main([small_program, python_program, output, own_places, on_top, timeout, from_session, converges, hosts, sockets, wants_home,
              replaced_by_link, strange_names, many_files, stays_supervised, on_a_terminal], jobs=3)
