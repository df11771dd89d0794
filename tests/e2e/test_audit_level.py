#!/usr/bin/env python3
"""What is recorded at each level, and that less recording never means less holding."""
import os

import nonolib
from nonolib import SECRET

WORK = "cat /etc/hostname file > /dev/null; echo x > new; mkdir dir; mv new dir/; cat ~/.ssh/id_rsa; " \
       "echo x >> ~/.ssh/id_rsa; true"


def recorded(p, *flags, refused=("read", "write")):
    """refused: the refusals that must be in the log. Below "all" and without requests the kernel
    alone refuses reads, and nobody hears of it."""
    p.write("file", "x\n")
    for d in ("dir/new", "dir"):
        path = os.path.join(p.work, d)
        if os.path.isdir(path):
            os.rmdir(path)
        elif os.path.exists(path):
            os.unlink(path)
    out = p.inside(WORK, *flags)
    assert p.read(p.key) == SECRET + "\n"
    assert SECRET not in out and os.path.exists(p.work + "/dir/new"), out
    sid = p.json("ps", "--all")[0]["session_id"]
    p.nono("audit", "verify", sid)
    rows = p.events(sid)
    assert rows[0]["type"] == "session_started" and rows[-1]["type"] == "session_ended"
    denied = [(r["target"], r["op"]) for r in rows if r.get("decision") == "denied"]
    assert denied == [(p.key, op) for op in refused], denied
    return rows


def has(rows, kind, target, op=None):
    return any(r["type"] == kind and r.get("target", "").endswith(target) and (op is None or r["op"] == op)
               for r in rows)


def all_of_it(p):
    for flags in ((), ("--audit-level", "all"), ("--audit-level", "all", "--namespaces", "off")):
        rows = recorded(p, *flags)
        assert has(rows, "open", "/etc/hostname", "read") and has(rows, "open", "/work/file"), rows
        assert has(rows, "change", "/work/dir", "mkdir"), rows
        assert any(r["type"] == "exec" and r["target"].endswith("/cat") for r in rows), rows
        assert any(r["type"] == "change" and r["op"].startswith("rename") for r in rows), rows


def changes(p):
    for more in ((), ("--namespaces", "off")):
        rows = recorded(p, "--audit-level", "changes", *more, refused=("write",))
        assert not has(rows, "open", "/etc/hostname") and not has(rows, "open", "/work/file"), rows
        assert has(rows, "change", "/work/dir", "mkdir") and has(rows, "open", "/work/new"), rows


def decisions(p):
    rows = recorded(p, "--audit-level", "decisions", refused=("write",))
    assert not has(rows, "open", "/etc/hostname") and not has(rows, "change", "/work/dir"), rows
    assert not any(r["type"] == "exec" and r.get("decision") == "allowed" for r in rows), rows


def with_elevation(p):
    """Requests work at every level."""
    for level in ("all", "changes", "decisions"):
        p.start("l-" + level, "cat ~/.ssh/id_rsa; echo end; sleep 1000", "--capability-elevation",
                "--audit-level", level)
        p.nono("approve", p.request("l-" + level)["id"])
        assert SECRET in p.shows("l-" + level, "^end")
        got = [e["entry"]["decision"] for e in p.events("l-" + level, "capability_decision")]
        assert got == ["Granted"], got
        p.nono("stop", "--force", "l-" + level)


def none(p):
    out = p.inside(WORK, "--no-audit")
    assert SECRET not in out
    sid = p.json("ps", "--all")[0]["session_id"]
    p.nono("audit", "verify", sid, code=1)
    assert not os.path.exists(os.path.join(p.base, "state/nono/audit", sid))


def secrets(p):
    """Secret-looking arguments are not in the record."""
    p.nono("run", "--silent", "--", "/bin/sh", "-c", "true", "--token", "hunter2hunter2", "API_KEY=hunter3hunter3")
    for d, _, files in os.walk(os.path.join(p.base, "state")):
        for f in files:
            with open(os.path.join(d, f), errors="replace") as i:
                text = i.read()
            assert "hunter2hunter2" not in text, f


def chain(p):
    """A changed, cut or reordered log does not verify."""
    p.inside(WORK)
    sid = p.json("ps", "--all")[0]["session_id"]
    path = os.path.join(p.base, "state/nono/audit", sid, "audit-events.ndjson")
    with open(path) as f:
        good = f.read()
    lines = good.splitlines(True)
    bad = [good.replace("id_rsa", "id_rsb"), "".join(lines[:-1]), "".join(lines[1:]),
           "".join([lines[1], lines[0], *lines[2:]]), good + lines[-1], good[:-20]]
    for text in bad:
        with open(path, "w") as f:
            f.write(text)
        p.nono("audit", "verify", sid, code=1)
        p.nono("audit", "verify", sid, "--json", code=1)
    with open(path, "w") as f:
        f.write(good)
    p.nono("audit", "verify", sid)


nonolib.main([all_of_it, changes, decisions, with_elevation, none, secrets, chain])
