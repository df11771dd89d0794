#!/usr/bin/env python3
"""nono profile: seeing, comparing, writing, checking and choosing profiles; what comes with a
repository is used only after consent."""
import hashlib
import json
import os
import pty
import stat
import subprocess
import sys
import time

from clienv import main


def config(c, *names):
    path = os.path.join(c.base, "home", ".config", "nono", *names)
    return path


def write(c, path, text):
    """A file that is the user's."""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        subprocess.run(["mkdir", "-p", folder], check=True, preexec_fn=c.become)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o600)
    if c.uid is not None:
        os.chown(path, c.uid, c.uid)
    return path


def profile(c, name, text):
    return write(c, config(c, "profiles", name), text)


def views(c):
    rows = json.loads(c.nono("profile", "list", "--json"))
    by_name = {r["name"]: r for r in rows}
    assert by_name["claude-code"]["source"] == "built-in", by_name
    assert set(by_name["codex"]) == {"name", "source", "pack", "description", "extends"}
    profile(c, "mine.toml", 'extends = "codex"\n[meta]\nname = "mine"\ndescription = "of mine"\n'
            '[filesystem]\nread = ["~/data"]\n')
    profile(c, "codex.yaml", "extends: codex\nmeta: {name: codex}\n")
    profile(c, "bad.json", '{"meta": {"name": "bad"},\n "filesystm": {}}')
    rows = {r["name"]: r for r in json.loads(c.nono("profile", "list", "--json"))}
    assert rows["mine"]["source"] == "user" and rows["mine"]["extends"] == ["codex"], rows["mine"]
    assert rows["codex"]["source"] == "user (overrides built-in)"
    assert "bad.json:2:2" in rows["bad"]["error"] and "filesystem" in rows["bad"]["error"], rows
    text = c.nono("profile", "list")
    assert "mine" in text and "of mine" in text and "[error]" in text, text
    assert c.nono("policy", "profiles") == text and "old name" in c.err

    shown = json.loads(c.nono("profile", "show", "mine", "--json"))
    assert shown["name"] == "mine" and shown["extends"] == ["codex"]
    assert shown["filesystem"]["read"] == ["~/data"] and shown["filesystem"]["deny"] == []
    assert "~/.codex" in shown["filesystem"]["state"], shown
    assert shown["network"]["block"] is False and shown["workdir"]["access"] == "readwrite"
    assert shown["security"]["capability_elevation"] is True
    home = c.env["HOME"]
    text = c.nono("profile", "show", "mine")
    assert "~/data -> %s/data" % home in text and "on top of: default" in text, text
    assert "on top of" not in c.nono("profile", "show", "default")
    assert "->" not in c.nono("profile", "show", "mine", "--raw").replace("-> ", "->", 0).split(
        "filesystem")[1].split("workdir")[0]
    c.nono("profile", "show", "nothing", code=1)
    assert "nothing" in c.err

    d = json.loads(c.nono("profile", "diff", "gemini", "mine", "--json"))
    assert d["profile1"] == "gemini" and d["filesystem"]["read"]["added"] == ["~/data"], d
    assert "~/.gemini" in d["filesystem"]["state"]["removed"]
    assert d["workdir"] == {"profile1": "readwrite", "profile2": "readwrite", "changed": False}
    assert "+ ~/data" in c.nono("profile", "diff", "gemini", "mine")
    assert "No difference" in c.nono("profile", "diff", "gemini", "gemini")
    assert "No difference" in c.nono("profile", "diff", "default", "default")
    # What every profile has from "default" is no difference.
    text = c.nono("profile", "diff", "default", "gemini")
    assert "deny_ssh" not in text and "+ ~/.gemini" in text and "private_tmp" not in text, text


def groups(c):
    rows = {g["name"]: g for g in json.loads(c.nono("profile", "groups", "--json"))}
    assert rows["deny_credentials"]["required"] is True, rows["deny_credentials"]
    assert rows["deny_credentials"]["deny"]["access"] > 10
    assert rows["node_runtime"]["allow"]["read"] > 3
    g = json.loads(c.nono("profile", "groups", "deny_gpg", "--json"))
    assert {"raw": "~/.gnupg", "expanded": c.env["HOME"] + "/.gnupg"} in g["deny"]["access"], g
    text = c.nono("profile", "groups", "deny_gpg")
    assert "deny.access:" in text and "~/.gnupg -> " in text and "Required:     yes" in text, text
    assert "deny_gpg" in c.nono("profile", "groups")
    c.nono("profile", "groups", "deny_gqg", code=1)
    assert "nono profile groups" in c.err


