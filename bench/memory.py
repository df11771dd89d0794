#!/usr/bin/env python3
"""PSS of an idle session (all its processes but the program) and what 10,000 plain lines of
scrollback add, against a tmux server with the same pane."""
import os
import subprocess
import time

from benchlib import NONO, Scratch, children, pss_kb, report, sessions

LINES = "i=0; while [ $i -lt 10000 ]; do i=$((i+1)); echo \"line $i of some plain text in a log\"; done"
SESSIONS = 4


def total(pids):
    return sum(pss_kb(p) for p in pids)


def program(s):
    return children(s["child_pid"])


def nono_kb(s, script):
    before = {x["session_id"] for x in sessions(s.env)}
    for _ in range(SESSIONS):
        subprocess.run([NONO, "run", "--silent", "--detached", "--allow", s.work, "--", "/bin/sh",
                        "-c", script], env=s.env, cwd=s.work, check=True, stdout=subprocess.DEVNULL)
    time.sleep(3)
    mine = [x for x in sessions(s.env) if x["session_id"] not in before]
    kb = 0
    for x in mine:
        pids = set(children(x["supervisor_pid"])) - set(program(x))
        kb += total(pids)
    for x in mine:
        subprocess.run([NONO, "stop", "--force", x["session_id"]], env=s.env, capture_output=True)
    return kb / SESSIONS


def tmux_kb(s, script):
    sock = "nono-bench-mem-%d" % os.getpid()
    base = ["tmux", "-L", sock, "-f", "/dev/null"]
    env = dict(s.env)
    env.pop("TMUX", None)
    conf = os.path.join(s.work, "tmux.conf")
    with open(conf, "w") as f:
        f.write("set -g history-limit 10000\n")
    base[-1] = conf
    for i in range(SESSIONS):
        subprocess.run(base + ["new-session", "-d", "-x", "200", "-y", "50", "-s", "s%d" % i,
                               "/bin/sh", "-c", script], env=env, check=True)
    time.sleep(3)
    pid = int(subprocess.run(base + ["display-message", "-p", "#{pid}"], env=env,
                             capture_output=True, text=True).stdout)
    kb = pss_kb(pid)
    subprocess.run(base + ["kill-server"], env=env)
    return kb / SESSIONS


with Scratch() as s:
    idle_n, idle_t = nono_kb(s, "exec sleep 60"), tmux_kb(s, "exec sleep 60")
    full_n, full_t = nono_kb(s, LINES + "; exec sleep 60"), tmux_kb(s, LINES + "; exec sleep 60")
    print("idle session: nono %.0f KB, tmux server with %d sessions %.0f KB each" %
          (idle_n, SESSIONS, idle_t))
    print("10,000 lines add: nono %.0f KB, tmux %.0f KB" % (full_n - idle_n, full_t - idle_t))
    report("PSS of an idle session", "a fixed bound", "%.1f" % (idle_n / 1024), "MB", "<= 3",
           idle_n <= 3 * 1024)
    r = (full_n - idle_n) / max(full_t - idle_t, 1)
    report("scrollback of 10,000 lines", "tmux", "%.2f" % r, "x", "<= 0.4", r <= 0.4)
