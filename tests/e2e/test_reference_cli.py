#!/usr/bin/env python3
"""The command line that scripts for the reference tool were written for: every flag where it is
accepted and where it is not, variables, old spellings, contradictions, streams, exit codes, and the
members of every JSON. What flags do is tested where they are."""
import json
import os
import re
import socket

from clienv import main, until

R, S, W = 1, 2, 4
COMMANDS = {"run": R, "shell": S, "wrap": W}

# flag, commands that have it, values ("DIR" is a folder, "FILE" a file, "SOCK" a socket), and what
# has to stand beside it.
FLAGS = [
    ("--allow", R | S | W, ["DIR"], []), ("--read", R | S | W, ["DIR"], []),
    ("--write", R | S | W, ["DIR"], []), ("-a", R | S | W, ["DIR"], []),
    ("-r", R | S | W, ["DIR"], []), ("-w", R | S | W, ["DIR"], []),
    ("--allow-file", R | S | W, ["FILE"], []), ("--read-file", R | S | W, ["FILE"], []),
    ("--write-file", R | S | W, ["FILE"], []), ("--allow-unix-socket", R | S | W, ["SOCK"], []),
    ("--allow-unix-socket-bind", R | S | W, ["SOCK"], []),
    ("--allow-unix-socket-dir", R | S | W, ["DIR"], []),
    ("--allow-unix-socket-dir-bind", R | S | W, ["DIR"], []),
    ("--allow-unix-socket-subtree", R | S | W, ["DIR"], []),
    ("--allow-unix-socket-subtree-bind", R | S | W, ["DIR"], []),
    ("--bypass-protection", R | S | W, ["FILE"], ["--read-file", "FILE"]),
    ("--suppress-save-prompt", R | S | W, ["DIR"], []), ("--allow-cwd", R | S | W, [], []),
    ("--workdir", R | S | W, ["DIR"], []), ("--block-net", R | S | W, [], []),
    ("--allow-net", R | S, [], []), ("--network-profile", R | S, ["minimal"], []),
    ("--allow-domain", R | S, ["example.com"], []),
    ("--deny-domain", R | S, ["example.com"], []),
    ("--listen-port", R | S | W, ["8080"], ["--block-net"]),
    ("--open-port", R | S | W, ["8080"], ["--block-net"]),
    ("--allow-connect-port", R | S | W, ["8080"], ["--block-net"]),
    ("--upstream-proxy", R | S, ["localhost:3128"], ["--allow-domain", "example.com"]),
    ("--upstream-bypass", R | S, ["example.com"],
     ["--upstream-proxy", "localhost:3128", "--allow-domain", "example.com"]),
    ("--proxy-port", R | S, ["18080"], ["--allow-domain", "example.com"]),
    ("--proxy-ca-validity", R | S, ["365"], ["--allow-domain", "example.com"]),
    ("--allow-http2", R | S, [], ["--allow-domain", "example.com"]),
    ("--credential", R | S, ["openai"], []),
    ("--allow-endpoint", R | S, ["openai:GET:/v1/**"], ["--credential", "openai"]),
    ("--env-credential", R | S | W, ["env://HOME=KEY"], []),
    ("--env-credential-map", R | S | W, ["env://HOME", "KEY"], []),
    ("--allow-command", R | S | W, ["rm"], []), ("--block-command", R | S | W, ["env"], []),
    ("--profile", R | S | W, ["python-dev"], []), ("-p", R | S | W, ["python-dev"], []),
    ("--extends", R | S | W, ["node-dev"], ["--profile", "python-dev"]),
    ("--allow-gpu", R | S | W, [], []), ("--sandbox-policy", R | S, ["auto"], []),
    ("--memory", R | S, ["512M"], []), ("--max-processes", R | S, ["100"], []),
    ("-v", R | S | W, [], []), ("-vv", R | S | W, [], []), ("--dry-run", R | S | W, [], []),
    ("--name", R | S, ["some-name"], []), ("--startup-timeout", R | S, ["9"], []),
    ("--detached", R, [], []), ("--detach-timeout", R, ["9"], ["--detached"]),
    ("--rollback", R, [], []), ("--no-rollback", R, [], []), ("--no-rollback-prompt", R, [], []),
    ("--rollback-exclude", R, ["*.log"], ["--rollback"]),
    ("--rollback-dest", R, ["kept"], ["--rollback"]),
    ("--rollback-include", R, ["target"], ["--rollback"]),
    ("--skip-dir", R, ["vendor"], []), ("--rollback-all", R, [], ["--rollback"]), ("--no-audit", R, [], []),
    ("--no-audit-integrity", R, [], []), ("--audit-integrity", R, [], []),
    ("--capability-elevation", R, [], []), ("--no-diagnostics", R | W, [], []),
    ("--diagnostics-json", R, [], []),
]
# Ours have more: these are for shell too.
ALSO_SHELL = {"--skip-dir", "--rollback", "--no-rollback", "--no-rollback-prompt", "--rollback-exclude",
              "--rollback-dest", "--rollback-include", "--rollback-all", "--no-audit", "--no-audit-integrity",
              "--audit-integrity", "--capability-elevation"}

