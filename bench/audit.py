#!/usr/bin/env python3
"""The audit log: events written a second with their chain, what one costs its emitter, and reading:
opening a long log at its end, verifying and filtering it against sha256sum (and OpenSSL, which uses
the processor's SHA instructions) over the same bytes; memory.

    bench/audit.py [EVENTS [ROUNDS]]   default 10000000, 3; needs 860 bytes of disk an event
    BENCH names bench_audit_emit (default: build/release/bench/bench_audit_emit)
"""
import os
import re
import subprocess
import sys
import time

import benchlib

BENCH = os.environ.get("BENCH", os.path.join(os.path.dirname(benchlib.NONO), "bench", "bench_audit_emit"))


def timed(argv, env):
    """Seconds, peak memory in MiB, output."""
    start = time.monotonic()
    p = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True)
    out = p.stdout.read()
    _, status, usage = os.wait4(p.pid, 0)
    assert status == 0, (argv, status, out)
    return time.monotonic() - start, usage.ru_maxrss / 1024, out


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10000000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with benchlib.Scratch() as s:
        flood, memory, out = timed([BENCH, str(n), "keep"], s.env)
        rate = float(re.search(r"flood +(\d+) events/s", out).group(1))
        emit = int(re.search(r"emit +p50 (\d+) ns", out).group(1))
        path = os.path.join(s.env["XDG_STATE_HOME"], "nono/audit/bench/audit-events.ndjson")
        size = os.path.getsize(path)
        print("written   %d events, %.2f GB: %.0f events/s, %.0f MiB (goal 500000/s)" % (n, size / 1e9, rate, memory))
        print("opened    %s" % re.search(r"open +(.*)", out).group(1))
        print("emitter   %d ns an event, clock included (goal 300)" % emit)
        rows = {"sha256sum": [], "openssl": [], "verify": [], "denied": []}
        peak = {}
        for _ in range(rounds):
            for name, argv in (("sha256sum", ["sha256sum", path]), ("openssl", ["openssl", "dgst", "-sha256", path]),
                               ("verify", [benchlib.NONO, "audit", "verify", "bench"]),
                               ("denied", [benchlib.NONO, "audit", "show", "bench", "--denied", "--path", "/x"])):
                seconds, mib, _ = timed(argv, s.env)
                rows[name].append(seconds)
                peak[name] = mib
        best = {k: min(v) for k, v in rows.items()}
        for name in rows:
            print("%-9s %6.2f s, %4.0f MiB, %.2fx sha256sum, %.2fx openssl" % (
                name, best[name], peak[name], best[name] / best["sha256sum"], best[name] / best["openssl"]))


if __name__ == "__main__":
    main()
