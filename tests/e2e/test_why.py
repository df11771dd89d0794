#!/usr/bin/env python3
"""nono why: what would be allowed, and why, in the exact shapes that scripts read."""
import json
import os

from clienv import main


def ask(c, *args, **kw):
    return json.loads(c.nono("why", "--json", *args, **kw))


def scene(c):
    """Files of the user's own: a key, a project, a link out of it."""
    def make():
        for d in ("home/.ssh", "home/.sshfoo", "home/.config", "work/sub", "work/.git"):
            os.makedirs(os.path.join(c.base, d), exist_ok=True)
        for f in ("home/.ssh/id_rsa", "home/.sshfoo/id", "home/plain", "work/x", "work/sub/y",
                  "outside/z"):
            with open(os.path.join(c.base, f), "w") as out:
                out.write("text\n")
        os.symlink(c.env["HOME"] + "/.ssh/id_rsa", c.work + "/link")
        os.symlink(c.env["HOME"] + "/nowhere", c.work + "/dangling")
    c.as_user(make)
    return c.env["HOME"], c.work


def denied(c):
    home, work = scene(c)
    a = ask(c, "--path", home + "/.ssh", "--op", "read")
    assert a.pop("details").find("'deny_ssh'") > 0
    assert a == {"status": "denied", "reason": "filesystem_deny", "policy_source": "group:deny_ssh"}, a
    # A grant of what lies above does not lift it; nor does a link lead around it.
    for path in ("~/.ssh/id_rsa", home + "/.ssh/../.ssh/id_rsa", "link", "./sub/../link"):
        a = ask(c, "--path", path, "--read", home + "/.ssh", "--read", work)
        assert a["reason"] == "filesystem_deny" and a["policy_source"] == "group:deny_ssh", (path, a)
        assert "suggested_flag" not in a and "matching_capability" not in a, a
    a = ask(c, "--path", "./x", "--op", "write", "--read", ".")
    assert a.pop("details")
    assert a == {"status": "denied", "reason": "insufficient_access",
                 "matching_capability": {"path": work, "access": "read", "source": "user"},
                 "suggested_flag": "--write-file %s/x" % work}, a
    a = ask(c, "--path", home + "/.sshfoo/id")
    assert a.pop("details")
    assert a == {"status": "denied", "reason": "path_not_granted",
                 "suggested_flag": "--read-file %s/.sshfoo/id" % home}, a
    a = ask(c, "--path", os.path.join(c.env["XDG_STATE_HOME"], "nono", "audit"))
    assert a["status"] == "denied" and a["reason"] == "nono_state" and "suggested_flag" not in a
    a = ask(c, "--path", ".git/hooks/pre-commit", "--op", "write", "--allow", ".")
    assert a["reason"] == "protected_path" and a["policy_source"] == "workspace", a
    a = ask(c, "--path", ".git/hooks/pre-commit", "--op", "write", "--allow", ".",
            "--no-protect-workspace")
    assert a["status"] == "allowed", a


def suggestions(c):
    home, work = scene(c)
    for path, op, flag in (
            ("sub", "read", "--read %s/sub" % work), ("sub", "readwrite", "--allow %s/sub" % work),
            ("sub", "write", "--write %s/sub" % work), ("x", "readwrite", "--allow-file %s/x" % work),
            # What is missing: itself to be read, its folder to be made in.
            ("sub/new", "read", "--read-file %s/sub/new" % work),
            ("sub/new", "write", "--write %s/sub" % work),
            # Never what holds something closed, a home, the root, or where programs keep everything.
            (home, "read", None), ("/", "read", None), ("/etc", "write", None),
            (home + "/new", "write", None), (home + "/.config", "read", None),
            (home + "/.config/new", "write", None), (home + "/.local/share", "readwrite", None),
            ("/tmp", "write", None), ("/new", "write", None), (c.base, "read", None)):
        a = ask(c, "--path", path, "--op", op)
        assert a["status"] == "denied" and a.get("suggested_flag") == flag, (path, op, a)
    # The flag that is named does it.
    for path, op in (("sub", "readwrite"), ("x", "write"), ("sub/new", "write"), ("sub/y", "read")):
        flag = ask(c, "--path", path, "--op", op)["suggested_flag"].split()
        assert ask(c, "--path", path, "--op", op, *flag)["status"] == "allowed", (path, op, flag)
    a = ask(c, "--path", "x", "--op", "write", "-p", "claude-code")
    assert a["suggested_flag"] == "--allow-cwd", a
    a = ask(c, "--path", "x", "--op", "write", "-p", "claude-code", "--allow-cwd")
    assert a["status"] == "allowed", a


