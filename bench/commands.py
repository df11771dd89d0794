#!/usr/bin/env python3
"""Real commands inside, full audit, over bare: a compile loop, git status, grep -r."""
import os
import subprocess
import sys

from benchlib import NONO, Scratch, interleave, median, report

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 15

SOURCE = """#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <netinet/in.h>
int f%d(int x) { return printf("%%d\\n", x) + %d; }
"""


def populate(work):
    for d in range(40):
        path = os.path.join(work, "d%02d" % d)
        os.mkdir(path)
        for i in range(100):
            with open(os.path.join(path, "f%03d.txt" % i), "w") as f:
                f.write("".join("line %d of file %d in %d\n" % (n, i, d) for n in range(200)))
    for i in range(8):
        with open(os.path.join(work, "s%d.c" % i), "w") as f:
            f.write(SOURCE % (i, i))
    git = ["git", "-C", work, "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(git + ["init", "-q"], check=True)
    subprocess.run(git + ["add", "-A"], check=True)
    subprocess.run(git + ["commit", "-qm", "x"], check=True)


JOBS = {
    # a loop, so that start-up does not count
    "compile loop": ("for i in 0 1 2 3 4 5 6 7; do gcc -c -O1 s$i.c -o s$i.o; done", 1.05),
    "git status": ("for i in 1 2 3 4 5 6 7 8 9 10; do git status >/dev/null; done", 1.10),
    "grep -r": ("for i in 1 2 3; do grep -r 'no such text' . ; done; true", 1.35),
}

with Scratch() as s:
    populate(s.work)
    for name, (script, goal) in JOBS.items():
        times = interleave({
            "bare": ["/bin/sh", "-c", script],
            "run": [NONO, "run", "--silent", "--allow", s.work, "--", "/bin/sh", "-c", script],
        }, ROUNDS, env=s.env, cwd=s.work, warmup=1)
        r = median(times["run"]) / median(times["bare"])
        print("%-14s bare %.1f ms, inside %.1f ms" %
              (name, median(times["bare"]) * 1e3, median(times["run"]) * 1e3))
        report(name, "bare", "%.3f" % r, "x", "<= %.2f" % goal, r <= goal)
