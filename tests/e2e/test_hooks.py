#!/usr/bin/env python3
"""Scripts around a session: outside of the sandbox, before and after; nobody inside may touch them."""
import json
import os
import re
import signal
import time

import nonolib
from nonolib import until


def setup(p, before=None, after=None, timeouts={}):
    """A profile "hooked"; the scripts write what they see below the home."""
    folder = os.path.join(p.home, ".config", "nono", "profiles")
    hooks = os.path.join(p.home, "hooks")
    for d in (os.path.join(p.home, ".config"), os.path.join(p.home, ".config", "nono"), folder, hooks):
        if not os.path.isdir(d):
            os.mkdir(d, 0o700)
            p.own(d)
    rows = {}
    for kind, text in (("before", before), ("after", after)):
        if text is None:
            continue
        path = p.write(os.path.join(hooks, kind), "#!/bin/sh\n" + text)
        os.chmod(path, 0o700)
        rows[kind] = {"script": path, **({"timeout_secs": timeouts[kind]} if kind in timeouts else {})}
    p.write(os.path.join(folder, "hooked.json"),
            json.dumps({"meta": {"name": "hooked"}, "session_hooks": rows}))
    return hooks


SEEN = 'echo "$NONO_HOOK_TYPE $NONO_SESSION_ID $NONO_WORKDIR $(pwd) ${NONO_EXIT_CODE-none}" >> %s/seen\n'


def around(p):
    """In order, with their variables; the program gets what the first one wrote."""
    seen = SEEN % p.home
    setup(p, seen + "echo loud; echo A=one two > $NONO_ENV_FILE; echo '# x' >> $NONO_ENV_FILE; "
          "cat %s > %s/key-seen\n" % (p.key, p.home), seen)
    out = p.inside('echo "$A"; cat %s/key-seen; exit 3' % p.home, "--profile", "hooked", code=3)
    assert out == "one two\n", out
    assert "loud" in p.err
    lines = p.read(os.path.join(p.home, "seen")).split("\n")
    sid = p.json("ps", "--all")[0]["session_id"]
    assert lines == ["before %s %s %s none" % (sid, p.work, p.work),
                     "after %s %s %s 3" % (sid, p.work, p.work), ""], lines
    assert nonolib.SECRET in p.read(os.path.join(p.home, "key-seen")), "it runs outside"
    assert not [f for f in os.listdir(os.path.join(p.base, "run", "nono")) if f.startswith("hook-")]


def background(p):
    """After a session without a client too, and when the supervisor is killed."""
    setup(p, None, SEEN % p.home)
    r = p.start("one", "sleep 0.3; exit 4", "--profile", "hooked")
    until("the script", lambda: os.path.exists(os.path.join(p.home, "seen")))
    assert p.read(os.path.join(p.home, "seen")).endswith(" 4\n")
    r = p.start("two", "sleep 1000", "--profile", "hooked")
    os.kill(r["supervisor_pid"], signal.SIGKILL)
    until("the script", lambda: p.read(os.path.join(p.home, "seen")).count("\n") == 2)
    assert p.read(os.path.join(p.home, "seen")).endswith(" -1\n")
    p.nono("ps", "--all")
    until("the end", lambda: not p.processes())


def failures(p):
    """The first one decides: without its consent nothing starts."""
    for before, words in (("exit 7", ["exit code 7"]), ("kill -9 $$", ["signal 9"]),
                          ("echo PATH=/x > $NONO_ENV_FILE", ["PATH"]),
                          ("echo nonsense > $NONO_ENV_FILE", ["nonsense", "NAME=value"])):
        setup(p, before + "\n")
        out = p.inside("echo started", "--profile", "hooked", code=1)
        assert out == "" and all(w in p.err for w in words), (before, p.err)
        assert "session_hooks.before" in p.err
    setup(p, "sleep 1000 & sleep 1000\n", timeouts={"before": 1})
    begin = time.monotonic()
    p.inside("echo started", "--profile", "hooked", code=1)
    assert "within 1 s" in p.err and time.monotonic() - begin < 20, p.err
    setup(p, None, "exit 9\n")
    p.inside("exit 0", "--profile", "hooked")
    assert "session_hooks.after" in p.err and "exit code 9" in p.err, p.err
    p.nono("wrap", "--profile", "hooked", "--", "true", code=1)
    assert "nono run" in p.err


def whose(p):
    """Only the user's own scripts, out of the program's reach."""
    hooks = setup(p, "true\n", "true\n")
    script = os.path.join(hooks, "before")
    os.chmod(script, 0o722)
    p.inside("echo started", "--profile", "hooked", code=1)
    assert "chmod go-w" in p.err, p.err
    os.chmod(script, 0o600)
    p.inside("echo started", "--profile", "hooked", code=1)
    assert "not an executable file" in p.err, p.err
    os.chmod(script, 0o700)
    p.inside("true", "--profile", "hooked")
    p.inside("echo started", "--profile", "hooked", "--allow", hooks, code=1)
    assert "can be changed by the program" in p.err, p.err
    # Another's.
    if os.geteuid() == 0:
        os.chown(script, 12345, 12345)
        p.inside("echo started", "--profile", "hooked", code=1)
        assert re.search("belongs to another user|Permission denied|not an executable", p.err), p.err
        p.own(script) if p.uid is not None else os.chown(script, 0, 0)
    os.unlink(script)
    p.inside("echo started", "--profile", "hooked", code=1)
    assert "No such file" in p.err, p.err


def changed(p):
    """A script that changed while the session ran is not run."""
    hooks = setup(p, None, SEEN % p.home)
    p.start("one", "while ! [ -e go ]; do sleep 0.05; done", "--profile", "hooked")
    p.write(os.path.join(hooks, "after"), "#!/bin/sh\necho evil > %s/evil\n" % p.home)
    p.write("go", "")
    p.nono("wait", "one", "--until", "exited", "--timeout", "20")
    until("the end", lambda: not p.processes())
    assert not os.path.exists(os.path.join(p.home, "evil"))
    assert not os.path.exists(os.path.join(p.home, "seen"))


nonolib.main([around, background, failures, whose, changed])
