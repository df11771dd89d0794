#!/usr/bin/env python3
"""Secrets: nono credential add, list, test, remove; every source; what must never be shown."""
import hashlib
import json
import os
import pty
import select
import shutil
import socket
import subprocess
import time

from clienv import main

SECRET = "s3cret-Value/with+signs"
SHORT = hashlib.sha256(SECRET.encode()).hexdigest()[:8]


def user_file(c, path, text, mode=0o600):
    full = os.path.join(c.base, path)

    def make():
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w") as f:
            f.write(text)
        os.chmod(full, mode)
    c.as_user(make)
    return full


def feed(c, *args, text, code=0, env=None):
    p = subprocess.run([c.path, *args], env=dict(c.env, **(env or {})), cwd=c.work, input=text.encode(),
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, preexec_fn=c.become)
    assert p.returncode == code, (args, p.returncode, p.stdout, p.stderr)
    c.err = p.stderr.decode()
    assert SECRET not in p.stdout.decode() + c.err
    return p.stdout.decode()


def files(c):
    path = os.path.join(c.base, "home", "key")
    ref = "file://" + path
    feed(c, "credential", "add", ref, text=SECRET + "\n")
    assert os.stat(path).st_mode & 0o777 == 0o600
    with open(path) as f:
        assert f.read() == SECRET
    assert c.nono("credential", "test", ref) == "%s: %d bytes, SHA-256 begins with %s\n" % (ref, len(SECRET), SHORT)
    assert json.loads(c.nono("credential", "test", ref, "--json")) == {
        "reference": ref, "bytes": len(SECRET), "sha256_prefix": SHORT}
    feed(c, "credential", "add", ref, text="other", code=1)
    assert "there already" in c.err, c.err
    feed(c, "credential", "add", "-f", ref, text="other")
    with open(path) as f:
        assert f.read() == "other"
    for mode in (0o620, 0o602):
        os.chmod(path, mode)
        c.nono("credential", "test", ref, code=1)
        assert "chmod 600" in c.err, c.err
    os.chmod(path, 0o644)
    if c.uid is not None:  # root's files may be read by all: that is how containers get theirs
        c.nono("credential", "test", ref, code=1)
        assert "chmod 600" in c.err, c.err
    os.chmod(path, 0o600)
    if c.uid is None:
        os.chown(path, 54324, 54324)
        c.nono("credential", "test", ref, code=1)
        assert "another user" in c.err, c.err
        os.chown(path, 0, 0)
    c.nono("credential", "remove", ref)
    assert not os.path.exists(path)
    c.nono("credential", "remove", ref, code=1)
    for text, word in (("", "no secret"), ("\n", "no secret"), ("a\0b", "NUL"), ("x" * 65537, "at most")):
        feed(c, "credential", "add", ref, text=text, code=1)
        assert word in c.err, c.err
        assert not os.path.exists(path)
    for ref, code, word in (("env://X", 2, "only reads"), ("op://a/b/c", 2, "only reads"), ("a b", 2, "account"),
                            ("file://x", 2, "absolute"), ("keyring://x", 2, "keyring://SERVICE/ACCOUNT"),
                            ("surprise://x", 1, "not supported"), ("vault://x", 2, "#FIELD"),
                            ("bw://-x", 2, "bw://ID"), ("kernel://a\nb", 2, "control")):
        feed(c, "credential", "add", ref, text=SECRET, code=code)
        assert word in c.err, (ref, c.err)


def managers(c):
    """op, bw and vault: what they are called with; nothing else runs, and no shell."""
    bin_dir = os.path.join(c.base, "outside", "bin")
    for name in ("op", "bw", "vault"):
        user_file(c, "outside/bin/" + name, "#!/bin/sh\n[ \"%s $*\" = \"$WANT\" ] || exit 3\necho '%s'\n" % (name, SECRET), 0o755)
    env = {"PATH": bin_dir + ":" + c.env["PATH"]}
    for ref, want in (("op://Private/API key/credential", "op read --no-newline op://Private/API key/credential"),
                      ("bw://0a1b", "bw get password 0a1b"), ("bw://0a1b/totp", "bw get totp 0a1b"),
                      ("vault://secret/ai#key", "vault kv get -field=key secret/ai")):
        out = c.nono("credential", "test", ref, env=dict(env, WANT=want))
        assert SHORT in out, (ref, out)
        c.nono("credential", "test", ref, env=dict(env, WANT="x"), code=1)
        assert "ended with code 3" in c.err and "signed in" in c.err, c.err
        c.nono("credential", "test", ref, code=1)
        assert "not installed" in c.err, c.err
    # As variables of a session.
    out = c.nono("run", "-s", "--env-credential-map", "op://a/b", "KEY", "--", "sh", "-c", "echo $KEY",
                 env=dict(env, WANT="op read --no-newline op://a/b"))
    assert out == SECRET + "\n", out
    # What prints too much, or nothing.
    user_file(c, "outside/bin/op", "#!/bin/sh\nexec head -c 70000 /dev/zero\n", 0o755)
    c.nono("credential", "test", "op://a/b", env=env, code=1)
    assert "larger than" in c.err, c.err
    user_file(c, "outside/bin/op", "#!/bin/sh\nexit 0\n", 0o755)
    c.nono("credential", "test", "op://a/b", env=env, code=1)
    assert "empty" in c.err, c.err


