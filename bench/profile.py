#!/usr/bin/env python3
"""What policy costs at start: the claude-code profile against no profile, and a profile with 1,000
path rules against one with 10, with a supervisor and without; bubblewrap with the same folders; then
opening files under both, each in the same run."""
import json
import os
import statistics
import sys

from benchlib import NONO, Scratch, have, interleave, median, report

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 100
OPENS = ("import time\nt=time.perf_counter()\nfor i in range(2000):\n"
         " open('%s/data/f%%d' %% (i %% 10)).close()\n"
         "open('took','w').write(str(time.perf_counter()-t))")


def write_profile(s, rules):
    """Half of the paths exist; a tenth is closed."""
    fs = {"read": [], "allow": [], "deny": []}
    for i in range(rules):
        path = os.path.join(s.dir, "rules", "d%d" % (i % 50), "p%d" % i)
        if i % 2 == 0:
            os.makedirs(path, exist_ok=True)
        fs["deny" if i % 10 == 9 else "allow" if i % 3 == 0 else "read"].append(path)
    fs["read"].append(os.path.join(s.dir, "data"))
    path = os.path.join(s.dir, "rules%d.json" % rules)
    with open(path, "w") as f:
        json.dump({"meta": {"name": "rules%d" % rules}, "filesystem": fs,
                   "workdir": {"access": "readwrite"}}, f)
    return path


def run(profile, *command, verb="run"):
    return [NONO, verb, "--silent", "--allow-cwd"] + \
        (["--profile", profile] if profile else []) + ["--", *command]


def bwrap(profile):
    """The folders that are there, bound; a closed one is what is not bound."""
    with open(profile) as f:
        fs = json.load(f)["filesystem"]
    argv = ["bwrap", "--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev",
            "--unshare-pid", "--unshare-ipc", "--die-with-parent"]
    for name in ("/bin", "/lib", "/lib64"):
        argv += ["--symlink", "usr" + name, name] if os.path.islink(name) else \
            ["--ro-bind-try", name, name]
    for option, key in (("--ro-bind", "read"), ("--bind", "allow")):
        for path in fs[key]:
            if os.path.isdir(path):
                argv += [option, path, path]
    return argv + ["/bin/true"]


with Scratch() as s:
    few, many = write_profile(s, 10), write_profile(s, 1000)
    for i in range(10):
        open(os.path.join(s.sub("data"), "f%d" % i), "w").close()
    commands = {"none": run(None, "/bin/true"), "claude": run("claude-code", "/bin/true"),
                "few": run(few, "/bin/true"), "many": run(many, "/bin/true"),
                "wrap few": run(few, "/bin/true", verb="wrap"),
                "wrap many": run(many, "/bin/true", verb="wrap")}
    if have("bwrap"):
        commands.update({"bwrap few": bwrap(few), "bwrap many": bwrap(many)})
    times = interleave(commands, ROUNDS, env=s.env, cwd=s.work)
    ms = {n: median(t) * 1e3 for n, t in times.items()}
    print("  ".join("%s %.2f ms" % i for i in ms.items()))
    d = ms["claude"] - ms["none"]
    report("run --profile claude-code, added", "run", "%.2f" % d, " ms", "<= 2", d <= 2)
    d = ms["many"] - ms["few"]
    report("1,000 path rules, added", "10 rules", "%.2f" % d, " ms", "<= 5", d <= 5)
    d = ms["wrap many"] - ms["wrap few"]
    report("wrap, 1,000 path rules, added", "10 rules", "%.2f" % d, " ms", "<= 8", d <= 8)
    if "bwrap few" in ms:
        d = (ms["many"] - ms["few"]) / (ms["bwrap many"] - ms["bwrap few"])
        report("1,000 path rules, added", "bwrap's binds", "%.2f" % d, "x", "<= 1", d <= 1)
    opens = {"few": [], "many": []}
    program = OPENS % s.dir
    for _ in range(max(3, ROUNDS // 10)):
        for name, profile in (("few", few), ("many", many)):
            interleave({name: run(profile, "/usr/bin/python3", "-c", program)}, 1, env=s.env,
                       cwd=s.work, warmup=0)
            with open(os.path.join(s.work, "took")) as f:
                opens[name].append(float(f.read()))
    r = statistics.median(opens["many"]) / statistics.median(opens["few"])
    print("an open: %.1f us, %.1f us" % tuple(statistics.median(v) / 2000 * 1e6
                                             for v in opens.values()))
    report("2,000 opens, 1,000 rules", "10 rules", "%.2f" % r, "x", "<= 1.05", r <= 1.05)
