#!/usr/bin/env python3
"""From a key to its echo on the outer terminal, idle and with another pane flooding, against tmux.
The program in the pane is `cat`-like: the terminal's own echo is off, it writes back what it reads."""
import os
import subprocess
import sys
import time

from benchlib import NONO, Outer, Scratch, median, percentile, report

KEYS = int(sys.argv[1]) if len(sys.argv) > 1 else 300
ECHO = "stty raw -echo; printf READY; exec cat"
FLOOD = "i=0; while :; do i=$((i+1)); echo line $i of a flood that does not end; done"


def measure(o):
    """Seconds per key. A letter differs from the last one, so that its echo is a change."""
    out = []
    for i in range(KEYS):
        o.settle(0.002, 0.01)
        key = bytes([ord("a") + i % 26])
        o.data = b""
        t = time.perf_counter()
        o.send(key)
        while key not in strip(o.data):
            if time.perf_counter() - t > 2:
                sys.exit("no echo of %r in 2 s" % key)
            o.pump(0.5)
        out.append(time.perf_counter() - t)
        time.sleep(0.005)
    return out


def strip(data):
    """Bytes outside escape sequences, without the flood's own words."""
    out, i = bytearray(), 0
    while i < len(data):
        if data[i] == 0x1b:
            i += 1
            if i < len(data) and data[i:i + 1] in (b"[",):
                i += 1
                while i < len(data) and not 0x40 <= data[i] <= 0x7e:
                    i += 1
            elif i < len(data) and data[i:i + 1] in (b"]", b"P"):
                while i < len(data) and data[i] != 7 and data[i:i + 2] != b"\x1b\\":
                    i += 1
                if data[i:i + 2] == b"\x1b\\":
                    i += 1
            i += 1
            continue
        out.append(data[i])
        i += 1
    return bytes(out)


def tmux(s, flooded):
    sock = "nono-bench-lat-%d" % os.getpid()
    env = dict(s.env)
    env.pop("TMUX", None)
    base = ["tmux", "-L", sock, "-f", "/dev/null"]
    o = Outer(base + ["new-session", "/bin/sh", "-c", ECHO], env, 200, 50, cwd=s.work)
    o.wait_for(b"READY")
    subprocess.run(base + ["set", "-g", "status", "off"], env=env)
    if flooded:
        subprocess.run(base + ["split-window", "-d", "/bin/sh", "-c", UPPER], env=env)
    o.settle(0.2, 1)
    try:
        return measure(o)
    finally:
        o.close()
        subprocess.run(base + ["kill-server"], env=env, stderr=subprocess.DEVNULL)


# The flood prints capitals and digits only, so that a small letter can only be an echo.
UPPER = FLOOD.replace("line", "LINE").replace("of a flood that does not end", "OF A FLOOD")


def nono(s, flooded):
    # The first session has the keyboard when the front end opens.
    subprocess.run([NONO, "run", "--silent", "--detached", "--name", "ECHO", "--allow", s.work, "--",
                    "/bin/sh", "-c", ECHO], env=s.env, cwd=s.work, check=True,
                   stdout=subprocess.DEVNULL)
    if flooded:
        subprocess.run([NONO, "run", "--silent", "--detached", "--name", "FLOOD", "--allow", s.work,
                        "--", "/bin/sh", "-c", UPPER], env=s.env, cwd=s.work, check=True,
                       stdout=subprocess.DEVNULL)
    # Both in one window: the front end shows every live session side by side.
    o = Outer([NONO, "tui"] if flooded else [NONO, "attach", "ECHO"], s.env, 200, 50, cwd=s.work)
    try:
        if not o.wait_for(b"READY", 10):
            sys.exit("the pane did not show up")
        o.settle(0.2, 1)
        return measure(o)
    finally:
        o.close()
        subprocess.run([NONO, "stop", "--force", "ECHO"], env=s.env, capture_output=True)
        subprocess.run([NONO, "stop", "--force", "FLOOD"], env=s.env, capture_output=True)


with Scratch() as s:
    for flooded, goal in ((False, 1.0), (True, 0.5)):
        a, b = tmux(s, flooded), nono(s, flooded)
        word = "flooded" if flooded else "idle"
        for who, v in (("tmux", a), ("nono", b)):
            print("%-8s %-5s p50 %.2f ms, p99 %.2f ms" %
                  (word, who, median(v) * 1e3, percentile(v, 99) * 1e3))
        r = median(b) / median(a)
        report("key to echo, %s, p50" % word, "tmux", "%.2f" % r, "x", "<= %.1f" % goal, r <= goal)
        r = percentile(b, 99) / percentile(a, 99)
        report("key to echo, %s, p99" % word, "tmux", "%.2f" % r, "x", "<= %.1f" % goal, r <= goal)
