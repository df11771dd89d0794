#!/usr/bin/env python3
"""The command line: usage, help, environment, run and wrap in a pipe. Runs as whoever starts it
and, started by root, as an ordinary user too."""
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess

from clienv import main

COMMANDS = """run shell wrap learn why tui attach ps inspect stop detach prune capture send wait requests
    approve deny request logs events audit completion help""".split()


# ---- usage -------------------------------------------------------------------------------------

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
        script = ('source /dev/stdin; COMP_WORDS=(nono ins); COMP_CWORD=1; _nono; '
                  'echo "${COMPREPLY[@]}"')
        p = subprocess.run(["bash", "-c", script], input=c.nono("completion", "bash").encode(),
                           stdout=subprocess.PIPE, timeout=20,
                           env=dict(c.env, PATH=os.path.dirname(os.environ["NONO"]) + ":" + c.env["PATH"]))
        assert p.stdout.split() == [b"inspect"], p.stdout


def completion(c):
    """What may follow comes from the tables: commands, options, values, files."""
    def words(*line):
        return [l.split("\t")[0] for l in c.nono("__complete", "--", *line).splitlines()]
    assert "inspect" in words("") and "__complete" not in words("")
    assert "--audit-level" in words("run", "-") and "--audit-level" not in words("wrap", "-")
    assert "--silent" in words("ps", "--")
    assert words("run", "--audit-level", "") == ["all", "changes", "decisions"]
    assert words("run", "--audit-level", "=", "") == ["all", "changes", "decisions"]
    assert words("run", "-a", "") == [":dirs"] and words("run", "--read-file", "") == [":files"]
    profiles = words("run", "-v", "--profile", "")
    assert "claude-code" in profiles and profiles[-1] == ":files", profiles
    assert words("run", "") == [":commands"] and words("run", "--", "") == [":commands"]
    assert words("run", "ls", "-") == [":program"] and words("run", "--", "ls", "") == [":program"]
    assert words("completion", "") == ["bash", "zsh", "fish"] and words("completion", "zsh", "") == []
    assert "verify" in words("audit", "") and "--json" in words("audit", "list", "--")
    assert words("frobnicate", "") == words("")  # no command yet
    assert words("ps", "") == [] and words() == words("")


def usage_errors(c):
    for args, word in (
            (["frobnicate"], "frobnicate"), (["sned"], "did you mean 'send'"), (["--json", "ps"],
                                                                                "--json"),
            (["run"], "program"), (["run", "--"], "program"), (["run", "--alow", "x"], "--allow"),
            (["run", "--allow"], "needs a value"), (["run", "--detached=1", "true"], "no value"),
            (["run", "--audit-level", "some", "true"], "decisions"),
            (["run", "--namespaces", "maybe", "true"], "auto"),
            (["run", "--size", "80", "true"], "120x40"),
            (["run", "--prefix", "nokey", "true"], "key"),
            (["run", "--block-net", "--allow-net", "true"], "--block-net"),
            (["run", "--net-block", "--net-allow", "true"], "--block-net"),
            # What belongs to the program is never ours, and what is not ours is refused.
            (["wrap", "--rollback", "true"], "--rollback"), (["wrap", "--allow-domain", "x", "true"],
                                                            "domain"),
            (["run", "--rollback", "--no-audit", "true"], "--no-audit"),
            (["run", "--rollback", "--no-rollback", "true"], "--no-rollback"),
            (["run", "--snapshot-interval", "5", "true"], "--rollback"),
            (["run", "--allow-domain", "a.*.com", "true"], "--allow-domain"),
            (["run", "--block-net", "--allow-domain", "a.com", "true"], "--block-net"),
            (["run", "--credential", "nosuch", "true"], "nosuch"),
            (["run", "--allow-endpoint", "openai:GET:/x", "true"], "--credential"),
            (["run", "--network-profile", "nosuch", "true"], "minimal"),
            (["run", "--open-port", "70000", "true"], "70000"),
            (["why", "--host", "2130706433", "--allow-domain", "a.com"], "2130706433"),
            (["run", "--name", "not/a/name", "true"], "--name not/a/name"),
            (["learn", "--name", "../x", "--", "touch", "made"], "--name ../x"),
            (["learn", "--name", "codex", "--", "touch", "made"], "built-in"),
            (["wrap", "--detached", "true"], "--detached"), (["wrap", "--name", "x", "true"],
                                                             "--name"),
            (["wrap", "--no-audit", "true"], "--no-audit"),
            (["wrap", "--capability-elevation", "true"], "--capability-elevation"),
            (["shell", "extra"], "extra"), (["ps", "extra"], "extra"), (["ps", "--jsno"], "--json"),
            (["inspect"], "session"), (["inspect", "a", "b"], "'b'"), (["stop"], "session"),
            (["stop", "x", "--timeout", "soon"], "--timeout"), (["capture"], "session"),
            (["capture", "x", "--scrollback", "-3"], "--scrollback"), (["send"], "session"),
            (["send", "x"], "text"), (["send", "x", "--keys", "Entre"], "Entre"),
            (["send", "x", "--keys", "--paste", "a"], "--paste"), (["wait"], "session"),
            (["wait", "x", "--until", "never"], "output=REGEX"),
            (["wait", "x", "--until", "output=("], "output=("), (["wait", "x", "--timeout", "0"],
                                                                 "--timeout"),
            (["approve"], "id"), (["deny"], "id"), (["approve", "x", "--scope", "never"], "always"),
            (["approve", ""], "id"), (["logs"], "session"), (["logs", "x", "--tail", "x"],
                                                             "--tail"),
            (["audit"], "list"), (["audit", "nothing"], "nothing"), (["completion"], "shell"),
            (["completion", "csh"], "csh"), (["help", "frobnicate"], "frobnicate"),
            (["prune", "--keep", "all"], "--keep"), (["events", "--all", "--follow"], "--follow"),
            (["tui", "--seconds", "3"], "--headless")):
        out = c.nono(*args, code=2)
        assert not out and c.err.startswith("nono: ") and word in c.err, (args, out, c.err)
    for args in (["inspect", "nothing"], ["stop", "nothing"], ["capture", "nothing"],
                 ["send", "nothing", "x"], ["wait", "nothing"], ["logs", "nothing"], ["detach",
                                                                                      "nothing"],
                 ["approve", "abcdef"], ["deny", "abcdef"], ["attach", "nothing"], ["tui"],
                 ["attach"],
                 ["run", "-s", "--", "no-such-program"], ["run", "-s", "--", "/etc/passwd"],
                 ["wrap", "-s", "--", "no-such-program"],
                 ["run", "-s", "--profile", "no-such-profile", "true"]):
        out = c.nono(*args, code=1)
        assert not out and c.err.startswith("nono: "), (args, out, c.err)
    with open("/dev/full", "wb") as full:
        p = subprocess.run([c.path, "--help"], stdout=full, stderr=subprocess.PIPE, env=c.env,
                           timeout=20)
    assert p.returncode == 1 and b"standard output" in p.stderr, p
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
    for env, word in (({"NONO_BLOCK_NET": "1"}, "network: blocked"), ({"NONO_NET_BLOCK": "yes"},
                                                                      "network: blocked"),
                      ({"NONO_BLOCK_NET": "no"}, "network: open"),
                      ({"NONO_ALLOW": "%s,/usr/share" % c.work}, "rw  " + c.work),
                      ({"NONO_CAPABILITY_ELEVATION": "1"}, "requests: on"),
                      ({"NONO_PROFILE": "claude-code"}, "requests: on")):
        c.nono("run", "--dry-run", "true", env=env)
        assert word in c.err, (env, c.err)
    c.nono("run", "--dry-run", "--allow", "/usr/share", "true", env={"NONO_ALLOW": c.work})
    assert "/usr/share" in c.err and c.work not in c.err, c.err


