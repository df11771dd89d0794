#!/usr/bin/env python3
"""nono setup: what it finds is so, and it changes what it says and nothing else."""
import json
import os
import shutil
import stat

import nonolib


def tree(path):
    out = {}
    for d, dirs, files in os.walk(path):
        for name in dirs + files:
            full = os.path.join(d, name)
            st = os.lstat(full)
            out[full] = (stat.S_IMODE(st.st_mode), st.st_size if name in files else 0)
    return out


def find(report, phase, name):
    return [c for c in report["checks"] if c["phase"] == phase and c["name"] == name]


def check_only(p):
    shutil.rmtree(p.base + "/state")
    before = tree(p.base)
    out = p.nono("setup", "--check-only", "--profiles", "--shell-integration", "-v")
    assert tree(p.base) == before
    for word in ("[1/11] Program", "[11/11] Shell integration", "* Platform: ", "* Kernel: ", "* Landlock: ABI ",
                 "* Confinement: tried", "made when it is needed", "would be written",
                 "source <(nono completion bash)", "ssh keys", "* Libraries: libseccomp"):
        assert word in out, (word, out)
    assert p.err == ""
    p.nono("setup", "extra", code=2)


def makes(p):
    for d in ("state", "run"):
        shutil.rmtree(os.path.join(p.base, d), ignore_errors=True)
    os.chmod(p.base, 0o755)
    p.own(p.base)
    r = p.json("setup", "--profiles")
    assert r["ok"] is True and r["check_only"] is False, r
    for name, path in (("State", "state/nono"), ("Configuration", "home/.config/nono"), ("Runtime", "run/nono")):
        one = find(r, "Directories", name)
        full = os.path.join(p.base, path)
        assert one[0]["state"] == "ok" and full in one[0]["value"], one
        assert stat.S_IMODE(os.stat(full).st_mode) == 0o700
    example = p.home + "/.config/nono/profiles/example.jsonc"
    p.nono("run", "-s", "--allow-cwd", "--profile", "example", "--", "touch", "made")
    assert os.path.exists(p.work + "/made")
    with open(example, "a") as f:
        f.write("// mine\n")
    mine = p.read(example)
    assert "left alone" in p.nono("setup", "--profiles") and p.read(example) == mine


def layers(p):
    """As the sessions have it."""
    r = p.json("setup", "--check-only")
    p.nono("run", "-s", "--allow", p.work, "--memory", "100M", "--max-processes", "50", "--", "true")
    s = p.json("ps", "--all")[0]
    assert find(r, "Sandbox", "Landlock")[0]["value"].startswith("ABI %d:" % s["layers"]["landlock_abi"])
    said = find(r, "Namespaces", "Namespaces")[0]
    for kind in ("user", "mount", "pid", "ipc"):
        assert (kind in said["value"].split(";")[0].split(", ")) == s["layers"][kind + "_ns"], (said, s["layers"])
    for name, member in (("Memory", "memory"), ("Processes", "max_processes")):
        one, held = find(r, "Limits", name)[0], s["limits"][member]["held_by"]
        assert (one["value"] == held) if one["state"] == "ok" else not held.startswith("cgroup"), (one, held)
        assert not [f for f in os.listdir("/sys/fs/cgroup") if f.startswith("nono-setup")]


def without_namespaces(p):
    """None can be made: it says so, and the command that would change it."""
    if p.uid is None and os.getuid() == 0:
        raise nonolib.Skip("root needs none")
    script = "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --inh-caps -all --bounding-set -all " \
             "env %s setup --check-only --json" % p.bin
    r = p.run(["unshare", "-U", "-r", "sh", "-c", script])
    if r.returncode != 0 and not r.stdout:
        raise nonolib.Skip("no user namespaces to begin with")
    report = json.loads(r.stdout)
    one = find(report, "Namespaces", "Namespaces")[0]
    assert one["state"] == "weak" and one["value"].startswith("none: "), one
    assert "user.max_user_namespaces=" in one["fix"] or "unprivileged_userns" in one["fix"], one
    assert find(report, "Namespaces", "Without them"), report
    assert report["ok"] is True and r.returncode == 0


def inside(p):
    """A session can't hold another one: exit 1, and why."""
    out = p.inside(p.inner + " setup --check-only", "--read-file", p.bin, code=1)
    assert "x Supervision: " in out and "inside of a nono session" in out, out
    assert "Sessions can't be held here" in out and "sysctl" not in out, out


def wrong_directories(p):
    os.makedirs(p.base + "/state/nono", exist_ok=True)
    p.own(p.base + "/state/nono")
    os.chmod(p.base + "/state/nono", 0o755)
    one = find(p.json("setup", "--check-only"), "Directories", "State")[0]
    assert one["state"] == "weak" and one["fix"] == "chmod 700 %s/state/nono" % p.base, one
    os.rmdir(p.base + "/state/nono")
    os.symlink(p.outside, p.base + "/state/nono")
    one = find(p.json("setup", "--check-only", code=1), "Directories", "State")[0]
    assert one["state"] == "bad" and "not a directory but a link" in one["value"], one


def agents(p):
    bin = p.mkdir(p.base + "/bin")
    p.write(bin + "/claude", "#!/bin/sh\n")
    os.chmod(bin + "/claude", 0o755)
    r = p.json("setup", "--check-only", env={"PATH": bin + ":" + p.env["PATH"]})
    one = [c for c in find(r, "Profiles and agents", "Agent") if bin in c["value"]]
    assert one and one[0]["value"].endswith("nono run --profile claude-code -- claude"), r


nonolib.main([check_only, makes, layers, without_namespaces, inside, wrong_directories, agents])
