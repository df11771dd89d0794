#!/usr/bin/env python3
"""Snapshots against git and restic: a first one, one after edits, one of an unchanged large tree, what
the store weighs after twenty, putting 1,000 changed files back, and verifying against sha256sum. Builds bench_snapshot_store (STORE names another one).

  snapshot.py [FILES [UNCHANGED [PART...]]]   20000 files of about 24 KB, 200000 small ones; parts: first,
                                              again, size, restore, verify, unchanged
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

from benchlib import ROOT, have, median, report

STORE = os.environ.get("STORE", os.path.join(ROOT, "build", "release", "bench", "bench_snapshot_store"))
WORDS = None


def words():
    """Text as sources have it: lines of the headers of this machine."""
    global WORDS
    if WORDS is None:
        lines = []
        for d, _, names in os.walk("/usr/include"):
            for n in sorted(names)[:40]:
                with open(os.path.join(d, n), "rb") as f:
                    lines += f.read(60000).splitlines(True)
            if len(lines) > 300000:
                break
        WORDS = lines
    return WORDS


def content(rng, size):
    lines, out, n = words(), [], 0
    while n < size:
        # A run of lines that belong together, then another.
        at = rng.randrange(len(lines) - 20)
        for line in lines[at:at + 20]:
            out.append(line)
            n += len(line)
        out.append(b"/* %x */\n" % rng.getrandbits(64))
    return b"".join(out)[:size]


def make(top, files, size, seed=1):
    rng = random.Random(seed)
    paths = []
    for i in range(files):
        d = os.path.join(top, "d%d" % (i // 1000), "e%d" % (i // 50 % 20))
        os.makedirs(d, exist_ok=True)
        p = os.path.join(d, "f%d.c" % i)
        with open(p, "wb") as f:
            # One in fifty is not text.
            n = max(1, int(rng.expovariate(1 / size)))
            f.write(rng.randbytes(n) if i % 50 == 0 else content(rng, n))
        paths.append(p)
    return paths


def edit(paths, rng, count):
    for p in rng.sample(paths, count):
        with open(p, "r+b") as f:
            data = f.read()
            at = rng.randrange(len(data) + 1)
            f.seek(0)
            f.write(data[:at] + b"/* edited %x */\n" % rng.getrandbits(64) + data[at:])


def run(argv, env=None, cwd=None):
    t = time.perf_counter()
    p = subprocess.run(argv, env=env, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    t = time.perf_counter() - t
    if p.returncode:
        sys.exit("%s: %s" % (argv, p.stderr.decode(errors="replace")))
    return t


def run_out(argv, env, cwd):
    return subprocess.run(argv, env=env, cwd=cwd, check=True, stdout=subprocess.PIPE).stdout


def weight(path):
    return sum(os.path.getsize(os.path.join(d, n)) for d, _, ns in os.walk(path) for n in ns)


class Peers:
    def __init__(self, top, tree):
        self.top, self.tree = top, tree
        self.renew()

    def renew(self):
        for n in ("state", "git", "restic"):
            shutil.rmtree(os.path.join(self.top, n), ignore_errors=True)
        self.env = dict(os.environ, GIT_DIR=os.path.join(self.top, "git"), GIT_WORK_TREE=self.tree,
                        RESTIC_REPOSITORY=os.path.join(self.top, "restic"), RESTIC_PASSWORD="x",
                        RESTIC_CACHE_DIR=os.path.join(self.top, "rcache"), GIT_CONFIG_GLOBAL="/dev/null",
                        GIT_AUTHOR_NAME="x", GIT_AUTHOR_EMAIL="x", GIT_COMMITTER_NAME="x",
                        GIT_COMMITTER_EMAIL="x")
        run(["git", "init", "-q"], self.env)
        run(["git", "config", "gc.auto", "0"], self.env)
        if have("restic"):
            run(["restic", "init", "-q"], self.env)

    def nono(self):
        return run([STORE, "take", os.path.join(self.top, "state"), self.tree])

    def git(self):
        return run(["git", "add", "-A"], self.env, self.tree) + run(["git", "write-tree"], self.env)

    def git_commit(self):
        run(["git", "add", "-A"], self.env, self.tree)
        run(["git", "commit", "-q", "-m", "x"], self.env, self.tree)

    def restic(self):
        return run(["restic", "backup", "-q", self.tree], self.env) if have("restic") else None


def ratio(peer, ours):
    return median(peer) / median(ours)


def first(p, _paths, _rng):
    t = {"nono": [], "git": [], "restic": []}
    for _ in range(3):
        p.renew()
        os.sync()
        for n in t:
            t[n].append(getattr(p, n)())
    show("first snapshot", t, "git", 4)
    show("first snapshot", t, "restic", 2)


def again(p, paths, rng):
    t = {"nono": [], "git": [], "restic": []}
    p.renew()
    p.nono(), p.git(), p.restic()
    for _ in range(5):
        edit(paths, rng, 10)
        time.sleep(0.1)
        for n in t:
            t[n].append(getattr(p, n)())
    show("10 files changed", t, "git", 1)
    show("10 files changed", t, "restic", 10)


def size(p, paths, rng):
    p.renew()
    for _ in range(20):
        p.nono(), p.git_commit(), p.restic()
        edit(paths, rng, 30)
    run(["git", "gc", "-q", "--prune=now"], p.env, p.tree)
    ours = weight(os.path.join(p.top, "state", "snapshots", "packs")) + \
        weight(os.path.join(p.top, "state", "rollbacks"))
    theirs = {"git": weight(os.path.join(p.top, "git", "objects"))}
    if have("restic"):
        theirs["restic"] = weight(os.path.join(p.top, "restic"))
    best = min(theirs, key=theirs.get)
    print("after 20: nono %.1f MB, %s" %
          (ours / 1e6, ", ".join("%s %.1f MB" % (k, v / 1e6) for k, v in theirs.items())))
    report("store after 20 snapshots", best, "%.2f" % (ours / theirs[best]), "x", "<= 1.2",
           ours <= 1.2 * theirs[best])


def restore(p, paths, rng):
    """As a user has it: changes made, read by nobody since; git's index as the commit left it."""
    t = {"nono": [], "git checkout": []}
    p.renew()
    p.nono(), p.git_commit()
    for _ in range(5):
        for name in t:
            edit(paths, rng, 1000)
            os.sync()
            if name == "nono":
                t[name].append(run([STORE, "restore", os.path.join(p.top, "state"), p.tree]))
            else:
                t[name].append(run(["git", "checkout", "-q", "--", "."], p.env, p.tree))
            # Nothing is left; and git's index knows the files as they are now.
            if run_out(["git", "status", "--porcelain"], p.env, p.tree):
                sys.exit("%s left something changed" % name)
    show("restore of 1,000 changed files", t, "git checkout", 1)


