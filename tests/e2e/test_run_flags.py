#!/usr/bin/env python3
"""Options of run, shell and wrap: deny rules lifted, sockets, credentials, programs that are not
started, timeouts, old spellings, variables, contradictions."""
import json
import os
import re
import socket
import threading
import stat
import time

from clienv import main, until

SECRET = "s3cret-Value"


def user_file(c, path, text, mode=0o600):
    full = os.path.join(c.base, path)

    def make():
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w") as f:
            f.write(text)
        os.chmod(full, mode)
    c.as_user(make)
    return full


def bypass(c):
    key = user_file(c, "home/.ssh/id_rsa", "KEY\n")
    other = user_file(c, "home/.ssh/other", "OTHER\n")
    for name in ("run", "wrap"):
        # It gives nothing by itself, and a grant alone does not lift the rule.
        c.nono(name, "-s", "--bypass-protection", key, "--", "true", code=1)
        assert "no grant covers it" in c.err, c.err
        c.nono(name, "-s", "--read-file", other, "--bypass-protection", key, "--", "true", code=1)
        code, out, _ = c.raw(name, "-s", "--read-file", key, "--", "cat", key)
        assert code != 0 and b"KEY" not in out
        for flag in ("--bypass-protection", "--override-deny"):
            code, out, err = c.raw(name, "-s", "--read-file", key, flag, key, "--", "sh", "-c",
                                   "cat %s; cat %s; echo x >> %s" % (key, other, key))
            assert out == b"KEY\n", (name, flag, out, err)
    c.nono("run", "--dry-run", "--read-file", key, "--bypass-protection", key, "--", "true")
    assert "relaxing deny rule" not in c.err
    c.nono("run", "-v", "--dry-run", "--read-file", key, "--bypass-protection", key, "--", "true")
    assert "bypass_protection relaxing deny rule: " + key in c.err, c.err
    # Nothing of nono's own, whatever is named.
    state = os.path.join(c.env["XDG_STATE_HOME"], "nono")
    c.nono("run", "-s", "--read", state, "--bypass-protection", state, "--", "true", code=1)
    assert "overlaps protected nono state root" in c.err, c.err
    a = json.loads(c.nono("why", "--json", "--path", key, "--read-file", key, "--bypass-protection",
                          key))
    assert a["status"] == "allowed", a
    cap = json.loads(c.nono("run", "-s", "--read-file", key, "--bypass-protection", key, "--", "sh",
                            "-c", "cat $NONO_CAP_FILE"))
    assert cap["bypass_protection_paths"] == [key], cap["bypass_protection_paths"]


CONNECT = ("import socket,sys\\n"
           "for p in sys.argv[1:]:\\n"
           "  s=socket.socket(socket.AF_UNIX)\\n"
           "  try: s.connect(p); print('yes')\\n"
           "  except OSError as e: print('no')\\n")
BIND = ("import socket,sys\\n"
        "for p in sys.argv[1:]:\\n"
        "  s=socket.socket(socket.AF_UNIX)\\n"
        "  try: s.bind(p); s.listen(); print('yes')\\n"
        "  except OSError as e: print('no')\\n")


