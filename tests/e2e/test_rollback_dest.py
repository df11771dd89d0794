#!/usr/bin/env python3
"""Snapshots in a place of their own: every command finds them, no program reaches them."""
import json
import os
import re
import shutil
import time

import nonolib
from nonolib import until


def state(p, *more):
    return os.path.join(p.env["XDG_STATE_HOME"], "nono", *more)


def stores(p):
    try:
        with open(state(p, "snapshot-stores")) as f:
            return [line.split(" ", 1)[1].rstrip("\n") for line in f]
    except FileNotFoundError:
        return []


def listing(top):
    """Everything below, with content and times of change."""
    out = {}
    for d, dirs, files in os.walk(top):
        for n in dirs + files:
            path = os.path.join(d, n)
            st = os.lstat(path)
            with open(path, "rb") if os.path.isfile(path) else open(os.devnull, "rb") as f:
                out[os.path.relpath(path, top)] = (st.st_mode, st.st_ctime_ns, f.read())
    return out


def newest(p):
    return p.json("rollback", "list", "--all")[0]["session_id"]


def commands(p, dest, flags=()):
    p.write("a.txt", "one\n")
    p.inside("echo two >> a.txt; echo n > new", "--rollback", "--rollback-dest", dest, *flags)
    row = p.json("rollback", "list")[0]
    sid = row["session_id"]
    assert row["store"] == dest and row["snapshot_count"] == 2 and row["disk_size"] > 500 and not row["is_missing"], row
    assert stores(p) == [dest] and os.stat(dest).st_mode & 0o777 == 0o700
    # Nothing of it is with nono's other files, and what is in the place is not part of the snapshots.
    assert sorted(os.listdir(state(p, "rollbacks", sid))) == ["session.json"]
    assert not os.path.exists(state(p, "snapshots")) or not os.listdir(state(p, "snapshots/packs"))
    shown = p.json("rollback", "show", sid)
    kinds = {os.path.relpath(c["path"], p.work): c["type"] for c in shown["snapshots"][1]["changes"]}
    assert kinds == {"a.txt": "~", "new": "+"} and shown["snapshots"][1]["file_count"] == 2, shown
    assert "+two" in p.nono("rollback", "show", sid, "--diff")
    assert "PASS" in p.nono("rollback", "verify", sid)
    p.nono("rollback", "restore", sid)
    assert p.read("a.txt") == "one\n" and not os.path.exists(os.path.join(p.work, "new"))
    p.nono("rollback", "restore", sid, "--snapshot", "2")
    assert p.read("a.txt") == "one\ntwo\n"
    assert len(p.json("inspect", sid, "--changes")["changes"]) == 2
    assert len(p.json("audit", "show", sid)["snapshots"]) == 4
    p.nono("audit", "verify", sid)
    # A flipped bit there is found.
    packs = os.path.join(dest, "snapshots/packs")
    pack = os.path.join(packs, sorted(os.listdir(packs))[0])
    with open(pack, "rb") as f:
        whole = f.read()
    with open(pack, "wb") as f:
        f.write(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    p.nono("rollback", "verify", sid, code=1)
    assert not p.json("snapshot", "verify", code=1)["ok"]
    with open(pack, "wb") as f:
        f.write(whole)
    p.nono("rollback", "verify", sid)
    assert p.json("snapshot", "verify")["snapshots"] == 4
    # A named one goes to the others of its kind.
    p.nono("snapshot", "create", "mine", "--session", sid)
    assert [s["name"] for s in p.json("snapshot", "list")] == ["mine"]
    assert "removed " + sid in p.nono("rollback", "cleanup", "--all")
    assert os.listdir(packs) == [] and os.listdir(os.path.join(dest, "rollbacks")) == []
    assert p.json("rollback", "list", "--all") == [] and not os.path.exists(state(p, "rollbacks", sid))


def within(p, flags):
    commands(p, os.path.join(p.work, "deep", "snaps"), flags)


def outside(p):
    commands(p, os.path.join(p.outside, "elsewhere", "snaps"))


def refused(p):
    p.write("file", "x")
    p.mkdir("full")
    p.write("full/x", "x")
    os.chmod(os.path.join(p.work, "full"), 0o755)
    os.symlink("full", os.path.join(p.work, "link"))
    p.own(os.path.join(p.work, "link"))
    run = ("run", "-s", "--allow", p.work)

    def fails(dest, word, code=1, flags=("--rollback",)):
        p.nono(*run, *flags, "--rollback-dest", dest, "--", "true", code=code)
        assert word in p.err, (dest, p.err)

    fails("snaps", "needs --rollback", 2, ())
    fails("snaps", "needs --rollback", 2, ("--no-rollback",))
    for flags in (("--rollback",), ("--rollback", "--dry-run")):
        fails(os.path.join(p.work, "file"), "not a directory", flags=flags)
        fails(os.path.join(p.work, "file/below"), "--rollback-dest", flags=flags)
        fails(os.path.join(p.work, "full"), "other files", flags=flags)
        fails(os.path.join(p.work, "link"), "link", flags=flags)
        fails(p.work, "other files", flags=flags)
        fails(state(p, "x"), "own files", flags=flags)
        fails("/", "own files", flags=flags)
        fails("", "a path is needed", 2, flags=flags)
    assert os.stat(os.path.join(p.work, "full")).st_mode & 0o777 == 0o755
    # The place is no program's: not one that is granted. Nothing is left of it then.
    snaps = os.path.join(p.work, "snaps")
    p.mkdir("snaps")
    p.nono(*run, "--read", snaps, "--rollback", "--rollback-dest", snaps, "--", "true", code=1)
    assert "overlaps the snapshots" in p.err and os.listdir(snaps) == [] and stores(p) == [], p.err
    os.rmdir(snaps)
    p.nono(*run, "--rollback", "--rollback-dest", snaps, "--", "/no/such/program", code=1)
    assert not os.path.exists(snaps) and stores(p) == []
    p.nono(*run, "--dry-run", "--rollback", "--rollback-dest", snaps, "--", "true")
    assert not os.path.exists(snaps) and stores(p) == []
    # What a program made to look like a place is none.
    p.mkdir("snaps")
    os.chmod(snaps, 0o700)
    p.write("snaps/nono-store", "0" * 32 + "\n")
    fails(snaps, "nobody here knows")


ATTACK = """
cd {work}
ls {d}; cat {d}/nono-store; cat {d}/snapshots/packs/*; cp -r {d} stolen
echo x > {d}/x; echo x > {d}/nono-store; rm -rf {d}; rmdir {d}; mv {d} moved; mv {up} moved; ln {d}/nono-store linked
chmod 777 {d}; touch {d}; mkdir -p {d}/y; ln -s /tmp {d}/z; mount -t tmpfs none {d}; mount --bind . {d}
unshare -rm mount -t tmpfs none {d}
python3 -c 'import os
for f in (lambda: os.open("{d}", os.O_RDONLY), lambda: os.open("{d}/nono-store", os.O_RDWR),
          lambda: os.rename("{d}", "m2"), lambda: os.rename("mine", "{d}"), lambda: os.truncate("{d}/nono-store", 0),
          lambda: os.open(os.getcwd() + "/{d}/../{name}/nono-store", os.O_RDONLY),
          lambda: os.listdir("/proc/self/cwd/{d}")):
    try:
        r = f()
        if r:
            print("GOT IT", r)
    except OSError:
        pass'
true
"""


def attacks(p, flags):
    """A session of its own place; one that came later and has none; each tries all it can."""
    p.mkdir("up")
    p.mkdir("mine")
    dest = os.path.join(p.work, "up", "snaps")
    script = ATTACK.format(work=p.work, d="up/snaps", up="up", name="snaps")
    with open(os.path.join(p.work, "a"), "w") as f:
        f.write("before\n")
    p.own(os.path.join(p.work, "a"))
    out = p.inside("echo after > a;" + script, "--rollback", "--rollback-dest", dest, *flags)
    assert "GOT IT" not in out, out
    sid = newest(p)
    assert "PASS" in p.nono("rollback", "verify", sid)
    before = listing(dest)
    packs = [n for n in before if n.endswith(".pack")]
    assert packs and "nono-store" in before and "x" not in before, before
    for more in (("--rollback", "--no-rollback-prompt"), ()):
        out = p.inside(script, *flags, *more)
        assert "GOT IT" not in out and before["nono-store"][2].decode().strip() not in out, out
        assert listing(dest) == before, more
    # Without a supervisor as well.
    p.run([nonolib.NONO, "wrap", "-s", "--allow", p.work, *flags, "--", "/bin/sh", "-c", script])
    assert listing(dest) == before
    for name in ("stolen/nono-store", "linked", "moved", "m2"):
        assert not os.path.exists(os.path.join(p.work, name)), name
    p.nono("rollback", "restore", sid)
    assert p.read("a") == "before\n"


def replaced(p):
    """What has taken the place of it is not used: a link, another folder, one that is open to others."""
    dest, away = os.path.join(p.work, "snaps"), os.path.join(p.outside, "away")
    p.write("a", "1\n")
    p.inside("echo 2 > a", "--rollback", "--rollback-dest", dest)
    sid = newest(p)
    os.rename(dest, away)
    os.symlink(away, dest)
    p.own(dest)
    p.nono("rollback", "show", sid, code=1)
    assert dest in p.err and "link" in p.err, p.err
    os.unlink(dest)
    p.mkdir("snaps")
    os.chmod(dest, 0o700)
    p.nono("rollback", "restore", sid, code=1)
    assert dest + " are not there" in p.err, p.err
    p.nono("run", "-s", "--allow", p.work, "--rollback", "--rollback-dest", dest, "--", "true", code=1)
    assert "mounted" in p.err, p.err
    p.write("snaps/nono-store", "0" * 32 + "\n")
    p.nono("rollback", "restore", sid, code=1)
    assert "other snapshots" in p.err, p.err
    shutil.rmtree(dest)
    os.rename(away, dest)
    os.chmod(dest, 0o755)
    p.nono("rollback", "verify", sid)
    assert "open to other users" in p.err and os.stat(dest).st_mode & 0o777 == 0o700, p.err
    # A list that can't be read closes nothing: no session.
    with open(state(p, "snapshot-stores"), "a") as f:
        f.write("damaged")
    p.nono("run", "-s", "--allow", p.work, "--", "true", code=1)
    assert "damaged" in p.err, p.err


def no_room(p):
    """A place on a full file system can be had when there is room again."""
    if p.uid is not None or os.geteuid() != 0:
        raise nonolib.Skip("mounts")
    disk = p.mkdir("disk")
    run = "%s run -s --allow . --rollback --rollback-dest %s/snaps -- true" % (p.bin, disk)
    script = """mount -t tmpfs -o size=64k none {d} && {{ dd if=/dev/zero of={d}/fill bs=4k; {run} && exit 9
ls {d}; rm {d}/fill; mount -o remount,size=16m {d}; {run}; }}""".format(d=disk, run=run)
    r = p.run(["unshare", "-m", "sh", "-c", script])
    assert r.returncode == 0 and "can't write" in r.stderr and r.stdout == "fill\n", r


def read_only(p):
    """What is in a place that can't be written now can be read, and keeps nothing else from being removed."""
    if p.uid is not None or os.geteuid() != 0:
        raise nonolib.Skip("mounts")
    disk = p.mkdir("disk")
    run = "%s run -s --allow . --rollback" % p.bin
    script = """set -e; mount -t tmpfs -o size=16m none {d}
{run} -- sh -c 'echo 1 > a'; sleep 0.1; {run} --rollback-dest {d}/snaps -- sh -c 'echo 2 > a'
until mount -o remount,ro {d}; do sleep 0.1; done # who cleans up behind the session may still write
{nono} rollback verify $({nono} rollback list | sed -n '2s/ .*//p')
if {nono} rollback cleanup --keep 0; then exit 9; fi; {nono} rollback list --all
mount -o remount,rw {d}; {nono} rollback cleanup --keep 0""".format(d=disk, run=run, nono=p.bin)
    r = p.run(["unshare", "-m", "sh", "-c", script])
    assert r.returncode == 0 and "PASS" in r.stdout and "Read-only" in r.stderr, r
    assert r.stdout.count("removed ") == 2 and "echo 2" in r.stdout and "echo 1" not in r.stdout, r


def gone(p):
    """A place that can't be reached now is named; nothing else suffers."""
    dest, away = os.path.join(p.outside, "usb"), os.path.join(p.outside, "away")
    p.write("a", "1\n")
    p.inside("echo 2 > a", "--rollback")
    here = newest(p)
    time.sleep(0.01)
    p.inside("echo 3 > a", "--rollback", "--rollback-dest", dest)
    there = newest(p)
    os.rename(dest, away)
    rows = {r["session_id"]: r for r in p.json("rollback", "list")}
    assert rows[there]["is_missing"] and not rows[here]["is_missing"] and rows[there]["snapshot_count"] == 2, rows
    text = p.nono("rollback", "list")
    assert re.search(there + r".* missing ", text) and dest in p.err, (text, p.err)
    for args in (("rollback", "show", there), ("rollback", "verify", there), ("rollback", "restore", there),
                 ("snapshot", "create", "--session", there)):
        p.nono(*args, code=1)
        assert dest in p.err, (args, p.err)
    report = p.json("snapshot", "verify", code=1)
    assert not report["ok"] and dest in report["damage"][0]["what"] and report["snapshots"] == 2, report
    p.nono("rollback", "verify", here)
    assert p.nono("rollback", "cleanup") == ""
    out = p.nono("rollback", "cleanup", "--keep", "0")
    assert "removed " + here in out and there not in out and dest in p.err, (out, p.err)
    os.rename(away, dest)
    p.nono("rollback", "verify", there)
    os.rename(dest, away)
    assert "forgot " + there in p.nono("rollback", "cleanup", "--all") and stores(p) == []
    assert p.json("rollback", "list", "--all") == []


def shared(p):
    """Two at once in one place; the setting; old ones make room there."""
    dest = os.path.join(p.outside, "snaps")
    config = os.path.join(p.mkdir(os.path.join(p.home, ".config/nono")), "config.toml")
    p.own(os.path.join(p.home, ".config"))
    p.write(config, '[rollback]\ndest = "%s"\nmax_sessions = 2\n' % dest)
    for d in ("one", "two"):
        p.mkdir(d)
        p.write(d + "/f", d)
    script = "cd %s/%s; echo ready; read x; echo changed > f; for i in 1 2 3; do head -c 50000 /dev/urandom > r$i; done"
    ids = []
    for d in ("one", "two"):
        p.nono("run", "--detached", "--name", d, "--allow", os.path.join(p.work, d), "--rollback", "--", "/bin/sh", "-c",
               script % (p.work, d))
    for d in ("one", "two"):
        p.shows(d, "ready")
        ids.append(p.json("inspect", d)["session_id"])
    p.write("one/f", "in between")
    p.nono("snapshot", "create", "--session", ids[0])
    for d in ("one", "two"):
        p.nono("send", d, "--enter", "x")
    until("the ends", lambda: all(r["exit_code"] == 0 for r in p.json("rollback", "list", "--all")))
    rows = {r["session_id"]: r for r in p.json("rollback", "list")}
    assert [rows[i]["store"] for i in ids] == [dest, dest] and [rows[i]["snapshot_count"] for i in ids] == [3, 2], rows
    for i in ids:
        p.nono("rollback", "verify", i)
    p.nono("rollback", "restore", ids[0])
    p.nono("rollback", "restore", ids[1])
    assert p.read("one/f") == "one" and p.read("two/f") == "two"
    p.inside("echo 3 > f", "--rollback", "--no-rollback-prompt")
    third = newest(p)
    until("room", lambda: len(p.json("rollback", "list", "--all")) == 2)
    left = {r["session_id"] for r in p.json("rollback", "list", "--all")}
    assert third in left and ids[1] in left and sorted(os.listdir(os.path.join(dest, "rollbacks"))) == sorted(left), left
    # Bytes are counted in each place; its newest session stays, however large.
    p.write(config, "[rollback]\nmax_storage_gb = 0\n")
    p.inside("echo 4 > f", "--rollback", "--no-rollback-prompt")
    fourth = newest(p)
    until("room", lambda: {r["session_id"] for r in p.json("rollback", "list", "--all")} == {third, fourth})
    p.write(config, '[rollback]\ndest = "relative"\n')
    p.nono("run", "-s", "--rollback", "--allow", p.work, "--", "true", code=1)
    assert "absolute" in p.err and "config.toml:2" in p.err, p.err


def older(p):
    """A session that may write there since before it was a place: it is named."""
    dest = os.path.join(p.work, "snaps")
    sid = p.start("old", "echo ready; read x")["session_id"]
    p.shows("old", "ready")
    run = ("run", "-s", "--allow", p.work, "--rollback", "--rollback-dest", dest, "--", "true")
    p.nono(*run, code=1)
    assert "old" in p.err and "before" in p.err and not os.path.exists(dest) and stores(p) == [], p.err
    p.nono("run", "-s", "--allow", p.work, "--rollback", "--rollback-dest", os.path.join(p.outside, "out"), "--", "true")
    p.nono("stop", "--force", sid)
    until("the end", lambda: not p.json("ps"))
    p.nono(*run)
    # From now on it is closed to whoever starts: two may share it.
    p.start("new", "echo ready; read x")
    p.shows("new", "ready")
    p.nono(*run)
    p.nono("stop", "--force", "new")


def restored_beside(p):
    """A session from before there was a place in its tree: its restore does not touch what came since."""
    p.write("a", "1\n")
    p.inside("echo 2 > a", "--rollback")
    first = newest(p)
    dest = os.path.join(p.work, "snaps")
    p.inside("echo 3 > a", "--rollback", "--rollback-dest", dest)
    second = newest(p)
    before = listing(dest)
    p.nono("rollback", "restore", first)
    assert p.read("a") == "1\n" and listing(dest) == before
    p.nono("snapshot", "create", "all", "--path", p.work)
    assert "place of snapshots" in p.err and listing(dest) == before, p.err
    p.nono("rollback", "verify", second)


def integrity(p):
    """The state of the trees is the program's doing alone: snapshots beside it are no part of it."""
    p.write("a", "1\n")
    p.inside("true", "--rollback", "--audit-integrity", "--rollback-dest", os.path.join(p.work, "snaps"))
    states = p.events(p.json("ps", "--all")[0]["session_id"], "tree_state")
    assert [e["op"] for e in states] == ["before", "after"], states
    assert states[0]["target"] == states[1]["target"] and states[0]["trees"][0]["files"] == 1, states
    # The user moves it while it is in use.
    sid = p.start("agent", "echo ready; read x", "--rollback", "--rollback-dest", os.path.join(p.work, "snaps"))["session_id"]
    p.shows("agent", "ready")
    os.rename(os.path.join(p.work, "snaps"), os.path.join(p.work, "moved"))
    p.nono("send", "agent", "--enter", "x")
    until("the end", lambda: not p.json("ps"))
    os.rename(os.path.join(p.work, "moved"), os.path.join(p.work, "snaps"))
    assert [s["file_count"] for s in p.json("rollback", "show", sid)["snapshots"]] == [1, 1]


def asked(p):
    """Nobody is asked for it; what is kept before a grant is kept there."""
    f = p.write(os.path.join(p.outside, "f"), "old\n")
    dest = os.path.join(p.work, "snaps")
    sid = p.start("agent", "echo ready; read x; cat snaps/nono-store; echo x > snaps/x; echo new > %s; echo done; read x" % f,
                  "--capability-elevation", "--rollback", "--rollback-dest", dest)["session_id"]
    p.shows("agent", "^ready")
    p.nono("send", "agent", "--enter", "x")
    q = p.request("agent")
    assert q["target"] == f, q
    p.nono("approve", q["id"], "--scope", "once")
    p.shows("agent", "^done")
    assert [s["reason"] for s in p.json("rollback", "show", sid)["snapshots"]] == ["start", "request"]
    p.nono("stop", "--force", "agent")
    until("the end", lambda: not p.json("rollback", "list", "--all")[0]["is_alive"])
    p.nono("rollback", "restore", sid)
    assert p.read(f) == "old\n"


nonolib.main([*nonolib.both(attacks), *nonolib.both(within), outside, refused, replaced, no_room, read_only, gone, shared, older,
              restored_beside, integrity, asked])
