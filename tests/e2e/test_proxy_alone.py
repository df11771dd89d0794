#!/usr/bin/env python3
"""nono proxy: the network proxy without a session. What it prints to set, what it serves, whom it refuses,
what it says about each request, and that nothing is left of it."""
import contextlib
import http.server
import json
import os
import re
import shlex
import signal
import threading
import urllib.error
import urllib.request

import nonolib
from nonolib import until

KEY = "sk-real-" + "5a" * 16


class Api:
    """Says which key it was shown."""

    def __init__(self):
        api = self
        self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                api.seen.append((self.path, self.headers.get("Authorization")))
                body = b"hello"
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def exports(text):
    """As a shell reads them."""
    out = {}
    for line in text.splitlines():
        word, value = shlex.split(line)
        assert word == "export", line
        name, _, out_value = value.partition("=")
        out[name] = out_value
    return out


@contextlib.contextmanager
def proxy(p, *flags, json_too=False):
    """Runs it; yields the process and the variables, once it serves."""
    run = p.popen("proxy", *flags)
    try:
        lines = []
        while True:
            line = run.stdout.readline()
            if not line:
                raise AssertionError("it did not start: " + run.stderr.read())
            lines.append(line)
            if line.rstrip() == "}" or line.startswith("export npm_config_cafile"):
                break
        yield run, json.loads("".join(lines)) if json_too else exports("".join(lines))
    finally:
        if run.poll() is None:
            run.send_signal(signal.SIGTERM)
        run.wait(10)
        for f in (run.stdout, run.stderr):
            f.close()


def get(url, through=None, headers=()):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": through} if through else {}))
    try:
        with opener.open(urllib.request.Request(url, headers=dict(headers)), timeout=10) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def profile(p, api):
    return p.write(os.path.join(p.base, "own.json"), json.dumps({"meta": {"name": "own"}, "network": {
        "allow_domain": ["127.0.0.1"], "credentials": ["mine"],
        "custom_credentials": {"mine": {"upstream": "http://127.0.0.1:%d/v1" % api.port, "credential_key": "env://MY_REAL_KEY",
                                        "env_var": "MINE_API_KEY"}}}}))


def serves(p):
    """Hosts of the list and no others, with the password alone; a line for each; gone without a trace."""
    api = Api()
    with proxy(p, "--allow-domain", "127.0.0.1") as (run, env):
        way = env["HTTPS_PROXY"]
        assert env["HTTP_PROXY"] == way and re.fullmatch(r"http://nono:[0-9a-f]{64}@127\.0\.0\.1:\d+", way), env
        bundle = env["SSL_CERT_FILE"]
        with open(bundle) as f:
            assert "BEGIN CERTIFICATE" in f.read()
        here = "http://127.0.0.1:%d/x" % api.port
        assert get(here, way) == (200, "hello")
        code, text = get("http://evil.test/", way)
        assert code == 403 and "--allow-domain" in text, text
        assert get(here, re.sub("nono:[0-9a-f]*@", "nono:%s@" % ("0" * 64), way))[0] == 407
        assert get(here, re.sub("nono:[0-9a-f]*@", "", way))[0] == 407
        assert api.seen == [("/x", None)], api.seen
        run.send_signal(signal.SIGINT)
        assert run.wait(10) == 0
        said = run.stderr.read()
        assert re.search(r"allow GET 127\.0\.0\.1:%d/x 200 in \d+ out" % api.port, said), said
        assert re.search(r"deny +GET evil\.test:80/ 403", said) and "wrong proxy password" in said, said
        assert not os.path.exists(bundle)
    until("its end", lambda: not p.processes(), 5)
    api.close()


def route(p):
    """The key goes to the service, the stand-in to the programs; JSON for both."""
    api = Api()
    p.env["MY_REAL_KEY"] = KEY
    log = os.path.join(p.work, "log")
    with proxy(p, "--profile", profile(p, api), "--log", log, "--json", json_too=True) as (run, said):
        env = said["environment"]
        assert said["port"] == int(env["HTTP_PROXY"].rsplit(":", 1)[1])
        assert KEY not in json.dumps(said) and env["MINE_API_KEY"], said
        where = env["MINE_BASE_URL"] + "/models"
        assert get(where, headers={"Authorization": "Bearer " + env["MINE_API_KEY"]}.items())[0] == 200
        assert get(where, headers={"Authorization": "Bearer wrong"}.items())[0] == 401
        assert api.seen == [("/v1/models", "Bearer " + KEY)], api.seen
    with open(log) as f:
        rows = [json.loads(line) for line in f]
    assert KEY not in json.dumps(rows)
    assert any(r["ended"] and r["status"] == 200 and r["route_id"] == "mine" for r in rows), rows
    assert any(r["decision"] == "deny" and r["status"] == 401 for r in rows), rows
    api.close()


def passwords(p):
    """A password of one's own; none at all, on loopback alone."""
    api = Api()
    here = "http://127.0.0.1:%d/" % api.port
    with proxy(p, "--allow-domain", "127.0.0.1", "--pass", "abc.1") as (_, env):
        assert ":abc.1@" in env["HTTP_PROXY"]
        assert get(here, env["HTTP_PROXY"])[0] == 200
        assert get(here, env["HTTP_PROXY"].replace("abc.1", "abc.2"))[0] == 407
    with proxy(p, "--allow-domain", "127.0.0.1", "--no-auth") as (_, env):
        assert "@" not in env["HTTP_PROXY"]
        assert get(here, env["HTTP_PROXY"])[0] == 200
    p.nono("proxy", "--allow-domain", "x.test", "--no-auth", "--listen", "0.0.0.0", code=2)
    assert "--no-auth" in p.err
    p.nono("proxy", "--allow-domain", "x.test", "--pass", "a@b", code=2)
    p.nono("proxy", code=2)
    assert "--allow-domain" in p.err
    p.nono("proxy", "--allow-domain", "x.test", "--proxy-ca-cert", "/x", code=2)
    p.nono("proxy", "--allow-domain", "x.test", "--port", str(api.port), code=1)
    assert "in use" in p.err, p.err
    api.close()


def killed(p):
    """The proxy does not outlive it; what it left is cleared away by the next one."""
    with proxy(p, "--allow-domain", "127.0.0.1") as (run, env):
        run.kill()
        run.wait(10)
        until("its end", lambda: not p.processes(), 5)
        assert os.path.exists(env["SSL_CERT_FILE"])
        with proxy(p, "--allow-domain", "127.0.0.1"):
            assert not os.path.exists(env["SSL_CERT_FILE"])


def not_inside(p):
    p.inside(p.inner + " proxy --allow-domain example.com", "--read-file", p.bin, code=1)
    assert "inside a sandbox" in p.err, p.err


nonolib.main([serves, route, passwords, killed, not_inside])
