#!/usr/bin/env python3
"""Hooks in the settings of agents ("hooks" of a profile): put there once, beside what is there."""
import json
import os
import time

import nonolib

HOOK = {"event": "PreToolUse", "matcher": "Write|Edit", "script": "~/.claude/hooks/look.sh"}
MINE = ('{\n  // mine\n  "model": "opus",\n    "permissions": {"allow": ["Bash(ls:*)"],},\n'
        '  "hooks": {\n    "Stop": [\n      {"hooks": [{"type": "command", "command": "say done"}]}\n'
        '    ]\n  }\n}\n')


def folder(p, *names):
    path = p.home
    for n in names:
        path = os.path.join(path, n)
        if not os.path.isdir(path):
            os.mkdir(path, 0o700)
            p.own(path)
    return path


def setup(p, hooks=None, settings=None):
    """A profile "hooked" on top of claude-code's; the path of the settings, the path of the script."""
    profiles = folder(p, ".config", "nono", "profiles")
    script = p.write(os.path.join(folder(p, ".claude", "hooks"), "look.sh"), "#!/bin/sh\necho looked\n")
    os.chmod(script, 0o700)
    p.write(os.path.join(profiles, "hooked.json"),
            json.dumps({"extends": "claude-code", "meta": {"name": "hooked"},
                        "network": {"network_profile": None},
                        "hooks": {"claude-code": HOOK} if hooks is None else hooks}))
    path = os.path.join(p.home, ".claude", "settings.json")
    if settings is not None:
        p.write(path, settings)
        os.chmod(path, 0o640)
    return path, script


def run(p, command, code=0, *more):
    return p.inside(command, "--profile", "hooked", *more, code=code)


def once(p):
    """A file of its own, then the same run again: the same bytes."""
    settings, script = setup(p)
    said = p.nono("run", "--dry-run", "--profile", "hooked", "--", "true") + p.err
    assert settings in said and "PreToolUse" in said and not os.path.exists(settings), said
    assert run(p, script) == "looked\n", "it is run inside"
    text = p.read(settings)
    assert json.loads(text) == {"hooks": {"PreToolUse": [
        {"matcher": "Write|Edit", "hooks": [{"type": "command", "command": script}]}]}}, text
    assert os.stat(settings).st_mode & 0o777 == 0o600
    before = os.stat(settings)
    run(p, "true")
    assert p.read(settings) == text and os.stat(settings).st_ino == before.st_ino
    assert os.listdir(os.path.dirname(settings)).count("settings.json") == 1
    assert not [f for f in os.listdir(os.path.join(p.home, ".claude")) if "tmp" in f]
    p.nono("profile", "validate", "hooked")
    assert "no effect" not in p.err, p.err


def beside(p):
    """What the user wrote stays, byte for byte, with its mode."""
    settings, script = setup(p, settings=MINE)
    run(p, "true")
    text = p.read(settings)
    at = text.index('\n    "PreToolUse"')
    end = at
    while not MINE.endswith(text[end:]):
        end += 1
    assert text[:at] + text[end:] == MINE and script in text[at:end], text
    assert os.stat(settings).st_mode & 0o777 == 0o640
    run(p, "true")
    assert p.read(settings) == text
    # A second one of the same event.
    setup(p, {"claude-code": dict(HOOK, matcher="Bash")})
    run(p, "true")
    assert p.read(settings).count(script) == 2 and '"say done"' in p.read(settings)