def allowed(c):
    home, work = scene(c)
    assert ask(c, "--path", "x", "--read", ".") == {
        "status": "allowed", "reason": "granted_path", "granted_path": work, "access": "read",
        "source": "user"}
    # The longest grant that suffices; two that suffice together.
    a = ask(c, "--path", "sub/y", "--op", "write", "--allow", ".", "--read", "sub")
    assert (a["granted_path"], a["access"]) == (work, "read+write"), a
    a = ask(c, "--path", "sub/y", "--op", "readwrite", "--read", ".", "--write", "sub")
    assert a["status"] == "allowed" and a["access"] == "read+write", a
    a = ask(c, "--path", "/usr/bin/env")
    assert a["source"].startswith("group:"), a
    a = ask(c, "--path", "y", "--workdir", "sub", "--allow-cwd")
    assert a["status"] == "denied" and "does not exist" in a["details"], a
    a = ask(c, "--path", "sub/y", "--workdir", "sub", "--allow-cwd")
    assert a["status"] == "allowed", a


def hosts(c):
    for host, args in (("example.com", []), ("https://u@example.com:8443/a?b", []), ("::1", []),
                       ("[2001:db8::1]:80", []), ("example.com", ["--port", "22"])):
        a = ask(c, "--host", host, *args)
        assert (a["status"], a["reason"]) == ("allowed", "network_allowed") and a["access"], a
        assert "Nothing filters" in a["details"] and "metadata" in a["details"], a
        a = ask(c, "--host", host, "--block-net", *args)
        assert (a["status"], a["reason"]) == ("denied", "network_blocked") and a["details"], a
        assert "suggested_flag" not in a, a
    assert "8443" in ask(c, "--host", "https://u@example.com:8443/a?b", "--block-net")["details"]
    for bad in ("", "http://", "a b", "[::1", "example.com:0", "example.com:99999", "\x1b[2J"):
        c.nono("why", "--host", bad, code=2)


LISTED = ["--allow-domain", "a.example", "--allow-domain", "https://b.example/v1/*", "--deny-domain",
          "x.a.example", "--open-port", "8080", "--allow-connect-port", "9418"]
QUESTIONS = [
    ("a.example", "allowed", "proxy_allowed"), ("A.Example.", "allowed", "proxy_allowed"),
    ("sub.a.example", "denied", "proxy_filtered"), ("x.a.example", "denied", "proxy_filtered"),
    ("c.example", "denied", "proxy_filtered"), ("https://b.example/v1/x", "allowed", "proxy_allowed"),
    ("https://b.example/v2/x", "denied", "endpoint_restricted"),
    ("localhost:8080", "allowed", "network_allowed"), ("127.0.0.1:8080", "allowed", "network_allowed"),
    ("[::1]:8080", "allowed", "network_allowed"), ("localhost:8081", "denied", "proxy_filtered"),
    ("c.example:9418", "allowed", "network_allowed"),
    ("169.254.169.254", "denied", "proxy_filtered")]


def names(c):
    """The same answers from outside, for a run with these options, and from within such a run."""
    outside = []
    for host, status, reason in QUESTIONS:
        a = ask(c, "--host", host, *LISTED)
        assert (a["status"], a["reason"]) == (status, reason), (host, a)
        outside.append(a)
    assert outside[4]["suggested_flag"] == "--allow-domain c.example", outside[4]
    assert "suggested_flag" not in outside[3] and "x.a.example" in outside[3]["details"], outside[3]
    assert outside[5]["endpoint_rules"] == [{"method": "*", "path": "/v1/*"}], outside[5]
    assert "open_port" in outside[7]["access"] and "connect_port" in outside[11]["access"], outside
    # An endpoint of a host is the whole list, as a URL is.
    for host, status in (("https://b.example/v1/x", "allowed"), ("https://b.example/v2/x", "denied"),
                         ("c.example", "denied")):
        a = ask(c, "--host", host, "--allow-endpoint", "b.example:443/v1/*")
        assert a["status"] == status, (host, a)
    for entry in ("b.example:22", "[2001:db8::1]:22"):  # the rule is shown as it was written
        assert "(allowed: %s)" % entry in c.nono("why", "--host", entry, "--allow-domain", entry)
    a = ask(c, "--host", "localhost:8080", "--block-net", "--open-port", "8080")
    assert a["status"] == "allowed" and "open_port" in a["access"], a
    assert ask(c, "--host", "localhost:8081", "--block-net", "--open-port", "8080")["status"] == "denied"
    inner = "ASAN_OPTIONS=detect_leaks=0 " + c.path
    script = "; ".join("%s why --self --json --host '%s'" % (inner, q[0]) for q in QUESTIONS)
    out = c.nono("run", "-s", *LISTED, "--read-file", c.path, "--", "sh", "-c",
                 script + "; cat $NONO_CAP_FILE; %s why --self --host a.example --allow-domain x" % inner, code=2)
    decoder, at = json.JSONDecoder(), 0
    for question, want in zip(QUESTIONS, outside):
        a, at = decoder.raw_decode(out, at)
        at += 1
        assert a == want, (question, a, want)
    cap, at = decoder.raw_decode(out, at)
    assert cap["allowed_domains"] == ["a.example", "b.example"], cap["allowed_domains"]
    assert cap["domain_endpoints"] == [
        {"domain": "b.example", "endpoints": [{"method": "*", "path": "/v1/*"}]}], cap["domain_endpoints"]
    assert "--self asks about the sandbox around" in c.err, c.err