OLD = [
    ("--net-block", R | S | W, []), ("--net-allow", R | S, []),
    ("--allow-proxy", R | S, ["example.com"]), ("--proxy-allow", R | S, ["example.com"]),
    ("--allow-bind", R | S | W, ["8080"]), ("--allow-port", R | S | W, ["8080"]),
    ("--external-proxy", R | S, ["localhost:3128"]), ("--proxy-credential", R | S, ["openai"]),
    ("--external-proxy-bypass", R | S, ["example.com"]),
    ("--override-deny", R | S | W, ["FILE"]), ("--ignore-denied", R | S | W, ["DIR"]),
]
BESIDE = {"--external-proxy": ["--allow-domain", "example.com"],
          "--external-proxy-bypass": ["--external-proxy", "localhost:3128", "--allow-domain",
                                      "example.com"],
          "--override-deny": ["--read-file", "FILE"], "--allow-bind": ["--block-net"],
          "--allow-port": ["--block-net"]}


def places(c):
    """Fills the values in; the folders are there."""
    here = {"DIR": os.path.join(c.work, "dir"), "FILE": os.path.join(c.env["HOME"], ".netrc"),
            "SOCK": os.path.join(c.work, "sock")}

    def make():
        os.makedirs(here["DIR"], exist_ok=True)
        with open(here["FILE"], "w") as f:
            f.write("machine x\n")
        s = socket.socket(socket.AF_UNIX)
        s.bind(here["SOCK"])
        s.close()
    c.as_user(make)
    return lambda words: [here.get(w, w) for w in words]


def dry(command, args):
    return [command, "--dry-run", *args] + (["--shell", "/bin/sh"] if command == "shell" else
                                            ["--", "true"])


def flags(c):
    fill = places(c)
    for flag, has, values, beside in FLAGS:
        for command, bit in COMMANDS.items():
            args = [flag, *fill(values), *fill(beside)]
            if has & bit or (command == "shell" and flag in ALSO_SHELL):
                c.nono(*dry(command, args))
                assert "dry-run sandbox would be applied with above capabilities" in c.err, args
                assert "Capabilities:" in c.err.splitlines()[0], c.err
                if values and flag.startswith("--") and len(values) == 1:
                    c.nono(*dry(command, ["%s=%s" % (flag, fill(values)[0]), *fill(beside)]))
            elif (command, flag) != ("wrap", "--allow-net"):  # ours has it there
                assert c.nono(*dry(command, args), code=2) == "", args
                assert flag in c.err, (args, c.err)
        if values:  # a value that is missing
            c.nono("run", flag, code=2)
            assert "needs" in c.err, c.err


def old_flags(c):
    fill = places(c)
    for flag, has, values in OLD:
        for command, bit in COMMANDS.items():
            args = [flag, *fill(values), *fill(BESIDE.get(flag, []))]
            if has & bit:
                c.nono(*dry(command, args))
            elif (command, flag) != ("wrap", "--net-allow"):
                c.nono(*dry(command, args), code=2)
        assert not re.search(r"^ .*%s\b" % flag, c.nono("help", "run"), re.M), flag