def init(c):
    c.nono("profile", "init", "mine", "--extends", "claude-code", "--groups", "go_runtime,rust_runtime",
           "--description", 'a "b"')
    path = config(c, "profiles", "mine.json")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    p = json.load(open(path))
    assert p == {"extends": "claude-code", "meta": {"name": "mine", "description": 'a "b"'},
                 "groups": {"include": ["go_runtime", "rust_runtime"]},
                 "workdir": {"access": "readwrite"}, "filesystem": {"allow": [], "read": []}}, p
    assert "Result: valid" in c.nono("profile", "validate", "mine")
    c.nono("profile", "init", "mine", code=1)
    assert "--force" in c.err
    c.nono("profile", "init", "mine", "--full", "--force")
    assert "network" in json.load(open(path))
    assert "Result: valid" in c.nono("profile", "validate", path)
    for args, word in ((["codex"], "codex-local"), (["a/b"], "b-local"), (["-x", "--"], "unknown"),
                       (["x-"], "not a name"), (["y", "--extends", "nothing"], "nothing"),
                       (["y", "--groups", "nothing"], "no group")):
        got, _, err = c.raw("profile", "init", *args)
        assert got in (1, 2) and word in err.decode(), (args, err)
    assert not os.path.exists(config(c, "profiles", "y.json"))
    out = os.path.join(c.base, "outside", "o.json")
    c.nono("profile", "init", "other", "-o", out)
    assert json.load(open(out))["meta"]["name"] == "other"


def validate(c):
    good = profile(c, "old.json", '{"meta": {"name": "old"},"filesystem": {"override_deny": [], }, // x\n}')
    assert json.loads(c.nono("profile", "validate", "--json", "old")) == {
        "file": good, "valid": True, "errors": [], "deprecated_keys": 1,
        "warnings": json.loads(c.nono("profile", "validate", "--json", "old"))["warnings"]}
    c.nono("profile", "validate", "old")
    c.nono("profile", "validate", "--strict", "old", code=2)
    for text, words in (
            ('{"meta": {"name": "x"}, "groups": {"include": ["nope"]}}', ["nope"]),
            ('{"meta": {"name": "x"}, "groups": {"exclude": ["deny_ssh"]}}', ["required", "deny_ssh"]),
            ('{"meta": {"name": "x"},\n\n  "filesystem": {"raed": []}}', [":3:18", "raed", "read"]),
            ('{"meta": {"name": "x"}, "extends": "nowhere"}', ["nowhere"]),
            ('{"meta": {"name": "x"}, "extends": "x"}', ["no profile \"x\""]),
            ('{"meta": {"name": "x"}, "filesystem": {"bypass_protection": ["~/.ssh"]}}', ["~", "ssh"][1:]),
            ('{"meta": {"name": 1}}', [":1:11"]), ("{", [":1:"])):
        profile(c, "x.json", text)
        out = json.loads(c.nono("profile", "validate", "--json", "x", code=1))
        assert not out["valid"] and out["errors"], (text, out)
        for w in words:
            assert any(w in e for e in out["errors"]), (text, w, out)
        assert "Result: invalid" in c.nono("profile", "validate", "x", code=1)
    many = profile(c, "many.json", """{"meta": {"name": "many"},
        "filesystem": {"allow": [1], "raed": []}, "network": {"block": "maybe"},
        "platform_overrides": {"linux": {"x": 1}, "beos": {}}, "bogus": 1}""")
    out = json.loads(c.nono("profile", "validate", "--json", many, code=1))
    assert [e.split(":")[3].strip() for e in out["errors"]] == [
        "filesystem.allow", "filesystem.raed", "network.block", "platform_overrides.linux.x",
        "platform_overrides.beos", "bogus"], out
    c.nono("run", "--profile", many, "--", "true", code=1)
    assert "filesystem.allow" in c.err and "bogus" not in c.err, c.err
    net = profile(c, "net.json", '{"meta": {"name": "net"}, "credential_routes": {"a": {}}}')
    out = json.loads(c.nono("profile", "validate", "--json", net))
    assert out["valid"] and any("credential_routes" in w for w in out["warnings"]), out
    c.nono("run", "--profile", "net", "--", "true", code=1)
    assert "credential_routes" in c.err, c.err


