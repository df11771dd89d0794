#!/usr/bin/env python3
"""Large files that don't compress on a file system that shares blocks (btrfs in an image, mounted for this process
alone; as root): a first snapshot, what it takes of the disk, and putting all back, against git, cp --reflink and
sha256sum of the same bytes. STORE as in snapshot.py.

  snapshot_share.py [FILES [MEGABYTES]]   32 files of 32 MB
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile

import snapshot
from benchlib import median, report

IMAGE = "NONO_BENCH_IMAGE"


def mounted(main):
    """Runs main in a mount namespace of its own, with the image at its working directory."""
    if IMAGE in os.environ:
        os.chdir(os.environ[IMAGE])
        return main()
    top = tempfile.mkdtemp(prefix="nono-bench-", dir=os.environ.get("NONO_BENCH_DIR"))
    try:
        image, at = os.path.join(top, "image"), os.path.join(top, "at")
        os.mkdir(at)
        with open(image, "wb") as f:
            f.truncate(12 << 30)
        subprocess.run(["mkfs.btrfs", "-q", image], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        script = 'mount -o loop "$1" "$2" && shift 2 && exec "$@"'
        return subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", image, at,
                               sys.executable, *sys.argv], env={**os.environ, IMAGE: at}).returncode
    finally:
        shutil.rmtree(top)


def used():
    os.sync()
    v = os.statvfs(".")
    return (v.f_blocks - v.f_bfree) * v.f_frsize


def timed(t, name, argv, env=None):
    before = used()
    seconds = snapshot.run(argv, env)
    t.setdefault(name, []).append(seconds)
    t.setdefault(name + " bytes", []).append(max(used() - before, 1))


def main():
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 32
    mb = int(sys.argv[2]) if len(sys.argv) > 2 else 32
    here, rng, t = os.getcwd(), random.Random(1), {}
    tree, state = os.path.join(here, "tree"), os.path.join(here, "state")
    env = dict(os.environ, GIT_DIR=os.path.join(here, "git"), GIT_WORK_TREE=tree, GIT_CONFIG_GLOBAL="/dev/null")
    for _ in range(3):
        for d in (tree, state, env["GIT_DIR"], "copy"):
            shutil.rmtree(d, ignore_errors=True)
        os.mkdir(tree)
        for i in range(files):
            with open(os.path.join(tree, "f%d" % i), "wb") as f:
                f.write(rng.randbytes(mb << 20))
        timed(t, "take", [snapshot.STORE, "take", state, tree])
        timed(t, "cp", ["cp", "-r", "--reflink=always", tree, "copy"])
        timed(t, "sha256sum", ["sh", "-c", "sha256sum %s/*" % tree])
        snapshot.run(["git", "init", "-q"], env)
        timed(t, "git add", ["git", "-C", tree, "add", "-A"], env)
        for name, argv in (("git checkout", ["git", "-C", tree, "checkout", "-q", "--", "."]),
                           ("restore", [snapshot.STORE, "restore", state, tree])):
            for n in os.listdir(tree):
                os.unlink(os.path.join(tree, n))
            timed(t, name, argv, env)
    m = {k: median(v) for k, v in t.items()}
    print("%d files of %d MB; seconds, and MB more on the disk:" % (files, mb))
    for name in ("take", "cp", "sha256sum", "git add", "restore", "git checkout"):
        print("  %-14s %6.2f s %8.1f MB" % (name, m[name], m[name + " bytes"] / 1e6))
    for ours, peer in (("take", "git add"), ("restore", "git checkout"), ("take", "sha256sum")):
        r = m[peer] / m[ours]
        report(ours, peer, "%.1f" % r, "x", ">= 1", r >= 1)
    share = m["take bytes"] / (files * (mb << 20))
    report("disk that a snapshot takes", "its files", "%.3f" % share, "x", "<= 0.02", share <= 0.02)
    return 0


sys.exit(mounted(main))