def sockets(c):
    top = os.path.join(c.base, "outside")
    names = ["a", "b", "d/x", "d/e/y"]
    servers = []

    def make():
        os.makedirs(os.path.join(top, "d/e"))
    c.as_user(make)
    for n in names:
        s = socket.socket(socket.AF_UNIX)
        s.bind(os.path.join(top, n))
        s.listen(50)
        os.chmod(os.path.join(top, n), 0o777)
        if c.uid is not None:
            os.chown(os.path.join(top, n), c.uid, c.uid)
        servers.append(s)
    paths = [os.path.join(top, n) for n in names]
    script = "printf %s | python3 - %s"
    for flags, want in (([], "no no no no"), (["--allow-unix-socket", paths[0]], "yes no no no"),
                        (["--allow-unix-socket-bind", paths[1]], "no yes no no"),
                        (["--allow-unix-socket-dir", top + "/d"], "no no yes no"),
                        (["--allow-unix-socket-dir-bind", top + "/d"], "no no yes no"),
                        (["--allow-unix-socket-subtree", top + "/d"], "no no yes yes"),
                        (["--allow-unix-socket-subtree-bind", top], "yes yes yes yes")):
        out = c.nono("run", "-s", *flags, "--", "sh", "-c",
                     script % ("'%s'" % CONNECT.replace("'", '"'), " ".join(paths)))
        assert out.split() == want.split(), (flags, out, c.err)
    new = [os.path.join(top, n) for n in ("n", "d/n", "d/e/n")]
    for flags, want in (([], "no no no"), (["--allow-unix-socket", new[0]], "no no no"),
                        (["--allow-unix-socket-dir", top + "/d"], "no no no"),
                        (["--allow-unix-socket-subtree", top], "no no no"),
                        (["--allow-unix-socket-bind", new[2]], "no no yes"),
                        (["--allow-unix-socket-subtree-bind", top + "/d"], "no yes yes")):
        for name in ("run", "wrap"):
            out = c.nono(name, "-s", *flags, "--", "sh", "-c",
                         script % ("'%s'" % BIND.replace("'", '"'), " ".join(new)))
            assert out.split() == want.split(), (name, flags, out, c.err)
            for n in new:
                if os.path.exists(n):
                    assert stat.S_ISSOCK(os.stat(n).st_mode)
                    os.unlink(n)
    for s in servers:
        s.close()
    c.nono("run", "-s", "--allow-unix-socket", top, "--", "true", code=1)
    assert "directory" in c.err
    c.nono("run", "-s", "--allow-unix-socket-dir", paths[0], "--", "true", code=1)
    c.nono("run", "--dry-run", "--allow-unix-socket-dir", "/nonexistent/d", "--", "true")
    assert "some requested sandbox grants were skipped because the path does not exist" in c.err
    c.nono("run", "-s", "--allow-unix-socket", os.path.join(c.base, "run/nono/x/control.sock"),
           "--", "true", code=1)
    assert "overlaps protected nono state root" in c.err, c.err


ABSTRACT = ("import os,socket,sys\\n"
            "s=socket.socket(socket.AF_UNIX)\\n"
            "s.setblocking(sys.argv[2]!='nb')\\n"
            "os.set_inheritable(s.fileno(), True)\\n"
            "d=s.fileno()\\n"
            "try: s.connect(chr(0)+sys.argv[1])\\n"
            "except OSError as e: print('no'); sys.exit()\\n"
            "s.setblocking(True)\\n"
            "s.sendall(b'hello')\\n"
            "print(s.recv(100).decode(), s.fileno()==d, os.get_inheritable(d))\\n"
            "try: s.connect(chr(0)+sys.argv[1])\\n"
            "except OSError as e: print(e.errno)\\n")


def abstract(c):
    """Names of the kernel's, which the agent reaches only by a grant: with a network of its own or
    without one, by flag or by profile."""
    name = "nono-test-%d.%s" % (os.getpid(), os.path.basename(c.base))
    server = socket.socket(socket.AF_UNIX)
    server.bind("\0" + name)
    server.listen(50)

    def serve():
        while True:
            try:
                s, _ = server.accept()
            except OSError:
                return
            with s:
                s.sendall(b"got " + s.recv(100))
    threading.Thread(target=serve, daemon=True).start()
    user_file(c, "home/.config/nono/profiles/abs.json", json.dumps(
        {"meta": {"name": "abs"}, "filesystem": {"unix_socket": ["@" + name]}}))
    want = "got hello True True 106"
    for flags, answer in ((["--block-net"], "no"), ([], "no"),
                          (["--allow-unix-socket", "@" + name], want),
                          (["--block-net", "--allow-unix-socket", "@" + name], want),
                          (["--block-net", "--allow-unix-socket", "@" + name + "x"], "no"),
                          (["--block-net", "--profile", "abs"], want)):
        for how in ("b", "nb"):
            out = c.nono("run", "-s", *flags, "--", "sh", "-c",
                         "printf %s | python3 - %s %s" % ("'%s'" % ABSTRACT.replace("'", '"'), name, how))
            assert out.split() == answer.split(), (flags, how, out, c.err)
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    for flags in (["--allow-unix-socket", "@"], ["--allow-unix-socket", "@" + "x" * 108]):
        c.nono("run", "-s", *flags, "--", "true", code=1)
        assert "abstract socket" in c.err, c.err
    c.nono("wrap", "-s", "--allow-unix-socket", "@x", "--", "true", code=1)
    assert "use \"nono run\"" in c.err, c.err
    user_file(c, "home/.config/nono/profiles/abs.json", json.dumps(
        {"meta": {"name": "abs"}, "filesystem": {"unix_socket_dir": ["@x"]}}))
    c.nono("run", "-s", "--profile", "abs", "--", "true", code=1)
    assert "unix_socket is for these" in c.err, c.err