def schema_and_guide(c):
    s = json.loads(c.nono("profile", "schema"))
    assert s["properties"]["filesystem"]["properties"]["read"], s
    assert s.get("additionalProperties") is False
    out = os.path.join(c.base, "outside", "s.json")
    c.nono("profile", "schema", "-o", out)
    assert json.load(open(out)) == s
    guide = c.nono("profile", "guide")
    for member in ("allow_file", "set_vars", "unix_socket_dir_bind", "@git:toplevel"):
        assert member in guide, member


def promote(c):
    draft = config(c, "profile-drafts", "mine.json")
    write(c, draft, '{"meta": {"name": "mine"}, "filesystem": {"read": ["/srv"]}}\n')
    c.nono("profile", "validate", "--draft", "mine")
    c.nono("profile", "promote", "mine", "--diff")
    assert '+{"meta"' in c.err.replace("+ {", "+{"), c.err
    c.nono("profile", "promote", "mine", code=1)
    assert "--yes" in c.err and os.path.exists(draft)
    c.nono("profile", "promote", "mine", "--yes")
    target = config(c, "profiles", "mine.json")
    assert json.load(open(target))["filesystem"]["read"] == ["/srv"] and not os.path.exists(draft)
    # Another content than the draft was made from.
    write(c, draft, '{"meta": {"name": "mine"}}\n')
    c.nono("profile", "promote", "mine", "--yes", code=1)
    assert "mine.base" in c.err, c.err
    base = config(c, "profile-drafts", "mine.base")
    write(c, base, "0" * 64)
    c.nono("profile", "promote", "mine", "--yes", code=1)
    assert "changed" in c.err
    write(c, base, hashlib.sha256(open(target, "rb").read()).hexdigest() + "\n")
    c.nono("profile", "promote", "mine", "--yes")
    assert "filesystem" not in json.load(open(target)) and not os.path.exists(base)
    # Not what a built-in profile is called, not what is wrong.
    write(c, config(c, "profile-drafts", "codex.json"), '{"meta": {"name": "codex"}}\n')
    c.nono("profile", "promote", "codex", "--yes", code=1)
    write(c, config(c, "profile-drafts", "w.json"), '{"meta": {"name": "w"}, "x": 1}\n')
    c.nono("profile", "promote", "w", "--yes", code=1)
    assert not os.path.exists(config(c, "profiles", "w.json"))


def use(c):
    assert "no profile" in c.nono("profile", "use")
    profile(c, "mine.json", '{"meta": {"name": "mine"}, "filesystem": {"read": ["/srv"]}}')
    sub = os.path.join(c.work, "sub")
    os.mkdir(sub)
    c.nono("profile", "use", "mine")
    assert c.nono("profile", "use") == "mine (of %s)\n" % c.work
    assert c.nono("profile", "use", "--dir", sub) == "mine (of %s)\n" % c.work
    c.nono("run", "--dry-run", "-v", "--", "true")
    assert "Profile: mine (chosen for %s)" % c.work in c.err and "/srv" in c.err, c.err
    c.nono("run", "--dry-run", "-v", "--workdir", "/usr", "--", "true")
    assert "/srv" not in c.err, c.err
    c.nono("run", "--dry-run", "-v", "--profile", "default", "--", "true")
    assert "/srv" not in c.err, c.err
    c.nono("run", "--silent", "--", "true")
    record = json.loads(c.nono("ps", "--all", "--json"))[0]
    assert record["profile"] == "mine", record
    assert json.loads(c.nono("why", "--path", "/srv", "--json"))["status"] == "allowed"
    assert json.loads(c.nono("why", "--path", "/srv", "--json", "-p", "default"))["status"] == "denied"
    c.nono("run", "--env-credential", "file:///nothing=X", "--", "true", code=1)
    c.nono("profile", "use", "gemini", "--dir", sub)
    c.nono("profile", "use", "codex", "--user")
    assert c.nono("profile", "use", "--dir", sub) == "gemini (of %s)\n" % sub
    assert c.nono("profile", "use", "--dir", "/usr") == "codex (of the user)\n"
    c.nono("profile", "use", "--clear", "--dir", sub)
    assert c.nono("profile", "use", "--dir", sub) == "mine (of %s)\n" % c.work
    c.nono("profile", "use", "nothing", code=1)
    c.nono("profile", "use", "./x.json", code=2)
    c.nono("profile", "use", "--clear", "mine", code=2)
    c.nono("profile", "use", "--user", "--dir", sub, code=2)
    # A damaged file is said, not passed over.
    write(c, config(c, "default-profiles.json"), '{"directories": {"/": 3}}')
    c.nono("run", "--dry-run", "--", "true", code=1)
    assert "default-profiles.json:1:" in c.err, c.err