# ---- run ---------------------------------------------------------------------------------------

def dry_run(c):
    for name in ("run", "wrap"):
        assert c.nono(name, "--dry-run", "--allow", ".", "--read", "/nonexistent", "--", "sh",
                      "-c", "x") == ""
        assert c.err.startswith("Capabilities:"), c.err
        assert "rw  %s (dir)" % c.work in c.err, c.err
        assert "dry-run sandbox would be applied with above capabilities\n$ sh -c x\n" in c.err, \
            c.err
        assert "some requested sandbox grants were skipped because the path does not exist" \
            in c.err, c.err
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
    code, out, _ = c.raw("run", "--allow", ".", "-s", "--", "sh", "-c",
                         "echo made > file; cat file")
    assert (code, out) == (0, b"made\n"), (code, out)
    code, out, _ = c.raw("run", "-s", "--", "sh", "-c", "echo made > file2")
    assert code != 0 and not os.path.exists(os.path.join(c.work, "file2"))
    code, out, _ = c.raw("run", "-s", "--workdir", "/usr/share", "--", "sh", "-c", "pwd")
    assert (code, out) == (0, b"/usr/share\n"), (code, out)
    code, out, _ = c.raw("shell", "-s", "--shell", "/bin/sh", stdin=None,
                         input=b"echo shell; exit 4\n")
    assert (code, out) == (4, b"shell\n"), (code, out)
    code, out, _ = c.raw("run", "-s", "--allow-cwd", "-p", "claude-code", "--", "sh", "-c",
                         "echo x > rw; cat rw")
    assert (code, out) == (0, b"x\n"), (code, out)
    code, out, err = c.raw("run", "-p", "claude-code", "--", "true")
    assert code == 1 and b"CWD access requires --allow-cwd" in err, (code, err)


def prompt(c):
    """Sharing the working directory, asked on a terminal; what follows the answer is the
    program's."""
    for answer, works in ((b"y\nrest\n", True), (b"n\nrest\n", False), (b"\nrest\n", False)):
        outer, inner = pty.openpty()
        os.chown(os.ttyname(inner), c.uid if c.uid is not None else -1, -1)
        p = subprocess.Popen([c.path, "run", "--no-capability-elevation", "-p", "claude-code",
                              "--", "sh", "-c",
                              "read x; echo got $x; echo y > shared && echo written; exit 0"],
                             env=c.env, cwd=c.work, stdin=inner, stderr=inner,
                             stdout=subprocess.PIPE,
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
        assert p.returncode == 0 and out == b"got rest\n" + (b"written\n" if works else b""), \
        (answer, out)


def signals(c):
    script = ("trap 'echo usr1' USR1; trap 'echo term; exit 9' TERM; echo ready; "
              "while :; do sleep 0.05; done")
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
    code, out, _ = c.raw("wrap", "-s", "--", "sh", "-c",
                         "cat %s/.ssh/x 2>&1; echo x > forbidden" % c.env["HOME"])
    assert code != 0 and not os.path.exists(os.path.join(c.work, "forbidden"))
    assert json.loads(c.nono("ps", "--all", "--json")) == [], "wrap leaves no record"


main([help_and_usage, completion, usage_errors, environment, dry_run, pass_through, prompt, signals, wrap])
