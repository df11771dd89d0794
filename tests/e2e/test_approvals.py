#!/usr/bin/env python3
"""Requests that a program or a service answers, as a profile says: for files and for tools."""
import hashlib
import hmac
import http.server
import json
import os
import shutil
import threading
import time

import nonolib
from nonolib import SECRET, until

KEY = "sign-with-this"


class Service:
    """A webhook on this machine: answers as told, keeps what it was asked."""

    def __init__(self, answer, status=200):
        self.asked, self.heads = [], []
        me = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                me.asked.append(body)
                me.heads.append(dict(self.headers))
                text = answer(json.loads(body)) if callable(answer) else answer
                text = text.encode() if isinstance(text, str) else text
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    pass  # who asked has gone

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/ask" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def profile(p, **members):
    at = p.home
    for part in (".config", "nono", "profiles"):
        at = os.path.join(at, part)
        if not os.path.isdir(at):
            os.mkdir(at, 0o700)
            p.own(at)
    p.write(os.path.join(at, "asks.json"), json.dumps(dict({"meta": {"name": "asks"}}, **members)))


def asks(p, backend, **more):
    profile(p, security=dict({"capability_elevation": True, "approval_backends": {"b": backend},
                              "approval_defaults": dict({"backend": "b"}, **more)}))


def script(p, text, name="answer"):
    d = os.path.join(p.outside, "bin")
    if not os.path.isdir(d):
        os.mkdir(d)
        p.own(d)
    path = p.write(os.path.join(d, name), "#!/bin/sh\n" + text + "\n")
    os.chmod(path, 0o755)
    return path


def decisions(p):
    sid = p.json("ps", "--all")[0]["session_id"]
    p.nono("audit", "verify", sid)
    return [e["entry"] for e in p.events(sid, "capability_decision")]


def read_outside(p, code=0):
    target = os.path.join(p.outside, "wanted")
    p.write(target, "content\n")
    return target, p.inside("cat %s; echo rc $?" % target, "--profile", "asks", code=code)


def with_helper(p):
    """What speaks HTTP lies beside nono."""
    shutil.copy2(os.path.join(os.path.dirname(nonolib.NONO), "nono-token"), os.path.dirname(p.bin))


def webhook(p):
    def answer(q):
        return json.dumps({"decision": "approve" if q["request"]["path"].endswith("wanted") else "deny",
                           "reason": "not this one"})
    with_helper(p)
    s = Service(answer)
    asks(p, {"type": "webhook", "url": s.url, "hmac_key": "env://HOOK_KEY"})
    p.env["HOOK_KEY"] = KEY
    target, out = read_outside(p)
    assert out == "content\nrc 0\n", (out, p.err)
    q = json.loads(s.asked[0])
    r = q["request"]
    assert q["backend"] == "b" and r["capability_type"] == "capability" and r["path"] == target, q
    assert r["access"] == "read" and r["program"].endswith("cat") and r["session_id"] and r["request_id"], q
    want = hmac.new(KEY.encode(), s.asked[0], hashlib.sha256).hexdigest()
    assert s.heads[0]["X-Nono-Signature"] == "sha256=" + want, s.heads
    d = decisions(p)
    assert len(d) == 1 and d[0]["decision"] == "Granted" and d[0]["backend"] == "webhook b", d
    other = os.path.join(p.outside, "other")
    p.write(other, "other\n")
    out = p.inside("cat %s; echo rc $?" % other, "--profile", "asks")
    assert out == "rc 1\n" and len(s.asked) == 2, out
    d = decisions(p)
    assert "not this one" in json.dumps(d), d
    s.close()


def webhook_fails(p):
    """Whatever is no decision is a no."""
    with_helper(p)
    for answer, status, why in (("{}", 200, "no decision"), ("yes", 200, "no decision"), ('{"decision": "approve"}', 500, "500"),
                                ('{"decision": "maybe"}', 200, "no decision"),
                                ('{"decision": "approve"} x', 200, "no decision"),
                                ('{"decision": "approve", "pad": "%s"}' % ("x" * 70000), 200, "")):
        s = Service(answer, status)
        asks(p, {"type": "webhook", "url": s.url})
        _, out = read_outside(p)
        assert out == "rc 1\n" and len(s.asked) == 1, (answer[:40], out)
        assert why in json.dumps(decisions(p)), (answer[:40], decisions(p))
        s.close()
    asks(p, {"type": "webhook", "url": s.url})  # nobody listens any more
    assert read_outside(p)[1] == "rc 1\n"
    slow = Service(lambda q: time.sleep(4) or '{"decision": "approve"}')
    asks(p, {"type": "webhook", "url": slow.url, "timeout_secs": 1})
    begin = time.monotonic()
    assert read_outside(p)[1] == "rc 1\n" and time.monotonic() - begin < 4 * nonolib.SLOW
    slow.close()


