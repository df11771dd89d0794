#!/usr/bin/env python3
"""Logins by OAuth in a browser, from inside a session: BROWSER opens pages of the profile's origins outside
and no others, each is in the log."""
import json
import os

import nonolib
from nonolib import until


def browser(p, localhost=False):
    """A browser that writes down what it is to open; a profile with an origin."""
    os.mkdir(os.path.join(p.base, "bin"))
    opened = os.path.join(p.outside, "opened")
    program = os.path.join(p.base, "bin", "xdg-open")
    with open(program, "w") as f:
        f.write("#!/bin/sh\nprintf '%%s\\n' \"$#:$1\" >> %s\n" % opened)
    os.chmod(program, 0o755)
    p.env["PATH"] = os.path.join(p.base, "bin") + ":" + p.env["PATH"]
    profile = os.path.join(p.base, "own.json")
    p.write(profile, json.dumps({"meta": {"name": "own"}, "network": {"allow_domain": ["example.test"]},
                                 "open_urls": {"allow_origins": ["https://claude.ai"], "allow_localhost": localhost}}))
    return opened, profile


def lines(path):
    return open(path).read().splitlines() if os.path.exists(path) else []


def pages(p):
    opened, profile = browser(p)
    out = p.nono("run", "--silent", "--name", "net", "--allow", p.work, "--profile", profile, "--", "/bin/sh", "-c",
                   '"$BROWSER" "https://claude.ai/oauth?code=SECRET&x=1"; echo one $?; "$BROWSER" https://evil.test/a; echo two $?')
    assert out.split() == ["one", "0", "two", "1"], out
    assert "open_urls" in p.err, p.err
    assert until("the page", lambda: len(lines(opened)) == 1)
    assert lines(opened) == ["1:https://claude.ai/oauth?code=SECRET&x=1"], lines(opened)
    sid = p.json("inspect", "net")["session_id"]
    seen = [(e["target"], e["success"]) for e in p.events(sid, "url_open")]
    assert seen == [("https://claude.ai/oauth", True), ("https://evil.test/a", False)], seen
    assert "SECRET" not in p.nono("logs", sid, "--json")
    p.nono("audit", "verify", sid)


def none(p):
    """Without open_urls there is no such thing; outside of a session neither."""
    browser(p)
    out = p.inside('echo "[$BROWSER]"; %s open-url-helper https://claude.ai/; echo $?' % p.bin, "--allow-domain", "example.test")
    assert out.split() == ["[]", "1"], (out, p.err)
    p.nono("open-url-helper", "https://claude.ai/", code=2)


nonolib.main([pages, none])