def typed(c, args, answer):
    """On a terminal of its own: (exit code, screen)."""
    pid, fd = pty.fork()
    if pid == 0:
        try:
            c.become()
            os.chdir(c.work)
            os.execve(c.path, [c.path, *args], c.env)
        finally:
            os._exit(99)
    screen, asked = b"", False
    while True:
        try:
            got = os.read(fd, 4096)
        except OSError:
            break
        if not got:
            break
        screen += got
        if not asked and b"[y/N]" in screen:
            asked = True
            os.write(fd, answer)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(fd)
    return code, screen.decode(errors="replace")


def brought(c):
    """A repository's own profile never counts unasked; consent is to one content."""
    path = os.path.join(c.work, "nono.json")
    write(c, path, '{"meta": {"name": "repo"}, "filesystem": {"read": ["/srv"]}}')
    args = ["run", "--dry-run", "-v", "--profile", "./nono.json", "--", "true"]
    c.nono(*args, code=1)
    assert "--trust-profile" in c.err
    digest = c.err.split("--trust-profile ")[1].split()[0]
    c.nono("run", "--dry-run", "-v", "--trust-profile", digest, *args[3:])
    assert "/srv" in c.err
    c.nono(*args, code=1)
    code, screen = typed(c, args, b"n\n")
    assert code == 1 and "not one of yours" in screen and path in screen and "nothing was started" in screen, screen
    code, screen = typed(c, args, b"y\n")
    assert code == 0 and "/srv" in screen, screen
    c.nono(*args)
    assert "/srv" in c.err
    # Of another content, or below one of the user's own that extends it: asked anew.
    write(c, path, '{"meta": {"name": "repo"}, "filesystem": {"read": ["/srv", "/opt"]}}')
    c.nono(*args, code=1)
    profile(c, "own.json", '{"meta": {"name": "own"}, "extends": "%s"}' % path)
    c.nono("run", "--dry-run", "--profile", "own", "--", "true", code=1)
    assert "--trust-profile" in c.err, c.err
    # Looking at it needs no consent.
    assert "/opt" in c.nono("profile", "show", "./nono.json")


def changed_meanwhile(c):
    """A session keeps its rules; inspect says which files would give others by now."""
    base = profile(c, "base.json", '{"meta": {"name": "base"}, "filesystem": {"read": ["/srv"]}}')
    own = '{"meta": {"name": "own"}, "extends": "base"}'
    path = profile(c, "own.json", own)
    c.nono("run", "--detached", "--name", "kept", "--profile", "own", "--", "sleep", "60")

    def now():
        files = c.inspect("kept")["profile_files"]
        return {f["path"]: f["now"] for f in files}

    try:
        assert now() == {base: "same", path: "same"}, now()
        assert "Rules:" not in c.nono("inspect", "kept")
        profile(c, "base.json", '{"meta": {"name": "base"}, "filesystem": {"read": ["/opt"]}}')
        assert now() == {base: "changed", path: "same"}, now()
        os.unlink(path)
        text = c.nono("inspect", "kept")
        assert "Rules:      %s is changed since the start" % base in text, text
        assert "%s is gone since the start" % path in text, text
        # The same again is no change; what is no file is not waited for.
        profile(c, "own.json", own)
        os.unlink(base)
        os.mkfifo(base)
        assert now() == {base: "changed", path: "same"}, now()
        os.unlink(base)
    finally:
        c.nono("stop", "kept", "--force")
    manifest = write(c, os.path.join(c.work, "m.json"), json.dumps({"version": "0.1.0", "filesystem": {"grants": [
        {"path": "/usr", "access": "read", "type": "directory"}, {"path": "/etc", "access": "read", "type": "directory"}]}}))
    for name, args, files in (("plain", [], []), ("listed", ["--config", "m.json"], [manifest])):
        c.nono("run", "--detached", "--name", name, *args, "--", "true")
        c.nono("wait", name)
        assert [(f["path"], f["now"]) for f in c.inspect(name)["profile_files"]] == [(f, "same") for f in files]
    write(c, manifest, "{}")
    assert c.inspect("listed")["profile_files"][0]["now"] == "changed"


main([views, groups, init, validate, schema_and_guide, promote, use, brought, changed_meanwhile])