def variables(c):
    fill = places(c)
    folder = fill(["DIR"])[0]
    for name, value, word in (
            ("NONO_ALLOW", folder, "rw  " + folder), ("NONO_BLOCK_NET", "1", "network: blocked"),
            ("NONO_BLOCK_NET", "yes", "network: blocked"), ("NONO_BLOCK_NET", "no", "network: open"),
            ("NONO_NET_BLOCK", "TRUE", "network: blocked"), ("NONO_ALLOW_NET", "1", "network: open"),
            ("NONO_NET_ALLOW", "true", "network: open"), ("NONO_PROFILE", "python-dev", "workdir"),
            ("NONO_NETWORK_PROFILE", "minimal", "by name"),
            ("NONO_ALLOW_DOMAIN", "a.example,b.example", "2 in the list"),
            ("NONO_ALLOW_PROXY", "a.example", "1 in the list"),
            ("NONO_PROXY_ALLOW", "a.example", "1 in the list"), ("NONO_CREDENTIAL", "openai", "1 credentials"),
            ("NONO_PROXY_CREDENTIAL", "openai", "1 credentials")):
        args = ["--workdir", folder] if name != "NONO_PROFILE" else ["--allow-cwd"]
        got, _, err = c.raw(*dry("run", args), env={name: value})
        err = err.decode()
        assert got == 0, (name, err)
        if name == "NONO_PROFILE":
            assert "rw  " + c.work in err, err
        else:
            assert word in err, (name, word, err[-400:])
    for name, value in (("NONO_BLOCK_NET", "maybe"), ("NONO_PROXY_CA_VALIDITY", "366"),
                        ("NONO_STARTUP_TIMEOUT", "soon")):
        got, out, err = c.raw(*dry("run", ["--allow-domain", "x.example"] if "CA" in name else []),
                              env={name: value})
        assert got == 2 and name in err.decode() + "--" and value in err.decode(), (name, err)
    # A flag beats its own variable, and contradicts the other one.
    c.nono(*dry("run", ["--block-net"]), env={"NONO_BLOCK_NET": "0"})
    assert "network: blocked" in c.err
    c.nono(*dry("run", []), env={"NONO_ALLOW_NET": "1", "NONO_BLOCK_NET": "1"}, code=2)
    c.nono(*dry("run", ["--allow-net"]), env={"NONO_BLOCK_NET": "1"}, code=2)
    c.nono(*dry("run", []), env={"NONO_UPSTREAM_PROXY": "localhost:3128", "NONO_BLOCK_NET": "1"}, code=2)


def contradictions(c):
    fill = places(c)
    folder = fill(["DIR"])[0]
    net = (["--allow-domain", "x.example"], ["--network-profile", "minimal"], ["--credential", "openai"],
           ["--deny-domain", "x.example"], ["--upstream-proxy", "localhost:3128"])
    rows = [["--block-net", "--allow-net"], ["--rollback", "--no-rollback"],
            ["--rollback", "--rollback-all", "--rollback-include", "x"],
            ["--rollback", "--no-audit"], ["--no-audit", "--audit-integrity"],
            ["--no-audit", "--no-audit-integrity"], ["--no-audit", "--audit-sign-key", "x"],
            ["--no-audit-integrity", "--rollback"], ["--no-audit-integrity", "--audit-integrity"],
            ["--no-audit-integrity", "--audit-sign-key", "x"], ["--extends", "node-dev"],
            ["--detach-timeout", "5"], ["--detach-timeout", "0", "--detached"]]
    rows += [["--allow-net", *n] for n in net] + [["--block-net", *n] for n in net]
    rows += [["--config", "x", *more] for more in (
        ["--allow", folder], ["--profile", "codex"], ["--block-net"], ["--allow-cwd"],
        ["--allow-domain", "x.example"], ["--bypass-protection", folder], ["--open-port", "80"],
        ["--credential", "openai"], ["--capability-elevation"], ["--allow-gpu"])]
    for args in rows:
        assert c.nono(*dry("run", args), code=2) == "" and c.err.startswith("nono: "), (args, c.err)
        assert "Try 'nono run --help'." in c.err, c.err