def credentials(c):
    secret = user_file(c, "outside/token", SECRET + "\n", 0o600)
    env = {"MY_TOKEN": SECRET, "OTHER": "inherited"}
    for name in ("run", "wrap"):
        for flags in (["--env-credential-map", "env://MY_TOKEN", "API_KEY"],
                      ["--env-credential-map", "file://" + secret, "API_KEY"],
                      ["--env-credential", "env://MY_TOKEN=API_KEY"],
                      # It wins over what is inherited.
                      ["--env-credential", "env://MY_TOKEN=API_KEY,file://%s=OTHER" % secret]):
            out = c.nono(name, "-s", *flags, "--", "sh", "-c", "echo $API_KEY $OTHER", env=env)
            want = [SECRET, SECRET if len(flags[1]) > 40 and "OTHER" in flags[1] else "inherited"]
            assert out.split() == want, (name, flags, out)
    assert c.nono("run", "-s", "--", "sh", "-c", "echo $API_KEY",
                  env={"NONO_ENV_CREDENTIAL": "env://MY_TOKEN=API_KEY", "MY_TOKEN": SECRET}) \
        == SECRET + "\n"
    # In no record, no log, no summary.
    c.nono("run", "-v", "--env-credential-map", "file://" + secret, "API_KEY", "--", "sh", "-c", "exit 0")
    assert SECRET not in c.err
    for root, _, files in os.walk(c.base):
        for f in files:
            path = os.path.join(root, f)
            if path != secret and os.path.isfile(path) and not path.endswith("/nono"):
                with open(path, "rb") as text:
                    assert SECRET.encode() not in text.read(), path
    for flags, word, code in (
            (["--env-credential-map", "apple-password://server/x", "A"], "not supported by this version", 1),
            (["--env-credential-map", "op://vault/item/field", "A"], "1Password", 1),
            (["--env-credential-map", "op://-x", "A"], "op://VAULT/ITEM/FIELD", 2),
            (["--env-credential-map", "cmd://x", "A"], "credential_capture", 1),
            (["--env-credential-map", "env://NOT_SET_ANYWHERE", "A"], "not set", 1),
            (["--env-credential-map", "file:///nonexistent", "A"], "/nonexistent", 1),
            (["--env-credential-map", "file:///", "A"], "not a file", 1),
            (["--env-credential-map", "file://token", "A"], "absolute", 2),
            (["--env-credential-map", "env://HOME", "PATH"], "PATH", 2),
            (["--env-credential-map", "env://HOME", "LD_PRELOAD"], "LD_PRELOAD", 2),
            (["--env-credential-map", "env://HOME", "NONO_CAP_FILE"], "NONO_CAP_FILE", 2),
            (["--env-credential-map", "env://HOME", "a b"], "variable", 2),
            (["--env-credential-map", "a b", "A"], "account", 2),
            (["--env-credential", "env://HOME"], "variable", 2),
            (["--env-credential-map", "env://HOME"], "two values", 2),
            (["--env-credential-map=env://HOME", "A"], "two values", 2)):
        args = ["run", "-s", *flags] + ([] if "two values" == word else ["--", "true"])
        out = c.nono(*args, code=code)
        assert not out and word in c.err, (flags, c.err)


