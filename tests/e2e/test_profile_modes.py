#!/usr/bin/env python3
"""Members of a profile that say how far a program reaches beyond its files: signals, processes,
the kernel's messages, secrets, what is gone through and what is reported. Each has its effect or
ends the start."""
import json
import os
import socket
import subprocess

from clienv import main, until

IPC = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def ask(name, *args):
    r = getattr(libc, name)(*args)
    return "ok" if r >= 0 else errno.errorcode[ctypes.get_errno()]
print(ask("semget", 0, 1, 0o600), ask("msgget", 0, 0o600), ask("shmget", 0, 4096, 0o600),
      ask("mq_open", b"/nono-test", 0o102, 0o600, None))
"""


def profile(c, **members):
    path = os.path.join(c.base, "home", "p.json")
    with open(path, "w") as f:
        json.dump({"meta": {"name": "p"}, "workdir": {"access": "readwrite"}, **members}, f)
    os.chmod(path, 0o600)
    if c.uid is not None:
        os.chown(path, c.uid, c.uid)
    return path


def run(c, *command, verb="run", code=0, flags=(), **members):
    return c.nono(verb, "--silent", "--allow-cwd", *flags, "--profile", profile(c, **members), "--",
                  *command, code=code)


def bystander(c):
    """A process of the same user, outside."""
    return subprocess.Popen(["sleep", "30"], env=dict(c.env, SECRET="of-the-bystander"), preexec_fn=c.become)


def signals(c):
    p = bystander(c)
    try:
        for mode in ("isolated", "allow_same_sandbox"):
            say = {"security": {"signal_mode": mode}}
            # Its own it may signal.
            run(c, "sh", "-c", "sleep 9 & kill $! && ! kill %d 2>/dev/null" % p.pid, **say)
            run(c, "sh", "-c", "! kill %d 2>/dev/null" % p.pid, verb="wrap", **say)
            run(c, "sh", "-c", "! kill %d 2>/dev/null" % p.pid, flags=("--namespaces", "off"), **say)
        assert p.poll() is None
        run(c, "touch", "ran", code=1, security={"signal_mode": "allow_all"})
        assert "signal_mode allow_all" in c.err and "supervises" in c.err, c.err
        run(c, "touch", "ran", verb="wrap", code=1, security={"signal_mode": "allow_all"})
        assert not os.path.exists(os.path.join(c.work, "ran"))
    finally:
        p.kill()
        p.wait()


def processes(c):
    p = bystander(c)
    # Of which the memory, the environment and the descriptors stay closed, as those of nono.
    script = """cat /proc/%d/comm 2>/dev/null || echo unseen