def scopes(c):
    for scope in ("signal", "abstract-unix-socket"):
        a = ask(c, "--scope", scope)
        assert a["status"] == "scope" and a["scope"] == scope and a["requested"] is True, a
        assert a["enforced"] == a["supported"] == (a["state"] == "enforced"), a
        assert a["details"] and a["kernel_abi"].startswith("V"), a
        assert (int(a["kernel_abi"][1:]) >= 6) == a["supported"], a


def text(c):
    home, work = scene(c)
    out = c.nono("why", "--path", "./x", "--op", "write", "--read", ".")
    assert out.splitlines()[0] == "DENIED" and "  Reason: insufficient_access\n" in out, out
    assert "  Closest match: %s (read, user)\n" % work in out, out
    assert "  Suggested fix: --write-file %s/x\n" % work in out, out
    out = c.nono("why", "--path", "x", "--allow", ".")
    assert out == "ALLOWED\n  Reason: granted_path\n  Granted by: %s\n  Access: read+write\n" \
                  "  Source: user\n" % work, out
    out = c.nono("why", "--path", "~/.ssh")
    assert "  Policy: group:deny_ssh\n" in out, out
    assert c.nono("why", "--scope", "signal").startswith("SCOPE\n  Scope: signal\n  State: ")
    out = c.nono("why", "--path", "x\x1b[2Jy‮\n")
    assert "\x1b" not in out and "‮" not in out, out
    assert "\x1b" not in c.nono("why", "--json", "--path", "x\x1b[2Jy")


def usage(c):
    for args, word in (([], "--command, --path, --host, or --scope is required"),
                       (["--json"], "is required"), (["--path", "x", "--host", "y"], "one thing"),
                       (["--scope", "all"], "abstract-unix-socket"), (["--path", ""], "usable"),
                       (["--path", "x", "--op", "exec"], "readwrite"), (["--port", "1"], "required"),
                       (["--path", "x", "--port", "1"], "--host"), (["--host", "x", "--port", "0"], "65535"),
                       (["--op", "write", "--host", "x"], "--path"), (["--path", "x", "y"], "'y'"),
                       (["--path", "x", "--caller", "git"], "--command"),
                       (["--path", "x", "--detached"], "--detached"),
                       (["--path", "x", "--block-net", "--allow-net"], "--block-net")):
        assert c.nono("why", *args, code=2) == "" and word in c.err, (args, c.err)
    c.nono("why", "--path", "x", "--profile", "no-such", code=1)
    assert "no-such" in c.err
    c.nono("why", "--path", "x", "--read", "/nonexistent")
    assert "some requested sandbox grants were skipped because the path does not exist" in c.err
    c.nono("why", "-s", "--path", "x", "--read", "/nonexistent")
    assert c.err == ""


def commands(c):
    for args in ((), ("--", "push", "--force")):
        a = ask(c, "--command", "git", *args)
        assert a["status"] == "denied" and a["reason"] == "command_policy_unavailable", a
        assert a["details"], a


FORGE = """
for f in $NONO_CAP_FILE /var/tmp/.nono-cap.json; do
  [ -e $f ] || continue
  (echo '{"fs":[]}' > $f); rm -f $f; mv $f $f.moved; mv -f $TMPDIR/new $f; ln -f $TMPDIR/new $f
  ln -sf $TMPDIR/new $f; chmod 666 $f; (echo '{"fs":[]}' > $f); cp $TMPDIR/new $f; mkdir -p $f.d
done 2>/dev/null
mv $(dirname $NONO_CAP_FILE) $(dirname $NONO_CAP_FILE).moved 2>/dev/null
cat $NONO_CAP_FILE
"""


def cap_file(c, text):
    cap = json.loads(text)
    assert {"path": c.work, "access": "readwrite", "is_file": False, "source": "user", "original": ".",
            "workspace": True} in cap["fs"], cap["fs"]
    for name, kind in (("net_blocked", bool), ("allowed_commands", list), ("blocked_commands", list),
                       ("bypass_protection_paths", list), ("allowed_domains", list)):
        assert isinstance(cap[name], kind), name
    assert cap["workdir"] and cap["net_blocked"] is True