def commands(c):
    for name in ("run", "wrap"):
        for argv in (["rm", "-rf", "x"], ["/bin/rm", "x"], ["chmod", "777", "x"], ["dd"]):
            assert c.nono(name, "-s", "--", *argv, code=1) == ""
            assert c.err.startswith("nono: Command '%s' is blocked: " % os.path.basename(argv[0])), c.err
        assert c.nono(name, "-s", "--allow-command", "chmod", "--", "chmod", "--version")
        # What is started later is not looked at: no boundary.
        assert c.nono(name, "-s", "--", "sh", "-c", "chmod --version")
        c.nono(name, "-s", "--block-command", "env", "--", "env", code=1)
        assert "Command 'env' is blocked" in c.err
    os.symlink("/bin/rm", os.path.join(c.work, "harmless"))
    c.nono("run", "-s", "--block-command", "harmless", "--", "./harmless", code=1)


def timeouts(c):
    sid = c.nono("run", "-s", "--detached", "--startup-timeout", "1", "--", "sleep", "60").strip()
    until("the end of what shows nothing",
          lambda: json.loads(c.nono("inspect", sid, "--json"))["status"] == "exited", 20)
    assert "startup timeout" in c.inspect(sid)["ended_by"]
    sid = c.nono("run", "-s", "--detached", "--startup-timeout", "1", "--", "sh", "-c",
                 "echo here; sleep 60").strip()
    time.sleep(2)
    assert c.inspect(sid)["status"] == "running"
    c.nono("stop", "--force", sid)
    sid = c.nono("run", "-s", "--detached", "--", "sleep", "60",
                 env={"NONO_STARTUP_TIMEOUT": "0", "NONO_DETACH_STARTUP_TIMEOUT": "20"}).strip()
    c.nono("stop", "--force", sid)
    assert c.nono("run", "-s", "--", "echo", "x", env={"NONO_DETACH_STARTUP_TIMEOUT": "20"}) == "x\n"
    c.nono("run", "-s", "--detach-timeout", "5", "--", "true", code=2)
    assert "--detached" in c.err
    c.nono("run", "-s", "--detached", "--detach-timeout", "0", "--", "true", code=2)


def network(c):
    c.nono("run", "--dry-run", "--sandbox-policy", "external", "--", "true")
    assert "network: open" in c.err
    c.nono("run", "-s", "--sandbox-policy", "external", "--block-net", "--", "true", code=2)
    c.nono("run", "-s", "--sandbox-policy", "external", "--", "true", env={"NONO_BLOCK_NET": "1"}, code=2)
    c.nono("run", "-s", "--sandbox-policy", "seccomp", "--", "true", code=2)
    c.nono("run", "-s", "--sandbox-policy", "auto", "--", "true")
    abi = json.loads(c.nono("why", "--json", "--scope", "signal")).get("kernel_abi", "V0")
    c.nono("run", "-s", "--sandbox-policy", "landlock", "--block-net", "--", "true",
           code=0 if int(abi[1:]) >= 4 else 1)
    c.nono("wrap", "-s", "--sandbox-policy", "auto", "--", "true", code=2)


def graphics(c):
    c.nono("run", "--dry-run", "--allow-gpu", "--", "true")
    found = re.search(r"/dev/(dri|nvidia|kfd|dxg)", c.err)
    assert found or "no graphics device" in c.err, c.err
    for name in ("run", "shell", "wrap"):
        c.nono(name, "-s", "--allow-launch-services", code=2)
    c.nono("run", "-s", "--allow-launch-services", "true", code=2)
    assert "macOS" in c.err


def spellings(c):
    """Old names, before and after the command, beside their variables."""
    for flags, word in ((["--net-block"], "network: blocked"), (["--net-allow"], "network: open")):
        c.nono("run", *flags, "--dry-run", "true")
        assert word in c.err
    c.nono("-s", "run", "--dry-run", "--ignore-denied", "/x", "--suppress-save-prompt", "/y", "true")
    for args in (["-s", "run", "--", "echo", "x"], ["run", "-s", "--", "echo", "x"],
                 ["--silent", "run", "echo", "x"]):
        assert c.nono(*args) == "x\n" and c.err == "", (args, c.err)
    for env in ({"NONO_BLOCK_NET": "1", "NONO_ALLOW_NET": "1"}, {"NONO_NET_BLOCK": "1",
                                                                  "NONO_NET_ALLOW": "yes"}):
        c.nono("run", "--dry-run", "true", env=env, code=2)
    for env in ({"NONO_BLOCK_NET": "0", "NONO_ALLOW_NET": "1"}, {"NONO_BLOCK_NET": "No"}):
        c.nono("run", "--dry-run", "true", env=env)


