#!/usr/bin/env python3
"""What `--audit-integrity` adds to a session: the state of the tree before and after, against reading
and hashing the same files twice (`find | xargs sha256sum`; `openssl dgst`, which uses the processor's
SHA instructions) and against `git status` with a warm index. All of it from the page cache.

  integrity.py [FILES [ROUNDS]]   5000 files of about 24 KB; 7. Takes a minute more: the second state
                                  reads again what had changed less than 60 s before the first
"""
import json
import os
import subprocess
import sys
import time

from benchlib import NONO, Scratch, have, interleave, median, report
from snapshot import make, weight

FILES = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 7
SETTLE = 60  # seconds, as in audit/trees_seen.c


def walk(program):
    return ["sh", "-c", "find . -type f -print0 | xargs -0 %s" % program]


def run(*flags):
    return [NONO, "run", "--silent", "--allow", ".", *flags, "--", "/bin/true"]


def covered(s, argv):
    """Files and bytes of the two states of one session: that the tree is what was recorded."""
    subprocess.run(argv, env=s.env, cwd=s.work, check=True)
    log = os.path.join(s.env["XDG_STATE_HOME"], "nono", "audit")
    for d in os.listdir(log):
        path = os.path.join(log, d, "audit-events.ndjson")
        if not os.path.isfile(path):
            continue
        with open(path) as f:
            events = [json.loads(line)["event"] for line in f if '"tree_state"' in line]
        if events:
            return [[t for t in e["trees"] if t["path"] == s.work][0] for e in events]
    sys.exit("no state of the tree was recorded")


def measure(s, commands, what):
    t = {n: median(v) for n, v in interleave(commands, ROUNDS, env=s.env, cwd=s.work, warmup=1).items()}
    added = t["integrity"] - t["run"]
    print("%s: adds %.1f ms to a session of %.1f ms" % (what, added * 1e3, t["run"] * 1e3))
    for name in sorted(set(t) - {"integrity", "run"}):
        times = 1 if name == "git status" else 2
        print("  %-12s %7.1f ms%s, added is %.2fx" % (name, t[name] * 1e3, " each" if times == 2 else "",
                                                 added / (times * t[name])))
    return added, t


def main():
    with Scratch() as s:
        make(s.work, FILES, 24000)
        made = time.time()
        # Not in the tree: its objects are no files of the state.
        git = ["git", "--git-dir=" + s.sub("git"), "--work-tree=" + s.work]
        for argv in (["init", "-q"], ["add", "-A"],
                     ["-c", "user.name=x", "-c", "user.email=x", "commit", "-q", "-m", "x"]):
            subprocess.run(git + argv, cwd=s.work, env=s.env, check=True)
        print("%d files, %.0f MB" % (FILES, weight(s.work) / 1e6))
        commands = {"run": run(), "integrity": run("--audit-integrity"), "sha256sum": walk("sha256sum"),
                    "git status": git + ["status"]}
        if have("openssl"):
            commands["openssl"] = walk("openssl dgst -sha256")
        first, young = measure(s, commands, "just written (both states read all)")
        time.sleep(max(0, made + SETTLE + 2 - time.time()))
        for state in covered(s, commands["integrity"]):
            print("  state of %d entries, %.0f MB, %d unreadable" % (
                state["files"], state["bytes"] / 1e6, state["unreadable"]))
        added, t = measure(s, commands, "settled (the second reads what changed)")
        report("both states, of a settled tree", "hashing it once", "%.2f" % (added / t["sha256sum"]), "x", "<= 1",
               added <= t["sha256sum"])
        report("both states, just written", "hashing it twice", "%.2f" % (first / (2 * young["sha256sum"])), "x", "<= 1",
               first <= 2 * young["sha256sum"])


if __name__ == "__main__":
    main()
