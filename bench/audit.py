#!/usr/bin/env python3
"""The audit log: events written a second with their chain, what one costs its emitter, and reading:
opening a long log at its end, verifying and filtering it against sha256sum (and OpenSSL, which uses
the processor's SHA instructions) over the same bytes; memory. Writing is measured for a tenth of the
events and for all, each beside a `dd` of the same bytes in pieces of the same size to the same disk:
what a long log loses of its rate beyond what dd loses is ours, not the page cache's and the disk's.

    bench/audit.py [EVENTS [ROUNDS]]   default 10000000, 3 (0: writing only); needs 1720 bytes of disk an event
    BENCH names bench_audit_emit (default: build/release/bench/bench_audit_emit)
"""
import os
import re
import shutil
import subprocess
import sys
import time

import benchlib

BENCH = os.environ.get("BENCH", os.path.join(os.path.dirname(benchlib.NONO), "bench", "bench_audit_emit"))


def timed(argv, env):
    """Seconds, rusage, output."""
    start = time.monotonic()
    p = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True)
    out = p.stdout.read()
    _, status, usage = os.wait4(p.pid, 0)
    assert status == 0, (argv, status, out)
    return time.monotonic() - start, usage, out


def write(env, n):
    """One log of n events, and dd; the log stays. Its path."""
    os.sync()  # both begin with nothing that waits for the disk
    _, usage, out = timed([BENCH, str(n), "keep"], env)
    rate, here, kernel = map(float, re.search(
        r"flood +(\d+) events/s to the file, CPU each: (\d+) ns here, (\d+) ns", out).groups())
    path = os.path.join(env["XDG_STATE_HOME"], "nono/audit/bench/audit-events.ndjson")
    size = os.path.getsize(path)
    os.sync()
    copied, _, _ = timed(["dd", "if=" + path, "of=" + path + ".copy", "bs=64k", "status=none"], env)
    os.unlink(path + ".copy")
    print("written   %d events, %.2f GB, %.0f MiB: %.0f events/s (goal 500000/s)" % (
        n, size / 1e9, usage.ru_maxrss / 1024, rate))
    print("          CPU an event: %.0f ns here, %.0f ns in the kernel" % (here, kernel))
    print("          %.0f MB/s, dd %.0f MB/s: %.2fx" % (
        rate * size / n / 1e6, size / copied / 1e6, rate * copied / n))
    print("opened    %s" % re.search(r"open +(.*)", out).group(1))
    print("emitter   %s ns an event, clock included (goal 300)" % re.search(r"emit +p50 (\d+) ns", out).group(1))
    return path


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10000000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with benchlib.Scratch() as s:
        shutil.rmtree(os.path.dirname(write(s.env, n // 10)))
        path = write(s.env, n)
        if not rounds:
            return
        rows = {"sha256sum": [], "openssl": [], "verify": [], "denied": []}
        peak = {}
        for _ in range(rounds):
            for name, argv in (("sha256sum", ["sha256sum", path]), ("openssl", ["openssl", "dgst", "-sha256", path]),
                               ("verify", [benchlib.NONO, "audit", "verify", "bench"]),
                               ("denied", [benchlib.NONO, "audit", "show", "bench", "--denied", "--path", "/x"])):
                seconds, usage, _ = timed(argv, s.env)
                rows[name].append(seconds)
                peak[name] = usage.ru_maxrss / 1024
        best = {k: min(v) for k, v in rows.items()}
        for name in rows:
            print("%-9s %6.2f s, %4.0f MiB, %.2fx sha256sum, %.2fx openssl" % (
                name, best[name], peak[name], best[name] / best["sha256sum"], best[name] / best["openssl"]))


if __name__ == "__main__":
    main()