def streams(c):
    """Status on standard error, the program's own output untouched, --silent leaves nothing."""
    got, out, err = c.raw("run", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (got, out) == (7, b"out\n") and err.startswith(b"Capabilities:") and err.endswith(b"err\n")
    for args in (["run", "-s"], ["-s", "run"], ["--silent", "run"]):
        assert c.raw(*args, "--", "sh", "-c", "echo out; echo err >&2; exit 7") == \
            (7, b"out\n", b"err\n"), args
    for how, want in (("kill -9 $$", 137), ("kill -TERM $$", 143), ("kill -SEGV $$", 139)):
        assert c.raw("run", "-s", "--", "sh", "-c", how)[0] == want, how
    # Everything after the first word belongs to the program.
    assert c.nono("run", "-s", "echo", "--allow", "-s", "--help") == "--allow -s --help\n"
    assert c.nono("wrap", "-s", "echo", "--", "-v") == "-- -v\n"
    got, out, err = c.raw("run", "-s", "--", "/nonexistent")
    assert got == 1 and out == b"" and err.startswith(b"nono: "), err
    # A grant of what is not there: one warning, and the run goes on.
    assert c.nono("run", "--read", "/nonexistent/x", "--read", "/nonexistent/y", "--", "echo", "x") == "x\n"
    assert c.err.count("some requested sandbox grants were skipped because the path does not exist") == 1
    assert "does not exist, skipping" not in c.err
    assert c.nono("inspect", "nosuch", code=1) == "" and c.err.startswith("nono: ")
    for command in ("stop", "logs", "attach", "detach"):
        assert c.nono(command, "nosuch", code=1) == "", command
    assert c.nono("ps") == "" and c.err  # a sentence, on standard error
    assert c.nono("ps", "--json") == "[]\n"
    for name in ("NONO_CAP_FILE",):
        cap = os.path.join(c.work, "cap")
        for command in (["stop", "x"], ["detach", "x"], ["attach", "x"], ["prune"],
                        ["audit", "cleanup"]):
            c.nono(*command, env={name: cap}, code=1)
            assert "sandbox" in c.err, (command, c.err)


def log_file(c):
    log = os.path.join(c.base, "outside", "log")
    for args in (["--log-file", log, "run"], ["run", "--log-file=" + log]):
        c.nono(*args, "-v", "--read", "/nonexistent", "--", "true")
        assert "Capabilities:" in c.err and "skipped" not in c.err and "Layers:" not in c.err, c.err
        text = open(log).read()
        assert re.search(r"^\d{4}-.* \[\d+\] nono: warning: some requested", text, re.M), text
        assert re.search(r"\] Layers: landlock", text), text
        assert os.stat(log).st_mode & 0o777 == 0o600 and os.stat(log).st_uid == (c.uid or os.getuid())
        os.unlink(log)
    # By its variable, which the program does not see; a name in the working directory.
    out = c.nono("run", "-v", "--", "sh", "-c", "echo ${NONO_LOG_FILE-unset}", env={"NONO_LOG_FILE": log})
    assert out == "unset\n" and "Layers:" in open(log).read()
    c.nono("--log-file", "here", "inspect", "nosuch", code=1)
    assert "no session 'nosuch'" in c.err and "no session 'nosuch'" in open(os.path.join(c.work, "here")).read()
    before = open(log).read()
    os.symlink(log, os.path.join(c.work, "link"))
    for bad in ("link", "/nonexistent/x", c.work):
        c.nono("--log-file", bad, "ps", code=1)
        assert "--log-file" in c.err and c.err.count("\n") == 1, c.err
        c.nono("ps", env={"NONO_LOG_FILE": bad}, code=1)
    assert open(log).read() == before
    # A detached run's too.
    sid = c.nono("run", "-s", "--log-file", log, "-v", "--detached", "--", "sleep", "0").strip()
    until("the lines of a detached run", lambda: "Layers:" in open(log).read()[len(before):])
    until("its end", lambda: c.inspect(sid)["status"] == "exited")


def themes(c):
    for name in ("mocha", "latte", "frappe", "macchiato", "tokyo-night", "minimal"):
        for args, env in ((["--theme", name, "ps"], {}), (["ps", "--theme", name], {}),
                          (["ps"], {"NONO_THEME": name})):
            c.nono(*args, env=env)
            assert "theme" not in c.err, c.err
    c.nono("--theme", "mokka", "ps")  # no reason to stop
    assert "mokka" in c.err and c.err.count("warning") == 1, c.err
    c.nono("-s", "--theme", "mokka", "ps")
    assert "mokka" not in c.err


def aliases(c):
    """Old names of commands."""
    sid = c.nono("run", "-s", "--detached", "--name", "old", "--", "sleep", "60").strip()
    for command in ("pause", "detach"):
        c.nono(command, "old")
    for command in ("resume", "attach"):
        got, _, err = c.raw(command, "old")
        assert got == 1 and b"terminal" in err, err
    c.nono("stop", "--force", sid[:6])
    until("the end", lambda: c.inspect("old")["status"] == "exited")
    for command in ("resume", "attach"):  # what has ended is told, and is no failure
        c.nono(command, "old")
        assert "ended" in c.err, c.err
    c.nono("logs", "old")
    assert c.nono("policy", "groups", "--json") == c.nono("profile", "groups", "--json")
    c.nono("policy", "profiles", "--json")
    assert "'policy' is an old name" in c.err
    c.nono("session", "cleanup", "--dry-run")
    c.nono("prune", "--keep", "0", "--older-than", "1")


def has(v, *names):
    """All of these members, by name or dotted."""
    for n in names:
        at = v
        for part in n.split("."):
            assert part in at, "%s lacks %s" % (sorted(at), n)
            at = at[part]


def sessions_json(c):
    c.nono("run", "-s", "--name", "one", "--allow", ".", "--", "sh", "-c", "echo x > f; exit 3", code=3)
    rows = json.loads(c.nono("ps", "--all", "--json"))
    fields = ("session_id", "name", "supervisor_pid", "child_pid", "started", "started_epoch", "status",
              "attachment", "exit_code", "command", "profile", "workdir", "network", "rollback_session")
    has(rows[0], *fields)
    r = json.loads(c.nono("inspect", "one", "--json"))
    has(r, *fields)
    assert re.fullmatch(r"[0-9a-f]{16}", r["session_id"]) and r["status"] == "exited"
    assert r["exit_code"] == 3 and r["network"] == "allowed" and r["attachment"] == "detached"
    assert r["command"][0] == "sh" and r["rollback_session"] is None
    text = c.nono("inspect", "one")
    for label in ("Session:", "Name:", "Status:", "Attached:", "PID:        ", "Started:", "Exit code:",
                  "Command:", "Profile:", "Workdir:", "Network:"):
        assert re.search("^" + re.escape(label), text, re.M), (label, text)
    head = c.nono("ps", "--all").splitlines()[0].split()
    assert head[:8] == "SESSION NAME STATUS ATTACH PID UPTIME PROFILE COMMAND".split(), head
    assert "exited(3)" in c.nono("ps", "--all")
    text = c.nono("inspect", "one", "--events", "--changes")
    assert "Changes: not known without --rollback\n" in text, text
    assert "\nEvents:\n" in text and re.search(r"allowed  create .*/work/f ", text), text
    v = json.loads(c.nono("inspect", "one", "--events", "--changes", "--json"))
    assert v["changes"] == [] and 0 < len(v["events"]) <= 20, v["events"]
    assert v["events"][-1]["type"] == "session_ended", v["events"][-1]
    row = json.loads(c.nono("audit", "list", "--json"))[0]
    has(row, "session_id", "started", "ended", "command", "tracked_paths", "snapshot_count", "exit_code",
        "network_event_count", "disk_size", "is_alive", "is_stale")
    sid = row["session_id"]
    has(json.loads(c.nono("audit", "show", sid, "--json")), "session_id", "started", "ended", "command",
        "executable_identity", "tracked_paths", "exit_code", "merkle_roots", "network_events",
        "command_policy_events", "audit_event_count", "audit_integrity.hash_algorithm",
        "audit_integrity.event_count", "audit_integrity.chain_head", "audit_integrity.merkle_root",
        "snapshots")
    v = json.loads(c.nono("audit", "verify", sid, "--json"))
    has(v, *("session." + n for n in (
        "hash_algorithm", "merkle_scheme", "event_count", "computed_chain_head", "computed_merkle_root",
        "stored_event_count", "stored_chain_head", "stored_merkle_root", "event_count_matches",
        "records_verified")))
    has(v, *("ledger." + n for n in (
        "hash_algorithm", "entry_count", "session_digest", "session_found", "session_digest_matches",
        "ledger_chain_verified", "ledger_head")))
    has(v, "attestation.present")
    assert v["session"]["merkle_scheme"] == "alpha" and v["ledger"]["session_found"] is True
    assert json.loads(c.nono("rollback", "list", "--json")) == []
    c.nono("audit", "cleanup", "--keep", "0", "--dry-run")
    c.nono("audit", "cleanup", "--all")
    assert json.loads(c.nono("audit", "list", "--json")) == []


def rollback_json(c):
    c.nono("run", "-s", "--rollback", "--no-rollback-prompt", "--allow", ".", "--", "sh", "-c",
           "echo x > new")
    row = json.loads(c.nono("rollback", "list", "--json"))[0]
    has(row, "session_id", "started", "ended", "command", "tracked_paths", "snapshot_count", "exit_code",
        "disk_size", "is_alive", "is_stale")
    v = json.loads(c.nono("rollback", "show", row["session_id"], "--json"))
    has(v, "session_id", "started", "ended", "command", "executable_identity", "tracked_paths",
        "exit_code", "disk_size", "is_alive", "is_stale", "snapshots")
    has(v["snapshots"][0], "number", "timestamp", "parent", "file_count", "merkle_root", "changes")
    change = [x for s in v["snapshots"] for x in s["changes"]][0]
    has(change, "path", "type", "size_delta")
    assert change["path"].endswith("/new") and change["size_delta"] == 2, change
    assert "OK" in c.nono("rollback", "verify", row["session_id"]) + c.err
    assert c.inspect(row["session_id"])["rollback_session"] == row["session_id"]
    text = c.nono("inspect", row["session_id"], "--changes")
    assert re.search("^Rollback: +" + row["session_id"], text, re.M), text
    assert re.search(r"^Changes:\n  \+ .*/new$", text, re.M), text
    c.nono("rollback", "restore", row["session_id"], "--snapshot", "0", "--dry-run")
    assert os.path.exists(os.path.join(c.work, "new"))


def profiles_json(c):
    text = {"meta": {"name": "p", "description": "d"}, "extends": "python-dev",
            "filesystem": {"read": ["~/x"]}, "network": {"allow_domain": ["a.example"]},
            "commands": {"allow": ["rm"]}, "env_credentials": {"env://A": "B"},
            "open_urls": {"allow_origins": ["https://a.example"], "allow_localhost": True}}
    files = []
    for name in ("p", "q"):
        files.append(os.path.join(c.base, "outside", name + ".json"))

        def make():
            with open(files[-1], "w") as f:
                json.dump(dict(text, meta={"name": name}), f)
            os.chmod(files[-1], 0o600)
        c.as_user(make)
    v = json.loads(c.nono("profile", "show", files[0], "--json"))
    has(v, "name", "description", "extends", "security.capability_elevation", "filesystem.allow",
        "filesystem.read", "filesystem.write", "filesystem.allow_file", "filesystem.read_file",
        "filesystem.write_file", "filesystem.deny", "filesystem.bypass_protection",
        "filesystem.suppress_save_prompt", "groups.include", "groups.exclude", "commands.allow",
        "commands.deny", "network.block", "network.network_profile", "network.allow_domain",
        "network.credentials", "network.open_port", "network.listen_port", "network.upstream_proxy",
        "network.upstream_bypass", "workdir.access", "rollback", "env_credentials", "open_urls")
    d = json.loads(c.nono("profile", "diff", *files, "--json"))
    has(d, "profile1", "profile2", "groups.added", "groups.removed", "commands.allow.added",
        "commands.deny.removed", "capability_elevation.changed", "wsl2_proxy_policy.profile1",
        "linux.af_unix_mediation.profile2", "workdir.changed", "env_credentials.changed",
        "allow_launch_services.changed", "allow_gpu.changed", "filesystem.read.added",
        "filesystem.suppress_save_prompt.removed", "network.block.changed",
        "network.network_profile.changed", "network.allow_domain.added", "network.credentials.added",
        "network.open_port", "network.listen_port", "network.upstream_proxy", "network.upstream_bypass",
        "network.custom_credentials.added", "network.custom_credentials.changed", "hooks.added",
        "rollback", "open_urls")
    has(json.loads(c.nono("profile", "validate", files[0], "--json")), "file", "valid", "errors",
        "warnings", "deprecated_keys")
    has(json.loads(c.nono("profile", "list", "--json"))[0], "name", "source", "pack", "description",
        "extends")
    groups = {g["name"]: g for g in json.loads(c.nono("profile", "groups", "--json"))}
    for g in groups.values():
        has(g, "name", "description", "platform", "required", "allow", "deny")
    has(groups["node_runtime"], "allow.read", "allow.write", "allow.readwrite")
    has(groups["deny_credentials"], "deny.access", "deny.commands", "deny.unlink")
    g = json.loads(c.nono("profile", "groups", "deny_credentials", "--json"))
    has(g["deny"]["access"][0], "raw", "expanded")
    text = c.nono("profile", "validate", files[0])
    assert "[ok]" in text and "Result: valid" in text, text
    for name in ("default", "linux-host-compat", "python-dev", "node-dev", "go-dev", "java-dev",
                 "rust-dev", "openclaw", "swival", "bun-dev", "mise-dev"):
        c.nono("profile", "show", name)
    manifest = json.loads(c.nono("profile", "show", files[0], "--format", "manifest"))
    has(manifest, "version", "filesystem.grants", "filesystem.deny", "network.mode")
    has(manifest["filesystem"]["grants"][0], "path", "access", "type")
    assert manifest["version"] == "0.1.0", manifest["version"]


def why_json(c):
    home = c.env["HOME"]
    for args, want in (
            (["--path", "/etc/hosts"], {"status", "reason", "granted_path", "access", "source"}),
            (["--path", home + "/.ssh"], {"status", "reason", "details", "policy_source"}),
            (["--path", "/srv/none"], {"status", "reason", "details", "suggested_flag"}),
            (["--path", "/etc/hosts", "--op", "write"],
             {"status", "reason", "details", "matching_capability"}),
            (["--host", "a.example"], {"status", "reason", "access"}),
            (["--host", "a.example", "--block-net"], {"status", "reason", "details"}),
            (["--host", "a.example", "--allow-domain", "b.example"],
             {"status", "reason", "details", "policy_source"}),
            (["--scope", "signal"], {"status", "scope", "state", "requested", "enforced", "supported",
                                     "kernel_abi", "details"}),
            (["--scope", "abstract-unix-socket"], {"status", "scope", "state", "requested"}),
            (["--command", "git"], {"status", "reason", "details"}),
            (["--self", "--path", "/x"], {"status", "message"})):
        a = json.loads(c.nono("why", "--json", *args))
        assert want <= set(a), (args, want - set(a))
    for args, word in ((["--path", "/etc/hosts"], "ALLOWED\n"), (["--path", "/srv/none"], "DENIED\n"),
                       (["--self", "--path", "/x"], "NOT SANDBOXED\n"), (["--scope", "signal"], "SCOPE\n")):
        assert c.nono("why", *args).startswith(word), args


def inside(c):
    """What the program finds in its environment, and what not."""
    out = c.nono("run", "-s", "--allow", ".", "--", "sh", "-c", "env; cat $NONO_CAP_FILE",
                 env={"LD_PRELOAD": "/x.so", "BASH_ENV": "/x", "NODE_OPTIONS": "--x", "PYTHONPATH": "/x",
                      "OP_SESSION_abc": "x", "GOFLAGS": "-x", "KEPT": "1"})
    for gone in ("LD_PRELOAD", "BASH_ENV", "NODE_OPTIONS", "PYTHONPATH", "OP_SESSION_abc", "GOFLAGS"):
        assert not re.search("^%s=" % gone, out, re.M), gone
    assert re.search("^KEPT=1$", out, re.M) and re.search("^NONO_CAP_FILE=/", out, re.M)
    cap = json.loads(out[out.index("\n{") + 1:])
    has(cap, "fs", "net_blocked", "allowed_commands", "blocked_commands", "bypass_protection_paths",
        "allowed_domains")
    has(cap["fs"][0], "original", "path", "access", "is_file")
    got, _, err = c.raw("run", "-s", "--diagnostics-json", "--", "cat", c.env["HOME"] + "/.ssh/x")
    d = json.loads(err.decode()[err.decode().index("{"):])
    has(d, "exit_code", "denials", "ipc_denials", "violations", "diagnostics")
    assert got == d["exit_code"] != 0


main([flags, old_flags, variables, contradictions, streams, log_file, themes, aliases, sessions_json,
      rollback_json, profiles_json, why_json, inside])
