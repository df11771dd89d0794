#!/usr/bin/env python3
"""Throughput of a pane: 100 MB of log lines and of coloured full-screen redraws, 200x50, one
client, against tmux and a bare PTY; and the bytes that reach the outer terminal."""
import os
import sys
import time

from benchlib import NONO, Outer, Scratch, report

MB = int(sys.argv[1]) if len(sys.argv) > 1 else 100
COLS, ROWS = 200, 50


def log_lines(path):
    block = b"".join(b"2026-01-01T00:00:%02d.%06d INFO worker[%d]: request %d handled in %d us "
                     b"by the upstream pool, status 200\r\n" % (i % 60, i * 7919 % 10 ** 6, i % 8,
                                                                  i, i * 31 % 997)
                     for i in range(8192))
    with open(path, "wb") as f:
        while f.tell() < MB << 20:
            f.write(block)


def redraws(path):
    frames = []
    for n in range(16):
        out = [b"\x1b[H"]
        for y in range(ROWS):
            for x in range(0, COLS, 8):
                c = (x * 3 + y * 5 + n * 11) % 256
                out.append(b"\x1b[38;2;%d;%d;%dm%-8d" % (c, 255 - c, (c * 7) % 256, x + n))
            out.append(b"\x1b[0m" + (b"\r\n" if y < ROWS - 1 else b""))
        frames.append(b"".join(out))
    block = b"".join(frames)
    with open(path, "wb") as f:
        while f.tell() < MB << 20:
            f.write(block)


def run(kind, path, s):
    """Seconds that cat needs inside, and bytes to the outer terminal."""
    result = os.path.join(s.work, "result")
    if os.path.exists(result):
        os.unlink(result)
    script = ("sleep 1; a=$(date +%%s%%N); cat %s; b=$(date +%%s%%N); "
              "echo $((b-a)) >%s.tmp; mv %s.tmp %s; sleep 1" % (path, result, result, result))
    sock = "nono-bench-%d" % os.getpid()
    argv = {
        "bare": ["/bin/sh", "-c", script],
        "tmux": ["tmux", "-L", sock, "-f", "/dev/null", "new-session", "/bin/sh", "-c", script],
        "nono": [NONO, "run", "--silent", "--allow", s.work, "--", "/bin/sh", "-c", script],
    }[kind]
    env = dict(s.env)
    env.pop("TMUX", None)
    o = Outer(argv, env, COLS, ROWS, cwd=s.work)
    end = time.monotonic() + 300
    while not os.path.exists(result) and time.monotonic() < end:
        if not o.pump(0.05):
            break
    o.settle()
    total = o.total
    o.close()
    if kind == "tmux":
        os.system("tmux -L %s kill-server 2>/dev/null" % sock)
    if not os.path.exists(result):
        sys.exit("%s did not finish" % kind)
    with open(result) as f:
        return int(f.read()) / 1e9, total


with Scratch() as s:
    for name, make, goal in (("log lines", log_lines, 1.7), ("full-screen redraws", redraws, 5.0)):
        path = os.path.join(s.work, "data")
        make(path)
        size = os.path.getsize(path) / 1e6
        best = {}
        for _ in range(3):
            for kind in ("bare", "tmux", "nono"):
                t, outer = run(kind, path, s)
                if kind not in best or t < best[kind][0]:
                    best[kind] = (t, outer)
        for kind, (t, outer) in best.items():
            print("%-20s %-5s %7.1f MB/s, %9d bytes to the outer terminal" %
                  (name, kind, size / t, outer))
        r = best["tmux"][0] / best["nono"][0]
        report(name + ", speed", "tmux", "%.2f" % r, "x", ">= %.1f" % goal, r >= goal)
        r = best["nono"][1] / best["tmux"][1]
        report(name + ", bytes out", "tmux", "%.2f" % r, "x", "< 1", r < 1)