def refused(p):
    """Settings that can't be understood, links, others' files, unknown agents: nothing starts."""
    settings, script = setup(p, settings='{"hooks": [')
    for text, words in (('{"hooks": [', "settings.json:1"), ('{"hooks": 1}', "no object"),
                        ('{"hooks": {"PreToolUse": {}}}', "no list"), ("[]", "no object")):
        p.write(settings, text)
        assert run(p, "echo started", 1) == "" and words in p.err and "hooks.claude-code" in p.err, p.err
        assert p.read(settings) == text
    p.write(settings, "{}")
    os.chmod(settings, 0o620)
    assert run(p, "echo started", 1) == "" and "chmod go-w" in p.err, p.err
    os.unlink(settings)
    other = p.write(os.path.join(p.home, "other.json"), "{}")
    os.symlink(other, settings)
    assert run(p, "echo started", 1) == "" and "symbolic link" in p.err, p.err
    assert p.read(other) == "{}"
    os.unlink(settings)
    os.chmod(script, 0o722)
    assert run(p, "echo started", 1) == "" and "chmod go-w" in p.err, p.err
    os.unlink(script)
    assert run(p, "echo started", 1) == "" and "No such file" in p.err, p.err
    mine = p.write(os.path.join(p.work, "look.sh"), "#!/bin/sh\n")
    os.chmod(mine, 0o700)
    setup(p, {"claude-code": dict(HOOK, script=mine)})
    assert run(p, "echo started", 1) == "" and "can be changed by the program" in p.err, p.err
    for hooks, words in (({"nobody": HOOK}, ["nobody", "claude-code", "gemini"]),
                         ({"claude-code": dict(HOOK, event="a b")}, ["event"]),
                         ({"claude-code": dict(HOOK, script="look.sh")}, ["look.sh", "starts with /"])):
        setup(p, hooks)
        assert run(p, "echo started", 1) == "" and all(w in p.err for w in words), p.err
    assert not os.path.exists(settings)


def attacks(p):
    """Neither the settings nor the script are the program's to change."""
    settings, script = setup(p)
    run(p, "true")
    text = p.read(settings)
    out = run(p, "cd %s; echo {} > settings.json; rm -f settings.json; mv settings.json x; ln -sf x settings.json;"
              " echo x > y && mv y settings.json; echo evil >> hooks/look.sh; rm -f hooks/look.sh; mv hooks h;"
              " chmod 777 settings.json; cat settings.json; echo mine > own && echo own" % os.path.dirname(settings))
    assert out == text + "own\n", out
    assert p.read(settings) == text and p.read(script) == "#!/bin/sh\necho looked\n"


def brought(p):
    """A profile of the repository installs nothing without the user's consent."""
    settings, script = setup(p)
    p.write(os.path.join(p.work, "theirs.json"),
            json.dumps({"extends": "claude-code", "meta": {"name": "theirs"}, "hooks": {"claude-code": HOOK}}))
    assert p.inside("echo started", "--profile", "./theirs.json", code=1) == ""
    assert not os.path.exists(settings), p.err
    digest = p.err.split("--trust-profile ")[1].split()[0]
    p.inside("true", "--profile", "./theirs.json", "--trust-profile", digest)
    assert p.read(settings).count(script) == 1


def gemini(p):
    """Another agent, on top of any profile; its folder is made."""
    _, script = setup(p)
    setup(p, {"gemini": {"event": "BeforeTool", "script": script}})
    run(p, "true")
    path = os.path.join(p.home, ".gemini", "settings.json")
    assert json.loads(p.read(path)) == {"hooks": {"BeforeTool": [
        {"hooks": [{"type": "command", "command": script}]}]}}
    text = p.read(path)
    run(p, "echo {} > %s; echo x > %s.own" % (path, path), 0, "--allow", os.path.dirname(path))
    assert p.read(path) == text and p.read(path + ".own") == "x\n"


def locked(p):
    """An agent that holds the lock of its own folder keeps nobody waiting."""
    settings, script = setup(p)
    run(p, "true")
    os.unlink(settings)
    p.start("holder", "exec 9<%s/.claude; flock 9 && echo held; sleep 1000" % p.home, "--profile",
            "claude-code", "--allow-net")
    p.shows("holder", "held")
    began = time.monotonic()
    run(p, "true", code=1)
    assert "locked by another program" in p.err and time.monotonic() - began < 10 * nonolib.SLOW, p.err
    assert not os.path.exists(settings)
    p.nono("stop", "--force", "holder")
    run(p, "true")
    assert os.path.exists(settings)


nonolib.main([locked, once, beside, refused, attacks, brought, gemini])
