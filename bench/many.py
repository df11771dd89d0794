#!/usr/bin/env python3
"""32 sessions printing at 1 MB/s each, one client showing four: does a pane starve, what does the
client cost?"""
import os
import subprocess
import sys
import time

from benchlib import NONO, Outer, Scratch, cpu_seconds, report, sessions

SESSIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 32
SECONDS = 10
# 100 KB ten times a second; the count of rounds goes to a file, so that a starved pane shows.
SCRIPT = """import os, sys, time
line = b'x' * 99 + b'\\n'
t, n = time.monotonic(), 0
count = os.open('count-' + sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o600)
while True:
    os.write(1, b'%d ' % n + line * 1000)
    n += 1
    os.pwrite(count, b'%010d' % n, 0)
    t += 0.1
    d = t - time.monotonic()
    if d > 0:
        time.sleep(d)
"""


def counts(s):
    out = []
    for i in range(SESSIONS):
        try:
            with open(os.path.join(s.work, "count-%d" % i)) as f:
                out.append(int(f.read() or 0))
        except (OSError, ValueError):
            out.append(0)
    return out


with Scratch() as s:
    script = os.path.join(s.work, "print.py")
    with open(script, "w") as f:
        f.write(SCRIPT)
    for i in range(SESSIONS):
        subprocess.run([NONO, "run", "--silent", "--detached", "--name", "m%d" % i, "--audit-level",
                        "decisions", "--allow", s.work, "--", sys.executable, script, str(i)],
                       env=s.env, cwd=s.work, check=True, stdout=subprocess.DEVNULL)
    o = Outer([NONO, "tui"], s.env, 200, 50, cwd=s.work)
    o.settle(0.5, 3)
    a, cpu, t = counts(s), cpu_seconds(o.pid), time.monotonic()
    while time.monotonic() - t < SECONDS:
        o.pump(0.05)
    dt = time.monotonic() - t
    b, cpu = counts(s), (cpu_seconds(o.pid) - cpu) / dt
    rate = [(y - x) / dt * 0.1 for x, y in zip(a, b)]
    o.close()
    print("MB/s per pane: least %.2f, most %.2f; client %.2f of a core" %
          (min(rate), max(rate), cpu))
    report("least of %d panes at 1 MB/s" % SESSIONS, "the others' mean",
           "%.2f" % (min(rate) / (sum(rate) / len(rate))), "x", ">= 0.5",
           min(rate) >= 0.5 * sum(rate) / len(rate))
    report("client showing the panes", "a core", "%.2f" % cpu, "x", "< 0.5", cpu < 0.5)
