#!/usr/bin/env python3
"""Attach until the last row of the screen is drawn, with 50 loaded sessions, against tmux."""
import os
import subprocess
import sys
import time

from benchlib import NONO, Outer, Scratch, median, report

SESSIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 50
ROUNDS = 20
SCRIPT = "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo \"line $i\"; done; printf LASTROW; exec sleep 600"


def once(argv, s):
    t = time.perf_counter()
    o = Outer(argv, s.env, 200, 50, cwd=s.work)
    if not o.wait_for(b"LASTROW", 10):
        sys.exit("%s: the last row was not drawn" % argv[0])
    t = time.perf_counter() - t
    o.close()
    return t


with Scratch() as s:
    s.env.pop("TMUX", None)
    sock = "nono-bench-att-%d" % os.getpid()
    base = ["tmux", "-L", sock, "-f", "/dev/null"]
    try:
        for i in range(SESSIONS):
            subprocess.run(base + ["new-session", "-d", "-x", "200", "-y", "50", "-s", "s%d" % i,
                                   "/bin/sh", "-c", SCRIPT], env=s.env, check=True)
            subprocess.run([NONO, "run", "--silent", "--detached", "--name", "s%d" % i, "--allow",
                            s.work, "--", "/bin/sh", "-c", SCRIPT], env=s.env, cwd=s.work,
                           check=True, stdout=subprocess.DEVNULL)
        time.sleep(3)
        a, b = [], []
        for i in range(ROUNDS):
            a.append(once(base + ["attach", "-t", "s7"], s))
            b.append(once([NONO, "attach", "s7"], s))
        print("attach with %d sessions: tmux %.1f ms, nono %.1f ms" %
              (SESSIONS, median(a) * 1e3, median(b) * 1e3))
        r = median(b) / median(a)
        report("attach until the last row is drawn", "tmux", "%.2f" % r, "x", "<= 1", r <= 1)
    finally:
        subprocess.run(base + ["kill-server"], env=s.env, stderr=subprocess.DEVNULL)