def profile_file(c, name, **members):
    return user_file(c, "home/.config/nono/profiles/%s.json" % name,
                     json.dumps(dict({"meta": {"name": name}}, **members)))


def profiles(c):
    """What a profile says about the start, and more bases for one run."""
    data = user_file(c, "outside/data", "DATA\n")
    profile_file(c, "plain")
    profile_file(c, "reads", filesystem={"read_file": [data]})
    profile_file(c, "named", binary="echo", command_args=["from", "profile"])
    profile_file(c, "lists", commands={"allow": ["chmod"], "deny": ["env"]})
    profile_file(c, "secret", env_credentials={"env://MY_TOKEN": "API_KEY"})
    code, out, _ = c.raw("run", "-s", "-p", "plain", "--", "cat", data)
    assert code != 0 and out == b""
    assert c.nono("run", "-s", "-p", "plain", "--extends", "reads", "--", "cat", data) == "DATA\n"
    a = json.loads(c.nono("why", "--json", "--path", data, "-p", "plain", "--extends", "reads"))
    assert a["status"] == "allowed" and a["source"] == "profile", a
    c.nono("run", "-s", "--extends", "reads", "--", "true", code=2)
    assert "--extends needs --profile" in c.err
    for name in ("run", "wrap"):
        assert c.nono(name, "-s", "-p", "named") == "from profile\n"
        assert c.nono(name, "-s", "-p", "named", "--", "echo", "x") == "from profile x\n"
        c.nono(name, "-s", "-p", "plain", code=2)
        assert "program" in c.err, c.err
        assert c.nono(name, "-s", "-p", "lists", "--", "chmod", "--version")
        c.nono(name, "-s", "-p", "lists", "--", "env", code=1)
        assert "Command 'env' is blocked: by the profile" in c.err
        out = c.nono(name, "-s", "-p", "secret", "--", "sh", "-c", "echo $API_KEY", env={"MY_TOKEN": SECRET})
        assert out == SECRET + "\n", out
    c.nono("run", "--dry-run", "-p", "named")
    assert c.err.endswith("\n$ echo from profile\n"), c.err
    cap = json.loads(c.nono("run", "-s", "-p", "lists", "--", "sh", "-c", "cat $NONO_CAP_FILE"))
    assert (cap["allowed_commands"], cap["blocked_commands"]) == (["chmod"], ["env"]), cap
    c.nono("run", "-s", "-p", "plain", "--allow-gpu", "--", "true", code=1)
    assert "allow_gpu" in c.err, c.err


def rules(text):
    cap = json.loads(text)
    return ({(g["path"], g["access"], g["is_file"], g.get("exec"), g.get("workspace"), g.get("glob"))
             for g in cap["fs"] if "/nono" not in g["path"] or "/nono-cli" in g["path"] and
             "/run/nono" not in g["path"]},
            {(path, d["access"], d.get("label"), d.get("quiet")) for d in cap["deny"] for path in d["paths"]}, cap["net_blocked"],
            cap["capability_elevation"], cap["protect_autorun"], sorted(cap["bypass_protection_paths"]))