def command(p):
    path = script(p, 'cat > %s/got; echo "$NONO_REQUEST_ID $NONO_SESSION_ID" > %s/ids; echo \'{"decision": "allow"}\''
                  % (p.outside, p.outside))
    asks(p, {"type": "command", "command": [path, "x"]})
    target, out = read_outside(p)
    assert out == "content\nrc 0\n", (out, p.err)
    r = json.loads(p.read(os.path.join(p.outside, "got")))["request"]
    assert r["path"] == target, r
    assert p.read(os.path.join(p.outside, "ids")).split() == [r["request_id"], r["session_id"]]
    assert decisions(p)[0]["backend"] == "command b"
    for text in ("exit 3", "echo '{\"decision\": \"allow\"}'; exit 1", "echo '{\"Denied\": {\"reason\": \"because\"}}'",
                 "sleep 30", "yes"):
        asks(p, {"type": "command", "command": [script(p, text)], "timeout_secs": 1})
        begin = time.monotonic()
        assert read_outside(p)[1] == "rc 1\n", text
        assert time.monotonic() - begin < 10 * nonolib.SLOW
        if "because" in text:
            assert "because" in json.dumps(decisions(p))


def person_first(p):
    """People and the backend are asked at once: the first answer counts."""
    path = script(p, "sleep 20; echo '{\"decision\": \"deny\"}'")
    asks(p, {"type": "command", "command": [path]}, timeout_secs=40)
    target = p.write(os.path.join(p.outside, "wanted"), "content\n")
    p.start("agent", "cat %s; echo rc $?; sleep 100" % target, "--profile", "asks")
    p.nono("approve", until("a request", lambda: p.json("requests", "agent"))[0]["id"])
    p.shows("agent", "content")
    p.nono("stop", "--force", "agent")


def tools(p):
    """A tool that must be agreed to, by the backend that its rule names."""
    tool = script(p, "echo ran", "tool")
    yes = script(p, "cat > %s/got; echo '{\"decision\": \"grant\"}'" % p.outside, "yes")
    no = script(p, "echo '{\"decision\": \"reject\", \"reason\": \"no tools today\"}'", "no")
    p.env["PATH"] = os.path.dirname(tool) + ":" + p.env["PATH"]
    profile(p, security={"approval_backends": {"n": {"type": "command", "command": [no]}}},
            command_policies={"approval_backends": {"y": {"type": "command", "command": [yes]}},
                              "approval_defaults": {"backend": "n"},
                              "commands": {"tool": {"from": {"session": {"sandbox": {}, "invocation_policy": {
                                  "default": "approve",
                                  "approve": [{"argv": {"prefix": ["by-y"]}, "backend": "y"}]}}}}}})
    out = p.inside("tool by-y 'a b'; echo $?; tool other; echo $?", "--profile", "asks")
    assert out == "ran\n0\n126\n", (out, p.err)
    assert "no tools today" in p.err, p.err
    r = json.loads(p.read(os.path.join(p.outside, "got")))["request"]
    assert r["capability_type"] == "command" and r["command"] == "tool by-y 'a b'" and r["cwd"] == p.work, r


def bad(p):
    """What can't be is found out before anything starts."""
    own = script(p, "echo '{\"decision\": \"grant\"}'")
    inside = p.write("answer", "#!/bin/sh\necho '{\"decision\": \"grant\"}'\n")
    os.chmod(inside, 0o755)
    for backend, why in (({"type": "webhook"}, "url"), ({"type": "webhook", "url": "http://example.org/x"}, "https"),
                         ({"type": "webhook", "url": "http://127.0.0.1@evil/x"}, "https"),
                         ({"type": "command", "command": ["answer"]}, "absolute path"),
                         ({"type": "command", "command": ["/nonexistent/x"]}, "/nonexistent/x"),
                         ({"type": "command", "command": [inside]}, "can be changed"),
                         ({"type": "chain", "backends": ["x"]}, "does not have"),
                         ({"type": "pigeon"}, "none of"), ({}, "needs a type")):
        asks(p, backend)
        p.inside("echo never", "--profile", "asks", code=1)
        assert why in p.err, (backend, p.err)
    profile(p, security={"capability_elevation": True, "approval_defaults": {"backend": "x"}})
    p.inside("echo never", "--profile", "asks", code=1)
    assert "no approval backend x" in p.err, p.err
    # Changed while the session runs: not asked.
    asks(p, {"type": "command", "command": [own]})
    target = p.write(os.path.join(p.outside, "wanted"), SECRET)
    p.start("agent", "while ! test -e go; do sleep 0.1; done; cat %s; echo rc $?; sleep 100" % target, "--profile", "asks")
    script(p, "echo '{\"decision\": \"grant\"}' # changed")
    p.write("go", "")
    assert SECRET not in p.shows("agent", "rc 1")
    p.nono("stop", "--force", "agent")


if __name__ == "__main__":
    nonolib.main([webhook, webhook_fails, command, person_first, tools, bad])