def verify(p, paths, _rng):
    """All that a first snapshot holds, with sha256sum of the files that it is of; all of it in the page cache."""
    t = {"nono": [], "sha256sum": []}
    p.renew()
    p.nono()
    for _ in range(5):
        t["nono"].append(run([STORE, "verify", os.path.join(p.top, "state")]))
        t["sha256sum"].append(run(["xargs", "-0", "-a", names(p, paths), "sha256sum"]))
    out = subprocess.run(["/usr/bin/env", "python3", "-c", PEAK, STORE, "verify", os.path.join(p.top, "state")],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    print("verify: %s" % out.strip())
    show("verify", t, "sha256sum", 1)


PEAK = """
import resource, subprocess, sys
out = subprocess.run(sys.argv[1:], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
print("%s, at most %.0f MiB" % (out, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024))
"""


def names(p, paths):
    list_path = os.path.join(p.top, "names")
    with open(list_path, "wb") as f:
        f.write(b"\0".join(os.fsencode(n) for n in paths))
    return list_path


def unchanged(p, many):
    shutil.rmtree(p.tree)
    make(p.tree, many, 300, 2)
    os.sync()
    p.renew()
    p.nono(), p.git()
    run(["git", "status"], p.env, p.tree)
    time.sleep(1)
    p.nono()
    t = {"nono": [], "git status": []}
    for _ in range(7):
        t["nono"].append(p.nono())
        t["git status"].append(run(["git", "status"], p.env, p.tree))
    show("nothing changed, %d files" % many, t, "git status", 1)


def main():
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 20000
    many = int(sys.argv[2]) if len(sys.argv) > 2 else 200000
    parts = sys.argv[3:] or ["first", "again", "size", "restore", "verify", "unchanged"]
    top = tempfile.mkdtemp(prefix=".nono-bench-",
                           dir=os.environ.get("NONO_BENCH_DIR", os.path.expanduser("~")))
    tree = os.path.join(top, "tree")
    rng = random.Random(7)
    try:
        paths = make(tree, files, 24000)
        print("%d files, %.0f MB" % (files, weight(tree) / 1e6))
        os.sync()
        p = Peers(top, tree)
        for part in parts:
            if part == "unchanged":
                unchanged(p, many)
            else:
                {"first": first, "again": again, "size": size, "restore": restore, "verify": verify}[part](p, paths, rng)
    finally:
        shutil.rmtree(top, ignore_errors=True)


def show(what, t, peer, goal):
    if not all(t.values()) or None in t[peer]:
        return
    r = ratio(t[peer], t["nono"])
    report("%s (%.3f s; %.3f s)" % (what, median(t["nono"]), median(t[peer])), peer, "%.2f" % r, "x", ">= %d" % goal, r >= goal)


if __name__ == "__main__":
    main()
