#!/usr/bin/env python3
"""Limits of a session: each is held, by whatever holds it here, and who runs into one is told."""
import glob
import json
import os
import signal
import time

import nonolib
from nonolib import both, until

HOG = """
import os, sys
kept = []
for i in range(int(sys.argv[1])):
    kept.append(b"x" * (1 << 20))
print("ate it", flush=True)
"""

FORKS = """
import os, time
n = 0
try:
    while n < 200:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        n += 1
except OSError as e:
    print("stopped", n, e.errno, flush=True)
time.sleep(2)
"""

# Doubles eleven times: enough to show that it is held, little enough for the machine if it is not.
BOMB = """
import os, time
for i in range(11):
    try:
        os.fork()
    except OSError:
        pass
time.sleep(1000)
"""

WAYS_OUT = """
for f in $(find /sys/fs/cgroup -name cgroup.procs 2>/dev/null | head -50); do
    (echo $$ > $f) 2>/dev/null && echo "moved by $f"
done
for f in $(find /sys/fs/cgroup -name '*.max' -o -name '*limit_in_bytes' -o -name '*quota_us' 2>/dev/null | head -200); do
    (echo -1 > $f) 2>/dev/null && echo "set $f"
    (echo max > $f) 2>/dev/null && echo "set $f"
done
for d in $(find /sys/fs/cgroup -maxdepth 3 -type d 2>/dev/null | head -50); do
    mkdir $d/mine 2>/dev/null && echo "made $d/mine"
done
cat /proc/self/cgroup > after
true
"""

RAISE = """
import resource
for what in (resource.RLIMIT_NPROC, resource.RLIMIT_AS):
    soft, hard = resource.getrlimit(what)
    try:
        resource.setrlimit(what, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (OSError, ValueError):
        pass
"""


def groups(sid):
    return glob.glob("/sys/fs/cgroup/**/nono-" + sid, recursive=True)


def last(p):
    return p.json("ps", "--all")[0]


def limited(p, *flags, script, code=None, namespaces=()):
    """Runs a Python program under limits; its output and the record."""
    p.write("prog.py", script)
    out = p.nono("run", "--allow", p.work, *namespaces, *flags, "--", "python3", "prog.py", "400",
                 code=code)
    err, code = p.err, p.code
    r = last(p)
    p.err, p.code = err, code
    return out, r


def memory(p, ns):
    out, r = limited(p, "--memory", "96M", script=HOG, code=137, namespaces=ns)
    assert "ate it" not in out
    assert "nono: memory: limit of 96 MiB reached: 1 process was killed" in p.err, p.err
    assert r["exit_code"] == 137 and r["ended_by"] == "memory", r
    m = r["limits"]["memory"]
    assert m["limit"] == 96 << 20 and m["reached"] == 1, m
    assert m["held_by"] in ("cgroup v1", "cgroup v2", "supervisor"), m
    assert ("warning" in p.err) == (m["held_by"] == "supervisor"), p.err
    ev = p.events(r["session_id"], "limit")
    assert [e["op"] for e in ev] == ["memory"] and ev[0]["source"] == m["held_by"], ev
    p.nothing_left(r, "a session whose memory was over")
    assert not groups(r["session_id"])
    # What fits, fits.
    out, r = limited(p, "--memory", "900M", script=HOG, code=0, namespaces=ns)
    assert "ate it" in out and r["ended_by"] is None, r


def only_the_hog(p, ns):
    """The program lives on if the memory is another's."""
    p.write("hog.py", HOG)
    out = p.inside("python3 hog.py 300; echo code $?", "--memory", "96M", *ns)
    assert out == "code 137\n", out
    assert last(p)["ended_by"] is None and last(p)["limits"]["memory"]["reached"] == 1


def processes(p, ns):
    out, r = limited(p, "--max-processes", "20", script=FORKS, namespaces=ns)
    held = r["limits"]["max_processes"]["held_by"]
    if held == "supervisor":
        assert p.code == 137 and r["ended_by"] == "max_processes", r
        assert "nono: max_processes: limit of 20 reached: the session is stopped" in p.err, p.err
    else:
        assert p.code == 0 and out == "stopped 19 11\n", (held, out)
    p.nothing_left(r, "many processes")
    assert not groups(r["session_id"])


def bomb(p, ns):
    out, r = limited(p, "--max-processes", "60", "--wall-time", "3s", script=BOMB, namespaces=ns)
    assert p.code in (124, 137), p.code
    p.nothing_left(r, "a fork bomb")
    assert not groups(r["session_id"])