for f in environ mem maps fd/0; do head -c1 /proc/%d/$f >/dev/null 2>&1 && echo read $f; done
kill -0 %d 2>/dev/null && echo signalled
for d in /proc/[0-9]*; do case $(cat $d/comm 2>/dev/null) in nono*) head -c1 $d/environ >/dev/null 2>&1 && echo read nono
kill -0 ${d#/proc/} 2>/dev/null && echo signalled nono;; esac; done; true""" % (p.pid, p.pid, p.pid)
    try:
        for mode in ("isolated", "allow_same_sandbox"):
            say = {"security": {"process_info_mode": mode}}
            assert run(c, "sh", "-c", script, **say) == "unseen\n"
            run(c, "touch", "ran", code=1, flags=("--namespaces", "off"), **say)
            assert "process_info_mode " + mode in c.err, c.err
            run(c, "touch", "ran", verb="wrap", code=1, **say)
            assert "process_info_mode " + mode in c.err and "pid namespace" in c.err, c.err
        out = run(c, "sh", "-c", script, security={"process_info_mode": "allow_all"})
        assert out == "sleep\n", out
        assert not os.path.exists(os.path.join(c.work, "ran"))
        # What was left running goes with the session all the same.
        run(c, "sh", "-c", "sleep 77.125 & echo $! > pid", security={"process_info_mode": "allow_all"})
        pid = int(open(os.path.join(c.work, "pid")).read())
        until("the end of what was left", lambda: not os.path.exists("/proc/%d" % pid))
        c.nono("run", "--dry-run", "--profile", profile(c, security={"process_info_mode": "allow_all"}), "--", "true")
        assert "whole machine" in c.err, c.err
    finally:
        p.kill()
        p.wait()


def messages(c):
    # Queues of POSIX are files of a file system that no rule opens.
    opened, closed = "ok ok ok EACCES\n", "ENOSYS ENOSYS ok ENOSYS\n"
    assert run(c, "/usr/bin/python3", "-c", IPC) == opened
    assert run(c, "/usr/bin/python3", "-c", IPC, security={"ipc_mode": "full"}) == opened
    assert run(c, "/usr/bin/python3", "-c", IPC, security={"ipc_mode": "shared_memory_only"}) == closed
    assert run(c, "/usr/bin/python3", "-c", IPC, verb="wrap", security={"ipc_mode": "shared_memory_only"}) == closed
    # Where the kernel's messages would be everybody's there are none, and "full" is refused.
    off = ("--namespaces", "off")
    assert "ok" not in run(c, "/usr/bin/python3", "-c", IPC, flags=off)
    run(c, "true", code=1, flags=off, security={"ipc_mode": "full"})
    assert "ipc_mode full" in c.err and "switched off" in c.err, c.err
    # Semaphores that are files are shared memory: Python's own.
    run(c, "/usr/bin/python3", "-c", "import multiprocessing as m; m.Lock().acquire()",
        security={"ipc_mode": "shared_memory_only"})


def secrets(c):
    base = {"env_credentials": {"env://HOME": "SECRET"}}
    run(c, "true", code=1, credentials={"proxy_mode": True}, **base)
    assert "proxy_mode" in c.err and "env_credentials" in c.err and "p.json:" in c.err, c.err
    run(c, "true", credentials={"proxy_mode": False}, **base)
    run(c, "true", credentials={"proxy_mode": True, "keystore": "system"})
    run(c, "true", code=1, credentials={"proxy_mode": False, "keystore": "openai"})
    assert "proxy_mode is off" in c.err, c.err
    run(c, "true", code=2, credentials={"keystore": ["nowhere"]})
    assert "credentials.keystore" in c.err and "nowhere" in c.err, c.err
    # A route is in use: the network goes by name, its variables are there.
    c.nono("run", "--dry-run", "--profile", profile(c, credentials={"proxy_mode": True, "keystore": "github"}),
           "--", "true")
    assert "1 credentials" in c.err, c.err
    run(c, "true", code=1, credential_routes={"a": {}})
    assert "credential_routes" in c.err and "custom_credentials" in c.err, c.err


def skipped(c):
    for d in ("kept", "big", "deep/big"):
        os.makedirs(os.path.join(c.work, d))
    subprocess.run(["chown", "-R", "--reference", c.work, c.work], check=True)
    script = "for d in kept big deep/big; do echo x > $d/f; done; exit 3"
    run(c, "sh", "-c", script, code=3, flags=("--rollback", "--no-rollback-prompt"), skipdirs=["big"])
    sid = json.loads(c.nono("rollback", "list", "--json"))[0]["session_id"]
    shown = c.nono("rollback", "show", sid, "--json")
    assert "kept/f" in shown and "big/f" not in shown, shown


def reported(c):
    path = os.path.join(c.base, "outside", "bus")
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen()
    os.chmod(path, 0o666)
    os.chmod(os.path.dirname(path), 0o755)
    secret = os.path.join(c.base, "outside", "secret")
    open(secret, "w").close()
    program = "import socket,sys\ntry: socket.socket(socket.AF_UNIX).connect(%r)\nexcept OSError: pass\n" \
        "try: open(%r)\nexcept OSError: sys.exit(3)" % (path, secret)

    def told(**members):
        c.nono("run", "--allow-cwd", "--profile", profile(c, **members), "--", "/usr/bin/python3", "-c", program,
               code=3)
        return c.err
    assert path in told() and secret in c.err, c.err
    for entry in (path, "connect"):
        # A file is reported whatever the list says.
        err = told(diagnostics={"suppress_system_services": [entry, secret, "read", "open"]})
        assert path not in err.split("was refused:")[1] and secret in err, err
    s.close()


def sources(c):
    """A variable that a secret is read from is not inherited beside the one that it goes to."""
    script = 'echo "$FROM|$TO|$HOME"'
    env = {"FROM": "secret"}
    home = c.env["HOME"]

    def told(*flags, verb="run"):
        return c.nono(verb, "-s", "--allow-cwd", *flags, "--", "sh", "-c", script, env=env)
    assert told() == "secret||%s\n" % home
    for verb in ("run", "wrap"):
        assert told("--env-credential", "env://FROM=TO", verb=verb) == "|secret|%s\n" % home
        assert told("--env-credential-map", "env://FROM", "TO", verb=verb) == "|secret|%s\n" % home
        assert told("--profile", profile(c, env_credentials={"env://FROM": "TO"}), verb=verb) == "|secret|%s\n" % home
        assert told("--env-credential", "env://FROM=FROM", verb=verb) == "secret||%s\n" % home
        # What every program needs stays.
        assert told("--env-credential", "env://HOME=TO", verb=verb) == "secret|%s|%s\n" % (home, home)


def level(c):
    """The command line's level of the log holds, be it more than the profile wants."""
    def reads(*flags):
        run(c, "sh", "-c", "f=hostname; cat /etc/$f", flags=flags, audit={"level": "decisions"})
        sid = json.loads(c.nono("audit", "list", "--json"))[0]["session_id"]
        with open(os.path.join(c.base, "state/nono/audit", sid, "audit-events.ndjson")) as f:
            rows = [json.loads(line) for line in f]
        # Not the start, which holds the policy.
        return any('"/etc/hostname"' in json.dumps(r) for r in rows if "/etc/hosts" not in json.dumps(r))
    assert not reads()
    assert reads("--audit-level", "all")
    assert not reads("--audit-level", "changes")


def validated(c):
    def warnings(**members):
        return json.loads(c.nono("profile", "validate", "--json", profile(c, **members)))["warnings"]
    assert warnings(security={"signal_mode": "isolated", "process_info_mode": "allow_all", "ipc_mode": "full"},
                    skipdirs=["x"], diagnostics={"suppress_system_services": ["connect"]},
                    credentials={"proxy_mode": True, "keystore": "system"}) == []
    said = warnings(security={"signal_mode": "allow_all"}, credential_routes={"a": {}})
    assert len(said) == 2 and all("refuses" in w for w in said), said
    # What is for another system says so.
    said = warnings(interactive=True, allow_launch_services=True, packs=["a/b"],
                    linux={"af_unix_mediation": "off"})
    assert len(said) == 4 and all(w.split("no effect here: ")[1] for w in said), said


main([signals, processes, messages, secrets, skipped, reported, sources, level, validated])
