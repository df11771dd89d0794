#!/usr/bin/env python3
"""Start-up: what `nono wrap -- true` and `nono run -- true` add over a bare `true`, against
bubblewrap with a like policy (read-only system, writable work folder, own /tmp, /proc, /dev and
pid namespace) and, where CODEX names it, codex's sandbox."""
import os
import sys

from benchlib import NONO, Scratch, have, interleave, median, report

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 200

with Scratch() as s:
    commands = {
        "bare": ["/bin/true"],
        "wrap": [NONO, "wrap", "--silent", "--allow-cwd", "--", "/bin/true"],
        "run": [NONO, "run", "--silent", "--allow-cwd", "--", "/bin/true"],
    }
    if have("bwrap"):
        commands["bwrap"] = [
            "bwrap", "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin",
            "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
            "--symlink", "usr/sbin", "/sbin", "--ro-bind", "/etc", "/etc", "--proc", "/proc",
            "--dev", "/dev", "--tmpfs", "/tmp", "--bind", s.work, s.work, "--chdir", s.work,
            "--unshare-user", "--unshare-pid", "--unshare-ipc", "--new-session",
            "--die-with-parent", "/bin/true"]
    codex = os.environ.get("CODEX")
    if codex:
        commands["codex"] = [codex, "sandbox", "/bin/true"]
    # The user's own home: the rules are about what is in it. State and settings stay apart.
    env = dict(s.env, HOME=os.path.expanduser("~"), CODEX_HOME=s.sub("home/.codex"))
    times = interleave(commands, ROUNDS, env=env, cwd=s.work)
    base = median(times["bare"])
    added = {n: median(t) - base for n, t in times.items() if n != "bare"}
    print("bare %.2f ms" % (base * 1e3))
    for name, t in added.items():
        print("%-6s adds %.2f ms" % (name, t * 1e3))
    if "bwrap" in added:
        r = added["wrap"] / added["bwrap"]
        report("nono wrap -- true, added", "bubblewrap", "%.2f" % r, "x", "<= 0.5", r <= 0.5)
        r = added["run"] / added["bwrap"]
        report("nono run -- true, added", "bubblewrap", "%.2f" % r, "x", "<= 1.5", r <= 1.5)
    if "codex" in added:
        r = added["run"] / added["codex"]
        report("nono run -- true, added", "codex sandbox", "%.2f" % r, "x", "<= 0.2", r <= 0.2)