def routes(c):
    out = c.nono("credential", "test", "anthropic", env={"ANTHROPIC_API_KEY": SECRET})
    assert out.startswith("env://ANTHROPIC_API_KEY: ") and SHORT in out, out
    listed = json.loads(c.nono("credential", "list", "--json", env={"GITHUB_TOKEN": SECRET}))
    states = {r["reference"]: (r["routes"], r["state"]) for r in listed}
    assert states["env://GITHUB_TOKEN"] == (["github"], "set"), states
    assert states["env://GITLAB_TOKEN"] == (["gitlab"], "missing"), states
    assert states["openai"][0] == ["openai"], states
    text = c.nono("credential", "list", env={"GITHUB_TOKEN": SECRET})
    assert SECRET not in text and "env://GITHUB_TOKEN" in text


def prompt(c):
    """On a terminal it is asked for, and not shown."""
    path = os.path.join(c.base, "home", "asked")
    for keys, code, want in ((b"tipo\x7f\x7f\x7f\x7f" + SECRET.encode() + b"\r", 0, SECRET), (b"abc\x03", 1, None)):
        pid, fd = pty.fork()
        if pid == 0:
            c.become()
            os.environ.clear()
            os.environ.update(c.env)
            os.execv(c.path, [c.path, "credential", "add", "file://" + path])
        seen = b""
        end = time.monotonic() + 20
        while b"not shown): " not in seen and time.monotonic() < end:
            if select.select([fd], [], [], 1)[0]:
                seen += os.read(fd, 4096)
        time.sleep(0.2)
        os.write(fd, keys)
        try:
            while True:
                more = os.read(fd, 4096)
                if not more:
                    break
                seen += more
        except OSError:
            pass
        _, status = os.waitpid(pid, 0)
        os.close(fd)
        assert os.waitstatus_to_exitcode(status) == code, (status, seen)
        assert SECRET.encode() not in seen and b"abc" not in seen, seen
        if want:
            with open(path) as f:
                assert f.read() == want
            os.unlink(path)
        assert not os.path.exists(path)


def silent_bus(c):
    """A bus that does not answer holds nothing up for ever; none at all says so."""
    path = os.path.join(c.base, "run", "bus")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        os.chmod(path, 0o777)
        os.chmod(os.path.dirname(path), 0o755)
        s.listen()
        start = time.monotonic()
        c.nono("credential", "test", "some_account", code=1,
               env={"DBUS_SESSION_BUS_ADDRESS": "unix:path=" + path, "NONO_KEYRING_TIMEOUT_SECS": "1"})
        assert "did not answer within 1 s" in c.err and time.monotonic() - start < 20, c.err
        os.chmod(os.path.dirname(path), 0o700)
    os.unlink(path)
    c.nono("run", "-s", "--env-credential", "some_account", "--", "true", code=1,
           env={"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"})
    assert "no keyring here" in c.err and "file://" in c.err, c.err


KEYRING = r"""
printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1 || exit 77
set -e
printf '%s' "$SECRET" | "$NONO" credential add my_key
printf '%s' "$SECRET" | "$NONO" credential add keyring://svc/me@x
printf other | "$NONO" credential add my_key && exit 9
"$NONO" credential test my_key
"$NONO" credential list --json
"$NONO" run -s --env-credential my_key,keyring://svc/me@x=OTHER -- sh -c 'echo "$MY_KEY $OTHER"'
printf other | "$NONO" credential add --force my_key
"$NONO" credential test my_key --json
"$NONO" credential remove my_key
"$NONO" credential test my_key && exit 9
"$NONO" credential remove my_key && exit 9
exit 0
"""


def keyring(c):
    """Against a real Secret Service, where there is one to be started."""
    if not (shutil.which("dbus-run-session") and shutil.which("gnome-keyring-daemon")):
        print("no Secret Service to try with: skipped")
        return
    p = subprocess.run(["dbus-run-session", "--", "sh", "-c", KEYRING], cwd=c.work, timeout=120,
                       env=dict(c.env, NONO=c.path, SECRET=SECRET, XDG_DATA_HOME=c.env["HOME"] + "/data"),
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=c.become)
    out, err = p.stdout.decode(), p.stderr.decode()
    if p.returncode == 77 or "no keyring here" in err:
        print("the Secret Service does not start: skipped")
        return
    assert p.returncode == 0, (p.returncode, out, err)
    assert "my_key: %d bytes, SHA-256 begins with %s\n" % (len(SECRET), SHORT) in out, out
    assert "%s %s\n" % (SECRET, SECRET) in out, out
    assert hashlib.sha256(b"other").hexdigest()[:8] in out and '"state": "set"' in out, out
    assert "there already" in err and err.count("no such entry") == 2, err
    assert SECRET not in out.replace("%s %s\n" % (SECRET, SECRET), "") + err


def inside(c):
    """Not by the agent."""
    for args in (["add", "x"], ["test", "anthropic"], ["remove", "x"]):
        code, out, err = c.raw("run", "-s", "--read-file", c.path, "--", c.path, "credential", *args)
        assert code == 1 and b"sandbox" in err, (args, code, out, err)


main([files, managers, routes, prompt, silent_bus, keyring, inside])
