#!/usr/bin/env python3
"""Bits that flip in the store of the snapshots are found and named by the commands, and mended where they can be."""
import os

import nonolib


def packs(p):
    d = os.path.join(p.env["XDG_STATE_HOME"], "nono/snapshots/packs")
    return [os.path.join(d, n) for n in os.listdir(d)]


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        c = f.read(1)
        f.seek(at)
        f.write(bytes([c[0] ^ 4]))


def holding(p, data):
    """The pack and the place of some bytes that can't be compressed."""
    for path in packs(p):
        with open(path, "rb") as f:
            at = f.read().find(data)
        if at >= 0:
            return path, at
    raise AssertionError("no pack holds it")


def grow(p):
    """Three sets of files, each in a named snapshot; of the last one a session's too."""
    data = {}
    for n in "abc":
        data[n] = os.urandom(5 << 20)
        with open(os.path.join(p.work, n), "wb") as f:
            f.write(data[n])
        p.own(os.path.join(p.work, n))
        p.nono("snapshot", "create", "with-" + n)
    p.inside("echo x > new", "--rollback", "--no-rollback-prompt")
    return data, p.json("rollback", "list")[0]["session_id"]


def damaged(p):
    data, sid = grow(p)
    out = p.nono("snapshot", "verify")
    assert out == "PASS\n" and "5 snapshots, " in p.err, (out, p.err)
    sound = p.json("snapshot", "verify")
    assert sound["ok"] and sound["damage"] == [] and sound["bytes"] > 15 << 20, sound
    pack, at = holding(p, data["b"][3 << 20:][:1000])
    flip(pack, at + 500)
    out = p.nono("snapshot", "verify", code=1)
    lines = out.splitlines()
    # The place in the pack, then who has the file: two named ones, and a session twice.
    assert lines[0].startswith("the pack %s is damaged at byte " % os.path.basename(pack)), out
    assert lines[-1] == "FAIL" and len(lines) == 6, out
    where = "DAMAGED %s/b: its content is damaged" % p.work
    assert lines[1:-1] == [w + " " + where for w in ("with-b", "with-c", sid + " [000]", sid + " [001]")], out
    found = p.json("snapshot", "verify", code=1)
    assert not found["ok"] and [(d["session_id"], d["name"], d["number"]) for d in found["damage"]] == \
        [(None, None, None), (None, "with-b", None), (None, "with-c", None), (sid, None, 0), (sid, None, 1)], found
    out = p.nono("rollback", "verify", sid, code=1)
    assert "[000] " + where in out and "[001] " + where in out and out.endswith("FAIL\n"), out
    p.nono("snapshot", "restore", "with-a", "--path", "a")
    # The file is there still: what it holds is put in again.
    out = p.nono("snapshot", "verify", "--repair")
    assert out.count("(mended)") == 4 and out.endswith("PASS\n"), out
    assert p.nono("snapshot", "verify") == "PASS\n" and "PASS" in p.nono("rollback", "verify", sid)
    # It is not: that can't be mended, and is no reason to lose another one.
    pack, at = holding(p, data["c"][1 << 20:][:1000])
    flip(pack, at)
    pack, at = holding(p, data["a"][1 << 20:][:1000])
    flip(pack, at)
    p.write("c", "other")
    out = p.nono("snapshot", "verify", "--repair", code=1)
    lines = [w for w in out.splitlines() if "DAMAGED" in w]
    assert len(lines) == 8 and all(w.endswith("(mended)") == ("%s/a:" % p.work in w) for w in lines), out
    out = p.nono("snapshot", "verify", code=1)
    assert "/a:" not in out and "%s/c: its content is damaged" % p.work in out, out
    p.nono("snapshot", "restore", "with-c", "--path", "c", code=1)
    assert p.read("c") == "other", p.err
    p.nono("rollback", "restore", sid, "--path", "a")


def meter(p):
    """Progress on a terminal, taken away again; none in a file."""
    with open(os.path.join(p.work, "big"), "wb") as f:
        for i in range(1536):  # cheap to make, and takes long to hash
            f.seek(i << 20)
            f.write(b"%d" % i)
    t = nonolib.Pty(p, "snapshot", "create", "big", "--path", p.work)
    assert t.ended() == 0 and b"snapshot: " in t.data and b" MB/s)" in t.data and b"\r\x1b[K" in t.data, t.data
    t.close()
    p.nono("snapshot", "verify")
    assert "MB/s" not in p.err, p.err


nonolib.main([damaged, meter])