def manifest(c):
    """A profile as a manifest and back: the same rules."""
    user_file(c, "home/.ssh/id_rsa", "KEY\n")
    profile_file(c, "both", workdir={"access": "readwrite"}, network={"block": True},
                 filesystem={"read": ["/usr/share/doc"], "allow_file": ["~/plain"], "deny": ["/usr/share/info"],
                             "read_file": ["~/.ssh/id_rsa"], "bypass_protection": ["~/.ssh/id_rsa"]},
                 environment={"set_vars": {"FROM": "profile"}, "deny_vars": ["SECRET_*"]})
    user_file(c, "home/plain", "")
    text = c.nono("profile", "show", "both", "--format", "manifest")
    m = json.loads(text)
    assert m["version"] == "0.1.0" and m["network"]["mode"] == "blocked", m
    assert {"path": c.work, "access": "readwrite", "type": "directory"} in m["filesystem"]["grants"]
    with open(os.path.join(c.base, "m.json"), "w") as f:
        f.write(text)
    os.chmod(os.path.join(c.base, "m.json"), 0o644)
    script = "cat $NONO_CAP_FILE"
    a = c.nono("run", "-s", "-p", "both", "--allow-cwd", "--", "sh", "-c", script)
    b = c.nono("run", "-s", "-c", c.base + "/m.json", "--", "sh", "-c", script)
    for x, y in zip(rules(a), rules(b)):
        assert x == y, (x ^ y if isinstance(x, set) else (x, y))
    for name in ("run", "wrap"):
        out = c.nono(name, "-s", "--config", c.base + "/m.json", "--", "sh", "-c",
                     "echo $FROM $SECRET_X; cat %s/.ssh/id_rsa; cat %s/state/nono/x" % (c.env["HOME"], c.base),
                     env={"SECRET_X": "1"}, code=1)
        assert out == "profile\nKEY\n", out
    for flags in (["--read", "."], ["-p", "both"], ["--block-net"], ["--allow-cwd"], ["--bypass-protection", "/x"],
                  ["--capability-elevation"], ["--allow-command", "x"], ["--allow-unix-socket", "/x"]):
        c.nono("run", "-c", c.base + "/m.json", *flags, "--", "true", code=2)
        assert "--config" in c.err, c.err
    c.nono("run", "-c", c.base + "/m.json", "--", "true", env={"NONO_ALLOW": "."}, code=2)
    bad = os.path.join(c.base, "bad.json")
    for change, word in (({"network": {"mode": "blocked", "allow_domains": ["x"]}}, "mode proxy"),
                         ({"network": {"mode": "proxy", "allow_domains": ["a b"]}}, "bad.json"),
                         ({"network": {"mode": "blocked", "dns": True}}, "can't be enforced by this version"),
                         ({"network": {"mode": "proxy", "ports": {"bind": [0]}}}, "port"),
                         ({"network": {"mode": "proxy", "endpoints": [{"host": "x"}]}}, "rules"),
                         ({"credentials": [{"name": "x"}]}, "source"),
                         ({"credentials": [{"name": "x", "upstream": "https://x", "source": "k"}]}, "mode proxy"),
                         ({"process": {"signal_mode": "allow_all"}}, "signal_mode allow_all"),
                         ({"process": {"exec_strategy": "x"}}, "supervised"), ({"version": "9"}, "version"),
                         ({"version": None}, "version"), ({"surprise": 1}, "unknown member"), ({"": 1}, "unknown member"),
                         ({"network": {"mode": "open"}}, "mode"), ({"resources": {"memory_bytes": "x"}}, "bytes"),
                         ({"filesystem": {"grants": [{"path": "x", "access": "read", "type": "file"}]}}, "absolute"),
                         ({"filesystem": {"grants": [{"path": "/usr", "access": "all", "type": "file"}]}}, "access"),
                         ({"filesystem": {"grants": [{"path": c.env["XDG_STATE_HOME"], "access": "read",
                                                      "type": "directory"}]}}, "overlaps protected nono state root"),
                         ({"filesystem": {"grants": {}}}, "list"), ({"environment": {"set_vars": {"PATH": "x"}}}, "set")):
        with open(bad, "w") as f:
            json.dump({k: v for k, v in dict(m, **change).items() if v is not None}, f)
        os.chmod(bad, 0o644)
        c.nono("run", "-s", "-c", bad, "--", "true", code=1)
        assert word in c.err, (change, c.err)
    # No network unless it is said.
    with open(bad, "w") as f:
        json.dump({"version": "0.1.0", "filesystem": m["filesystem"]}, f)
    assert json.loads(c.nono("run", "-s", "-c", bad, "--", "sh", "-c", script))["net_blocked"] is True


main([bypass, sockets, abstract, credentials, commands, timeouts, network, graphics, spellings, profiles, manifest])