def forged(c):
    """NONO_CAP_FILE is there in every kind of session; nobody inside changes what it says, or puts
    another file in its place."""
    # A home outside of /tmp: then the session has a view of /tmp of its own.
    private = {"HOME": "/nonexistent"}
    for flags, env in ((["run"], {}), (["run", "--namespaces", "off"], {}),
                       (["run", "--workdir", "/usr/share"], private), (["wrap"], {}),
                       (["shell", "--shell", "/bin/sh"], {})):
        if env:
            grants = ["--block-net"]
        else:
            grants = ["--allow", ".", "--block-net"]
        script = "echo forged > $TMPDIR/new 2>/dev/null;" + FORGE
        args = [flags[0], "-s", *flags[1:], *grants]
        if flags[0] == "shell":
            code, out, err = c.raw(*args, stdin=None, input=script.encode(), env=env)
        else:
            code, out, err = c.raw(*args, "--", "sh", "-c", script, env=env)
        assert code == 0 and b"forged" not in out, (flags, code, out, err)
        if not env:
            cap_file(c, out)
        else:
            assert json.loads(out)["fs"], (flags, out)
    left = [f for f in os.listdir(c.base + "/run/nono") if not f.startswith("wrap-")]
    assert not left, left
    c.raw("wrap", "-s", "--", "true")
    assert len([f for f in os.listdir(c.base + "/run/nono") if f.startswith("wrap-")]) == 1


def itself(c):
    home, work = scene(c)
    a = ask(c, "--self", "--path", "x")
    assert a == {"status": "not_sandboxed", "message": a["message"]}, a
    assert c.nono("why", "--self", "--path", "x").startswith("NOT SANDBOXED\n  Message: ")
    questions = ((["--path", "x", "--op", "write"], "allowed", "granted_path"),
                 (["--path", "~/.ssh/id_rsa"], "denied", "filesystem_deny"),
                 (["--path", ".git/hooks/h", "--op", "write"], "denied", "protected_path"),
                 (["--path", "/usr/bin/env", "--op", "write"], "denied", "insufficient_access"),
                 (["--path", c.base + "/outside/z"], "denied", "path_not_granted"),
                 (["--path", c.env["XDG_STATE_HOME"] + "/nono"], "denied", "nono_state"),
                 (["--path", "$NONO_CAP_FILE"], "allowed", "granted_path"),
                 (["--path", "$NONO_CAP_FILE", "--op", "write"], "denied", "nono_state"),
                 (["--path", "$TMPDIR/x", "--op", "write"], "allowed", "granted_path"),
                 (["--host", "example.com"], "denied", "network_blocked"),
                 (["--scope", "signal"], "scope", None),
                 (["--command", "git"], "denied", "command_policy_unavailable"))
    inner = "ASAN_OPTIONS=detect_leaks=0 " + c.path
    for kind in (["run"], ["run", "--namespaces", "off"], ["wrap"]):
        rows = [q for q in questions if kind != ["wrap"] or "$TMPDIR/x" not in q[0]]
        script = "; ".join("%s why --self --json %s" % (inner, " ".join(q[0])) for q in rows)
        out = c.nono(kind[0], "-s", *kind[1:], "--allow", ".", "--block-net",
                     "--read-file", c.path, "--", "sh", "-c", script)
        decoder, at = json.JSONDecoder(), 0
        for q, status, reason in rows:
            a, at = decoder.raw_decode(out, at)
            at += 1
            assert (a["status"], a.get("reason")) == (status, reason), (kind, q, a)
    # What the variable names is read with care.
    for text in ("", "{", "[]", "{}", '{"fs":1}', '{"fs":[{"path":"x"}]}',
                 '{"fs":[{"path":"/x","access":"some","source":"s"}]}', '{"fs":[' + "[" * 1000):
        name = os.path.join(c.work, "cap")
        with open(name, "w") as f:
            f.write(text)
        os.chmod(name, 0o644)
        c.nono("why", "--self", "--path", "x", env={"NONO_CAP_FILE": name}, code=1)
        assert "NONO_CAP_FILE" in c.err, c.err
    c.nono("why", "--self", "--path", "x", env={"NONO_CAP_FILE": "/nonexistent"}, code=1)
    for flags in (["--read", "."], ["-p", "codex"], ["--block-net"]):
        c.nono("why", "--self", "--path", "x", *flags, code=2)


main([denied, suggestions, allowed, hosts, names, scopes, text, usage, commands, forged, itself])
