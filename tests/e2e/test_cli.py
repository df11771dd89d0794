#!/usr/bin/env python3
"""The command line: usage, help, JSON, run in a pipe, sessions in the background, requests. Runs as
whoever starts it and, started by root, as an ordinary user too."""
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

NONO = os.environ["NONO"]
ORDINARY_UID = 54323
COMMANDS = ("run shell wrap tui attach ps inspect stop detach prune capture send wait requests approve "
            "deny request logs events audit completion help").split()


class Case:
    def __init__(self, uid):
        self.uid = uid
        self.base = tempfile.mkdtemp(prefix="nono-cli-")
        os.chmod(self.base, 0o755)
        self.path = os.path.join(self.base, "nono")
        shutil.copy2(NONO, self.path)
        for d in ("home", "state", "run", "work", "outside"):
            os.mkdir(os.path.join(self.base, d), 0o700)
            if uid is not None:
                os.chown(os.path.join(self.base, d), uid, uid)
        self.work = os.path.join(self.base, "work")
        self.env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8",
                    "HOME": os.path.join(self.base, "home"), "TERM": "xterm-256color",
                    "XDG_STATE_HOME": os.path.join(self.base, "state"),
                    "XDG_RUNTIME_DIR": os.path.join(self.base, "run")}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def become(self):
        if self.uid is not None:
            os.setgroups([])
            os.setgid(self.uid)
            os.setuid(self.uid)

    def raw(self, *args, env=None, **kw):
        """(exit code, output, errors) as bytes."""
        kw.setdefault("stdin", subprocess.DEVNULL)
        p = subprocess.run([self.path, *args], env=dict(self.env, **(env or {})), cwd=self.work,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                           preexec_fn=self.become, **kw)
        return p.returncode, p.stdout, p.stderr

    def nono(self, *args, code=0, env=None):
        """Standard output; the exit code must be as given."""
        got, out, err = self.raw(*args, env=env)
        assert got == code, "nono %s: exit %d, not %d\n%s%s" % (
            " ".join(args), got, code, out.decode(errors="replace"), err.decode(errors="replace"))
        self.err = err.decode(errors="replace")
        return out.decode()

    def popen(self, *args, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen([self.path, *args], env=self.env, cwd=self.work,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                preexec_fn=self.become, **kw)

    def as_user(self, f):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                self.become()
                f()
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0

    def close(self):
        try:
            for s in json.loads(self.nono("ps", "--json")):
                self.raw("stop", "--force", s["session_id"])
        except (AssertionError, ValueError):
            pass
        shutil.rmtree(self.base, ignore_errors=True)


def until(what, f, timeout=15):
    end = time.monotonic() + timeout
    while True:
        v = f()
        if v:
            return v
        assert time.monotonic() < end, "timed out: " + what
        time.sleep(0.03)


# ---- usage ------------------------------------------------------------------------------------

def help_and_usage(c):
    out = c.nono("--help")
    assert c.nono() == out and c.nono("help") == out and c.nono("-h") == out
    for name in COMMANDS:
        assert re.search(r"^  %s " % name, out, re.M), name
        text = c.nono("help", name)
        assert text == c.nono(name, "--help") == c.nono(name, "-h") == c.nono("--help", name)
        assert "Usage: nono %s" % name in text, text
    assert c.nono("--version") == c.nono("-V") == c.nono("ps", "--version")
    assert re.fullmatch(r"nono \d+\.\d+\.\d+\n", c.nono("-V"))
    assert c.nono("session", "cleanup", "--help") == c.nono("prune", "--help")
    for shell in ("bash", "zsh", "fish"):
        assert "nono" in c.nono("completion", shell)
    if shutil.which("bash"):
        script = 'source /dev/stdin; COMP_WORDS=(nono ins); COMP_CWORD=1; _nono; echo "${COMPREPLY[@]}"'
        p = subprocess.run(["bash", "-c", script], input=c.nono("completion", "bash").encode(),
                           stdout=subprocess.PIPE, env=c.env, timeout=20)
        assert p.stdout.split() == [b"inspect"], p.stdout


def usage_errors(c):
    for args, word in (
            (["frobnicate"], "frobnicate"), (["sned"], "did you mean 'send'"), (["--json", "ps"], "--json"),
            (["run"], "program"), (["run", "--"], "program"), (["run", "--alow", "x"], "--allow"),
            (["run", "--allow"], "needs a value"), (["run", "--detached=1", "true"], "no value"),
            (["run", "--audit-level", "some", "true"], "decisions"),
            (["run", "--namespaces", "maybe", "true"], "auto"),
            (["run", "--size", "80", "true"], "120x40"),
            (["run", "--prefix", "nokey", "true"], "key"),
            (["run", "--block-net", "--allow-net", "true"], "--block-net"),
            (["run", "--net-block", "--net-allow", "true"], "--block-net"),
            # What belongs to the program is never ours, and what is not ours is refused.
            (["run", "--rollback", "true"], "--rollback"), (["run", "--allow-domain", "x", "true"], "domain"),
            (["wrap", "--detached", "true"], "--detached"), (["wrap", "--name", "x", "true"], "--name"),
            (["wrap", "--no-audit", "true"], "--no-audit"),
            (["wrap", "--capability-elevation", "true"], "--capability-elevation"),
            (["shell", "extra"], "extra"), (["ps", "extra"], "extra"), (["ps", "--jsno"], "--json"),
            (["inspect"], "session"), (["inspect", "a", "b"], "'b'"), (["stop"], "session"),
            (["stop", "x", "--timeout", "soon"], "--timeout"), (["capture"], "session"),
            (["capture", "x", "--scrollback", "-3"], "--scrollback"), (["send"], "session"),
            (["send", "x"], "text"), (["send", "x", "--keys", "Entre"], "Entre"),
            (["send", "x", "--keys", "--paste", "a"], "--paste"), (["wait"], "session"),
            (["wait", "x", "--until", "never"], "output=REGEX"),
            (["wait", "x", "--until", "output=("], "output=("), (["wait", "x", "--timeout", "0"], "--timeout"),
            (["approve"], "id"), (["deny"], "id"), (["approve", "x", "--scope", "never"], "always"),
            (["approve", ""], "id"), (["logs"], "session"), (["logs", "x", "--tail", "x"], "--tail"),
            (["audit"], "list"), (["audit", "nothing"], "nothing"), (["completion"], "shell"),
            (["completion", "csh"], "csh"), (["help", "frobnicate"], "frobnicate"),
            (["prune", "--keep", "all"], "--keep")):
        out = c.nono(*args, code=2)
        assert not out and c.err.startswith("nono: ") and word in c.err, (args, out, c.err)
    for args in (["inspect", "nothing"], ["stop", "nothing"], ["capture", "nothing"],
                 ["send", "nothing", "x"], ["wait", "nothing"], ["logs", "nothing"], ["detach", "nothing"],
                 ["approve", "abcdef"], ["deny", "abcdef"], ["attach", "nothing"], ["tui"], ["attach"],
                 ["run", "-s", "--", "no-such-program"], ["run", "-s", "--", "/etc/passwd"],
                 ["wrap", "-s", "--", "no-such-program"],
                 ["run", "-s", "--profile", "no-such-profile", "true"],
                 ["run", "-s", "--name", "not/a/name", "true"]):
        out = c.nono(*args, code=1)
        assert not out and c.err.startswith("nono: "), (args, out, c.err)
    # A bad name from outside can't reach the terminal as it is.
    c.nono("inspect", "\x1b[2Jx", code=1)
    assert "\x1b" not in c.err and "^[" in c.err, c.err
    assert c.nono("ps") == "" and "No running sessions" in c.err
    assert c.nono("-s", "ps") == "" and c.err == ""
    assert json.loads(c.nono("ps", "--json")) == []


def environment(c):
    both = {"NONO_BLOCK_NET": "1", "NONO_ALLOW_NET": "yes"}
    c.nono("run", "--dry-run", "true", env=both, code=2)
    assert "NONO_" in c.err
    c.nono("run", "--dry-run", "--allow-net", "true", env={"NONO_BLOCK_NET": "true"}, code=2)
    c.nono("run", "--dry-run", "true", env={"NONO_BLOCK_NET": "perhaps"}, code=2)
    for env, word in (({"NONO_BLOCK_NET": "1"}, "network: blocked"), ({"NONO_NET_BLOCK": "yes"}, "network: blocked"),
                      ({"NONO_BLOCK_NET": "no"}, "network: open"),
                      ({"NONO_ALLOW": "%s,/usr/share" % c.work}, "rw  " + c.work),
                      ({"NONO_CAPABILITY_ELEVATION": "1"}, "requests: on"),
                      ({"NONO_PROFILE": "claude-code"}, "requests: on")):
        c.nono("run", "--dry-run", "true", env=env)
        assert word in c.err, (env, c.err)
    c.nono("run", "--dry-run", "--allow", "/usr/share", "true", env={"NONO_ALLOW": c.work})
    assert "/usr/share" in c.err and c.work not in c.err, c.err


# ---- run ---------------------------------------------------------------------------------------------

def dry_run(c):
    for name in ("run", "wrap"):
        assert c.nono(name, "--dry-run", "--allow", ".", "--read", "/nonexistent", "--", "sh", "-c", "x") == ""
        assert c.err.startswith("Capabilities:"), c.err
        assert "rw  %s (dir)" % c.work in c.err, c.err
        assert "dry-run sandbox would be applied with above capabilities\n$ sh -c x\n" in c.err, c.err
        assert "some requested sandbox grants were skipped because the path does not exist" in c.err, c.err
        assert "/nonexistent" in c.err and "group:" not in c.err
        c.nono(name, "--dry-run", "-v", "--allow", ".", "--", "true")
        assert "[user]" in c.err and "[group:" in c.err
    assert json.loads(c.nono("ps", "--all", "--json")) == []


def pass_through(c):
    blob = bytes(range(256)) * 4000
    code, out, err = c.raw("run", "-s", "--", "cat", stdin=None, input=blob)
    assert (code, out, err) == (0, blob, b""), (code, len(out), err)
    code, out, err = c.raw("run", "-s", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (code, out, err) == (7, b"out\n", b"err\n"), (code, out, err)
    code, out, err = c.raw("run", "--", "sh", "-c", "echo out; exit 3")
    assert (code, out) == (3, b"out\n") and err.startswith(b"Capabilities:"), (code, out, err)
    for sig in (signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1):
        code, _, _ = c.raw("run", "-s", "--", "sh", "-c", "kill -%d $$" % sig)
        assert code == 128 + sig, (sig, code)
    # Options of the program are its own.
    code, out, _ = c.raw("run", "-s", "echo", "-s", "--help", "--", "x")
    assert (code, out) == (0, b"-s --help -- x\n"), (code, out)
    code, out, _ = c.raw("run", "--allow", ".", "-s", "--", "sh", "-c", "echo made > file; cat file")
    assert (code, out) == (0, b"made\n"), (code, out)
    code, out, _ = c.raw("run", "-s", "--", "sh", "-c", "echo made > file2")
    assert code != 0 and not os.path.exists(os.path.join(c.work, "file2"))
    code, out, _ = c.raw("run", "-s", "--workdir", "/usr/share", "--", "sh", "-c", "pwd")
    assert (code, out) == (0, b"/usr/share\n"), (code, out)
    code, out, _ = c.raw("shell", "-s", "--shell", "/bin/sh", stdin=None, input=b"echo shell; exit 4\n")
    assert (code, out) == (4, b"shell\n"), (code, out)
    code, out, _ = c.raw("run", "-s", "--allow-cwd", "-p", "claude-code", "--", "sh", "-c", "echo x > rw; cat rw")
    assert (code, out) == (0, b"x\n"), (code, out)
    code, out, err = c.raw("run", "-p", "claude-code", "--", "true")
    assert code == 1 and b"CWD access requires --allow-cwd" in err, (code, err)


def prompt(c):
    """Sharing the working directory, asked on a terminal; what follows the answer is the program's."""
    for answer, works in ((b"y\nrest\n", True), (b"n\nrest\n", False), (b"\nrest\n", False)):
        outer, inner = pty.openpty()
        p = subprocess.Popen([c.path, "run", "--no-capability-elevation", "-p", "claude-code", "--", "sh", "-c",
                              "read x; echo got $x; echo y > shared && echo written; exit 0"],
                             env=c.env, cwd=c.work, stdin=inner, stderr=inner, stdout=subprocess.PIPE,
                             preexec_fn=c.become)
        os.close(inner)
        text = b""
        while b"[y/N]" not in text:
            assert select.select([outer], [], [], 20)[0], text
            text += os.read(outer, 4096)
        assert b"use --allow-cwd to skip this prompt" in text and c.work.encode() in text, text
        assert b"Capabilities:" not in text
        os.write(outer, answer)
        out = p.communicate(timeout=20)[0]
        os.close(outer)
        assert p.returncode == 0 and out == b"got rest\n" + (b"written\n" if works else b""), (answer, out)


def signals(c):
    script = "trap 'echo usr1' USR1; trap 'echo term; exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    p = c.popen("run", "-s", "--", "sh", "-c", script)
    assert p.stdout.readline() == b"ready\n"
    p.send_signal(signal.SIGUSR1)
    assert p.stdout.readline() == b"usr1\n"
    p.send_signal(signal.SIGTERM)
    out, err = p.communicate(timeout=20)
    assert (p.returncode, out, err) == (9, b"term\n", b""), (p.returncode, out, err)


def wrap(c):
    code, out, err = c.raw("wrap", "-s", "--", "cat", stdin=None, input=b"\x00\xff")
    assert (code, out, err) == (0, b"\x00\xff", b""), (code, out, err)
    code, _, _ = c.raw("wrap", "-s", "--", "sh", "-c", "exit 5")
    assert code == 5
    code, out, _ = c.raw("wrap", "-s", "--", "sh", "-c", "cat %s/.ssh/x 2>&1; echo x > forbidden" % c.env["HOME"])
    assert code != 0 and not os.path.exists(os.path.join(c.work, "forbidden"))
    assert json.loads(c.nono("ps", "--all", "--json")) == [], "wrap leaves no record"


# ---- sessions ---------------------------------------------------------------------------------------------

RECORD = {"session_id": str, "name": str, "supervisor_pid": int, "child_pid": int, "started": str,
          "started_epoch": int, "status": str, "attachment": str, "exit_code": (int, type(None)),
          "command": list, "profile": (str, type(None)), "workdir": str, "network": str,
          "rollback_session": type(None)}


def check_record(r, **want):
    for key, kind in RECORD.items():
        assert isinstance(r[key], kind), (key, r[key])
    assert re.fullmatch("[0-9a-f]{16}", r["session_id"])
    for key, v in want.items():
        assert r[key] == v, (key, r[key], v)


def background(c):
    out = c.nono("run", "--detached", "--name", "bg", "--size", "60x12", "--allow", ".", "--block-net", "--",
                 "sh", "-c", "echo hello from inside; while read line; do echo \"got <$line>\"; done; exit 6")
    sid = out.strip()
    assert re.fullmatch("[0-9a-f]{16}", sid) and "nono attach bg" in c.err, (out, c.err)
    text = c.nono("ps", "--json")
    assert text.startswith('[\n  {\n    "session_id": "%s"' % sid), text
    check_record(json.loads(text)[0], session_id=sid, name="bg", status="running", attachment="detached",
                 exit_code=None, profile=None, workdir=c.work, network="blocked")
    one = json.loads(c.nono("inspect", sid[:6], "--json"))
    check_record(one, session_id=sid)
    assert one["state"]["activity"] in ("starting", "working", "waiting", "idle"), one
    text = c.nono("inspect", "bg")
    for word in ("Session:", "Name:", "Status:", "Attached:", "PID:        %d (supervisor: %d)" %
                 (one["child_pid"], one["supervisor_pid"]), "Started:", "Command:", "Profile:", "Workdir:",
                 "Network:    blocked"):
        assert word in text, (word, text)
    table = c.nono("ps", env={"COLUMNS": "90"}).splitlines()
    assert table[0].split() == "SESSION NAME STATUS ATTACH PID UPTIME PROFILE COMMAND".split(), table
    assert table[1].startswith(sid) and len(table[1]) <= 90, table
    c.nono("run", "--detached", "--name", "bg", "--", "true", code=1)
    assert "bg" in c.err

    c.nono("wait", "bg", "--until", "output=hello from [a-z]+", "--timeout", "20")
    c.nono("wait", "bg", "--until", "blocked", "--timeout", "20")
    c.nono("wait", "bg", "--until", "idle", "--timeout", "20")
    c.nono("wait", "bg", "--until", "output=never", "--timeout", "1", code=1)
    assert "timed out" in c.err
    c.nono("wait", "bg", "--timeout", "1", code=1)
    c.nono("send", "bg", "--enter", "two", "words")
    c.nono("wait", "bg", "--until", "output=^got <two words>$", "--timeout", "20")
    c.nono("send", "bg", "--keys", "a", "Space", "b", "BSpace", "c", "Enter")
    c.nono("wait", "bg", "--until", "output=^got <a c>$", "--timeout", "20")
    c.nono("send", "bg", "--enter", "--", "-dash")
    c.nono("wait", "bg", "--until", "output=got <-dash>", "--timeout", "20")
    screen = c.nono("capture", "bg")
    assert len(screen.splitlines()) == 12 and "got <two words>" in screen, screen
    shot = json.loads(c.nono("capture", "bg", "--json"))
    assert shot["session_id"] == sid and (shot["cols"], shot["rows"]) == (60, 12), shot
    assert len(shot["lines"]) == 12 and "hello from inside" in shot["lines"][0], shot
    assert set(shot["cursor"]) == {"x", "y", "visible"} and shot["scrollback"] == [], shot

    c.nono("send", "bg", "--keys", "C-d")
    c.nono("wait", "bg", "--timeout", "20")
    r = json.loads(c.nono("inspect", "bg", "--json"))
    check_record(r, status="exited", exit_code=6)
    assert r["state"] is None or r["state"]["activity"] == "exited", r
    assert json.loads(c.nono("ps", "--json")) == []
    assert "exited(6)" in c.nono("ps", "--all")
    c.nono("wait", "bg", "--until", "idle", code=1)
    c.nono("attach", "bg")
    assert "exit code 6" in c.err
    c.nono("stop", "bg")
    assert "ended already" in c.err
    c.nono("audit", "verify", sid)


def scrollback_and_colours(c):
    c.nono("run", "-s", "--detached", "--name", "long", "--size", "40x10", "--", "sh", "-c",
           "seq 1 5000; printf '\\033[1;31mred\\033[0m end\\n'; sleep 1000")
    # Long gone from the screen.
    c.nono("wait", "long", "--until", "output=^17$", "--timeout", "20")
    c.nono("wait", "long", "--until", "output=red end", "--timeout", "20")
    lines = c.nono("capture", "long", "--scrollback", "4500").splitlines()
    assert len(lines) == 4510, len(lines)
    first = int(lines[0])
    assert lines[:4500] == [str(n) for n in range(first, first + 4500)]
    assert "5000" in lines and "red end" in lines
    assert "\x1b[" in c.nono("capture", "long", "--ansi")
    assert "\x1b" not in c.nono("capture", "long")
    shot = json.loads(c.nono("capture", "long", "--json", "--scrollback", "3"))
    assert len(shot["scrollback"]) == 3 and shot["scrollback_lines"] > 4900, shot
    c.nono("stop", "long")


def stop_and_prune(c):
    c.nono("run", "-s", "--detached", "--name", "stubborn", "--", "sh", "-c",
           "trap '' TERM HUP INT; echo up; while :; do sleep 0.1; done")
    c.nono("wait", "stubborn", "--until", "output=up", "--timeout", "20")
    begin = time.monotonic()
    c.nono("stop", "stubborn", "--timeout", "1")
    assert 0.8 < time.monotonic() - begin < 8, "%.1f s" % (time.monotonic() - begin)
    assert "Stopped session stubborn" in c.err
    assert json.loads(c.nono("inspect", "stubborn", "--json"))["status"] == "exited"
    c.nono("run", "-s", "--detached", "--name", "soft", "--", "sleep", "1000")
    begin = time.monotonic()
    c.nono("stop", "--force", "soft")
    assert time.monotonic() - begin < 3
    # A supervisor that is stopped itself does not hold the command up.
    c.nono("run", "-s", "--detached", "--name", "frozen", "--", "sleep", "1000")
    r = json.loads(c.nono("inspect", "frozen", "--json"))
    os.kill(r["supervisor_pid"], signal.SIGSTOP)
    r = until("paused", lambda: [x for x in json.loads(c.nono("ps", "--json")) if x["status"] == "paused"])[0]
    c.nono("send", "frozen", "x", code=1)
    c.nono("stop", "--force", "frozen")
    assert json.loads(c.nono("inspect", "frozen", "--json"))["status"] == "exited"

    assert c.nono("prune", "--dry-run") == "3 records would be removed\n"
    assert len(json.loads(c.nono("ps", "--all", "--json"))) == 3
    c.nono("prune", "--keep", "2")
    assert [x["name"] for x in json.loads(c.nono("ps", "--all", "--json"))] == ["frozen", "soft"]
    c.nono("prune", "--older-than", "1")
    assert len(json.loads(c.nono("ps", "--all", "--json"))) == 2
    c.nono("session", "cleanup")
    assert json.loads(c.nono("ps", "--all", "--json")) == []
    assert len(json.loads(c.nono("audit", "list", "--json"))) >= 3, "audit logs stay"


def inside(c):
    """What decides over others does not work from inside."""
    for args in (["stop", "x"], ["attach"], ["detach", "x"], ["prune"], ["approve", "x"], ["deny", "x"],
                 ["send", "x", "y"]):
        c.nono(*args, env={"NONO_CAP_FILE": "/tmp/some-file"}, code=1)
        assert "inside a sandbox" in c.err, (args, c.err)


# ---- records --------------------------------------------------------------------------------------------------

def logs(c):
    c.nono("run", "-s", "--detached", "--name", "log", "--allow", ".", "--", "sh", "-c",
           "echo a > one; cat /etc/hostname; read x; echo b > two; mkdir dir; exit 2")
    follow = c.popen("logs", "-f", "--json", "log")
    c.nono("wait", "log", "--until", "blocked", "--timeout", "20")
    first = [json.loads(line) for line in c.nono("logs", "log", "--json").splitlines()]
    assert first[0]["type"] == "session_started" and first[1]["type"] == "sandbox_runtime", first[:2]
    assert any(e.get("target", "").endswith("/work/one") for e in first), first
    assert len(c.nono("logs", "log", "--json", "--tail", "3").splitlines()) == 3
    assert c.nono("logs", "log", "--tail", "0") == ""
    time.sleep(0.2)
    c.nono("send", "log", "--keys", "Enter")
    out, err = follow.communicate(timeout=30)
    assert follow.returncode == 0 and not err, (follow.returncode, err)
    events = [json.loads(line) for line in out.decode().splitlines()]
    assert events[0]["type"] == "session_started" and events[-1]["type"] == "session_ended", events[-1]
    assert events[-1]["exit_code"] == 2
    assert any(e.get("op") == "mkdir" and e["target"].endswith("/work/dir") for e in events)
    sid = json.loads(c.nono("inspect", "log", "--json"))["session_id"]
    assert out.decode() == c.nono("logs", sid[:8], "--json"), "live and afterwards differ"
    text = c.nono("logs", "log")
    assert len(text.splitlines()) == len(events) and "/work/two" in text
    c.nono("prune")
    assert out.decode() == c.nono("logs", sid, "--json"), "the log outlives the record"
    c.nono("run", "-s", "--no-audit", "--name", "silent", "--", "true")
    assert c.nono("logs", "silent") == "" and "--no-audit" in c.err
    # The reader of a pipe goes away.
    c.nono("run", "-s", "--detached", "--name", "busy", "--", "sh", "-c", "while :; do cat /etc/hostname; done")
    p = c.popen("logs", "-f", "busy")
    p.stdout.readline()
    p.stdout.close()
    assert p.wait(timeout=20) != 1 or not p.stderr.read()
    p.stderr.close()
    c.nono("stop", "--force", "busy")


def follow_killed(c):
    """logs -f ends too when the supervisor was killed."""
    c.nono("run", "-s", "--detached", "--name", "victim", "--", "sleep", "1000")
    r = json.loads(c.nono("inspect", "victim", "--json"))
    p = c.popen("logs", "-f", "--json", "victim")
    assert b"session_started" in p.stdout.readline()
    os.kill(r["supervisor_pid"], signal.SIGKILL)
    out, _ = p.communicate(timeout=20)
    last = json.loads(out.decode().splitlines()[-1])
    assert last["type"] == "session_ended" and last["exit_code"] == -1, last
    c.nono("audit", "verify", r["session_id"])


class Stream:
    def __init__(self, p):
        self.p, self.lines, self.rest = p, [], b""

    def find(self, what, f, timeout=20):
        end = time.monotonic() + timeout
        while True:
            for line in self.lines:
                if f(line):
                    return line
            assert time.monotonic() < end, "%s: not in %r" % (what, self.lines[-20:])
            if select.select([self.p.stdout], [], [], 0.1)[0]:
                data = os.read(self.p.stdout.fileno(), 65536)
                assert data, "%s: the stream ended: %r" % (what, self.p.stderr.read())
                self.rest += data
                *whole, self.rest = self.rest.split(b"\n")
                self.lines += [json.loads(x) for x in whole]


def events(c):
    c.nono("run", "-s", "--detached", "--name", "one", "--allow", ".", "--", "sh", "-c",
           "cat /etc/hostname; while read x; do echo $x > \"$x\"; done")
    c.nono("wait", "one", "--until", "blocked", "--timeout", "20")
    s = Stream(c.popen("events", "--follow"))
    s.find("status of one", lambda e: e["session_name"] == "one" and e["event"]["type"] == "status")
    assert not any(e["event"]["type"] == "session_started" for e in s.lines), "not from now on"
    c.nono("run", "-s", "--detached", "--name", "two", "--", "sh", "-c", "cat /etc/hostname; exit 3")
    s.find("start of two", lambda e: e["session_name"] == "two" and e["event"]["type"] == "session_started")
    c.nono("send", "one", "--enter", "file1")
    e = s.find("an open of one", lambda e: e["session_name"] == "one" and
               e["event"].get("target", "").endswith("/work/file1"))
    assert set(e) == {"session_id", "session_name", "sequence", "event"} and len(e["session_id"]) == 16
    e = s.find("end of two", lambda e: e["session_name"] == "two" and e["event"]["type"] == "session_ended")
    assert e["event"]["exit_code"] == 3
    c.nono("stop", "one")
    s.find("end of one", lambda e: e["session_name"] == "one" and e["event"]["type"] == "session_ended")
    s.p.kill()
    s.p.communicate()
    assert c.nono("events") == ""
    old = [json.loads(line) for line in c.nono("events", "--all").splitlines()]
    assert {e["session_name"] for e in old} == {"one", "two"}
    assert [e["sequence"] for e in old if e["session_name"] == "two"] == \
        list(range(sum(e["session_name"] == "two" for e in old)))


# ---- requests ----------------------------------------------------------------------------------------------------

def requests(c):
    secret = os.path.join(c.base, "outside", "secret")

    def write():
        with open(secret, "w") as f:
            f.write("the secret\n")
    c.as_user(write)
    assert json.loads(c.nono("requests", "--json")) == []
    c.nono("run", "-s", "--detached", "--capability-elevation", "--name", "asks", "--allow", ".", "--", "sh", "-c",
           "for i in 1 2 3 4; do cat %s; echo \"done $i\"; done; read x" % secret)

    def only():
        r = json.loads(c.nono("requests", "--json"))
        return r[0] if r else None
    stream = Stream(c.popen("events", "-f"))
    c.nono("wait", "asks", "--until", "blocked", "--timeout", "20")
    r = until("a request", only)
    assert r["target"] == secret and r["kind"] == "read" and r["session_name"] == "asks", r
    assert r["program"].endswith("/cat") and r["deadline_ns"], r
    text = c.nono("requests")
    assert r["id"] in text and secret in text, text
    c.nono("approve", "zzz", code=1)
    stream.find("status", lambda e: e["event"].get("activity") == "asks")
    c.nono("deny", r["id"])
    assert "Denied once: read %s (session asks)" % secret in c.err, c.err
    c.nono("wait", "asks", "--until", "output=done 1", "--timeout", "20")
    assert "the secret" not in c.nono("capture", "asks")
    r = until("the second request", only)
    c.nono("approve", r["id"][:8])
    c.nono("wait", "asks", "--until", "output=done 2", "--timeout", "20")
    assert c.nono("capture", "asks").count("the secret") == 1
    r = until("the third request", only)
    c.nono("approve", r["id"], "--scope", "session", "--session", "asks")
    c.nono("wait", "asks", "--until", "output=done 4", "--timeout", "20")
    assert c.nono("capture", "asks").count("the secret") == 3
    c.nono("approve", r["id"], code=1)
    stream.find("the answer", lambda e: e["event"]["type"] == "answered" and e["event"]["state"] == "granted")
    stream.p.kill()
    stream.p.communicate()
    c.nono("stop", "asks")
    log = c.nono("logs", "asks", "--json")
    assert log.count('"capability_decision"') >= 3, log


def request_inside(c):
    target = os.path.join(c.base, "outside")
    c.nono("run", "-s", "--detached", "--capability-elevation", "--name", "polite", "--read-file", c.path,
           "--allow", ".", "--", "sh", "-c",
           "%s request --read %s --reason 'to look'; echo \"answer $?\"; read x" % (c.path, target))
    r = until("a request", lambda: json.loads(c.nono("requests", "--json")))[0]
    assert r["origin"] == "request" and r["reason"] == "to look" and r["target"] == target, r
    c.nono("approve", r["id"], "--scope", "session")
    c.nono("wait", "polite", "--until", "output=answer 0", "--timeout", "20")
    c.nono("stop", "polite")
    c.nono("request", "--read", "/etc", code=1)
    assert c.err.startswith("nono: "), c.err


CASES = [help_and_usage, usage_errors, environment, dry_run, pass_through, prompt, signals, wrap, background,
         scrollback_and_colours, stop_and_prune, inside, logs, follow_killed, events, requests, request_inside]


def main():
    uids = [None, ORDINARY_UID] if os.geteuid() == 0 else [None]
    failed = passed = 0
    for uid in uids:
        for f in CASES:
            if sys.argv[1:] and f.__name__ not in sys.argv[1:]:
                continue
            c = Case(uid)
            try:
                f(c)
                passed += 1
            except (AssertionError, subprocess.TimeoutExpired, OSError, ValueError, KeyError, IndexError) as e:
                failed += 1
                where = traceback.extract_tb(e.__traceback__)
                line = [x.lineno for x in where if x.name == f.__name__][-1]
                print("FAILED %s (uid %s), line %d: %s: %s" % (f.__name__, uid, line, type(e).__name__, e), flush=True)
            finally:
                c.close()
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)


main()