def wall_time(p, ns):
    start = time.monotonic()
    p.inside("sleep 60", "--wall-time", "1s", *ns, code=124)
    assert time.monotonic() - start < 10 * nonolib.SLOW
    r = last(p)
    assert r["exit_code"] == 124 and r["ended_by"] == "wall_time", r
    assert p.events(r["session_id"], "limit")[0]["op"] == "wall_time"
    p.nothing_left(r, "a session whose time was over")
    # Who ends in time has its own code; who does not listen is killed.
    p.inside("exit 7", "--wall-time", "60s", *ns, code=7)
    start = time.monotonic()
    p.inside("trap '' TERM HUP; sleep 60; sleep 60", "--wall-time", "0.5", *ns, code=124)
    assert time.monotonic() - start > 4


def in_background(p):
    r = p.start("timed", "sleep 60", "--wall-time", "1s", "--max-processes", "30")
    assert r["limits"]["wall_time"]["held_by"] == "timer", r
    assert "wall_time 1s (timer)" in p.nono("inspect", "timed")
    end = until("the end", lambda: (lambda x: x if x["status"] == "exited" else None)(
        p.json("inspect", r["session_id"])), 10)
    assert end["exit_code"] == 124 and end["ended_by"] == "wall_time", end


def cpu(p):
    p.write("spin.py", "import time\nt = time.time()\nwhile time.time() - t < 2: pass\n"
            "print(time.process_time() / 2)\n")
    p.nono("run", "-v", "--allow", p.work, "--cpu", "25%", "--", "python3", "spin.py", code=None)
    if p.code == 1:  # nothing here can hold it: nothing ran
        assert "nono: --cpu can't be held" in p.err and "control group" in p.err, p.err
        assert os.getuid() != 0 or p.uid is not None or not os.access("/sys/fs/cgroup", os.W_OK), p.err
        assert not p.json("ps", "--all")
        return
    assert p.code == 0 and "cpu 0.25 processors (cgroup" in p.err, p.err
    out = p.nono("run", "-s", "--allow", p.work, "--cpu", "0.25", "--", "python3", "spin.py")
    assert float(out) < 0.5, out
    assert not groups(last(p)["session_id"])


def no_way_out(p, ns):
    p.write("raise.py", RAISE + FORKS)
    before = p.inside("cat /proc/self/cgroup", "--max-processes", "40", *ns)
    out = p.inside(WAYS_OUT, "--allow", "/sys/fs/cgroup", "--max-processes", "40", *ns)
    assert out == "", out
    after = p.read("after")
    def shape(text):
        return [l.split("nono-")[0] for l in text.splitlines()]
    assert shape(before) == shape(after), (before, after)
    out = p.inside("python3 raise.py", "--max-processes", "20", *ns, code=None)
    assert p.code == 137 or out == "stopped 18 11\n", (p.code, out)


def supervisor_killed(p):
    r = p.start("killed", "sleep 100", "--memory", "200M", "--max-processes", "50")
    os.kill(r["supervisor_pid"], signal.SIGKILL)
    until("the end of all", lambda: not p.processes(), 10)
    assert p.json("inspect", r["session_id"])["status"] == "exited"
    p.nono("ps", "--all")
    assert not groups(r["session_id"])


def wrong(p):
    for flag, value in (("--memory", "12X"), ("--memory", "0"), ("--memory", "-1"), ("--cpu", "0"),
                        ("--max-processes", "1.5"), ("--wall-time", "soon"), ("--wall-time", "")):
        p.nono("run", flag, value, "--", "true", code=2)
        assert flag[2:].replace("-", "_") + ": '" in p.err, p.err
    p.nono("wrap", "--memory", "64M", "--", "true", code=2)
    assert not p.json("ps", "--all")


def by_profile(p):
    path = p.write(p.outside + "/limits.json", json.dumps({
        "meta": {"name": "small"}, "resources": {"wall_time": "1s", "max_processes": 30}}))
    p.inside("sleep 60", "--profile", path, code=124)
    assert last(p)["limits"]["max_processes"]["limit"] == 30
    p.inside("sleep 1.5", "--profile", path, "--wall-time", "none")
    assert "wall_time" not in last(p)["limits"]
    p.nono("run", "--dry-run", "--profile", path, "--max-processes", "7", "--", "true")
    assert "limits: max_processes 7, wall_time 1s" in p.err, p.err
    p.nono("wrap", "--profile", path, "--", "true", code=1)
    assert "nono wrap has no supervisor" in p.err, p.err
    path = p.write(p.outside + "/wrong.json", json.dumps({
        "meta": {"name": "wrong"}, "resources": {"memory": "lots"}}))
    p.nono("run", "--profile", path, "--", "true", code=1)
    assert "memory" in p.err and "lots" in p.err, p.err


CASES = [c for f in (memory, only_the_hog, processes, bomb, wall_time, no_way_out) for c in both(f)]
CASES += [in_background, cpu, supervisor_killed, wrong, by_profile]

if __name__ == "__main__":
    nonolib.main(CASES)
