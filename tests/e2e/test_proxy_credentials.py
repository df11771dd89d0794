#!/usr/bin/env python3
"""The proxy alone, with credentials: the server sees the real key, the client never had it; stand-ins, sources, signatures,
logins, limits; and where a key must not be seen."""
import base64
import hashlib
import hmac
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

from proxylib import PROXY, SLOW, Proxy, Web, auth, main, read_body, read_head, simple, status_of

KEY = "sk-real-Key+0123456789"
PHANTOM = "sk-nono-aaaabbbbccccdddd"
OTHER = "nono-eeeeffff00001111"
PLACE = tempfile.mkdtemp(prefix="nono-creds-")


def secret_file(text=KEY, name="key"):
    path = os.path.join(PLACE, name)
    with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(text + "\n")
    return "file://" + path


def route(w, name="api", key=None, path="/v1", scheme="http", **more):
    return {"name": name, "upstream": f"{scheme}://127.0.0.1:{w.port}{path}", "key": key or secret_file(),
            "inject": {"mode": 0, "header": "Authorization", "format": "Bearer {}"},
            "phantom": {"mode": 0, "header": "Authorization", "format": "Bearer {}"}, **more}


def start(*routes, env=None, **network):
    return Proxy({"network": {"mode": 2, "routes": list(routes), **network},
                  "phantoms": [f"{r['name']}={PHANTOM if i == 0 else OTHER}" for i, r in enumerate(routes)]}, env=env)


def ask(p, target, headers="", method="GET", body=b"", s=None):
    s = s or p.connect()
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    s.sendall(f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}{headers}\r\n".encode() + body)
    head, rest = read_head(s)
    body, _ = read_body(s, head, rest) if head else (b"", b"")
    return status_of(head), body, head


def bearer(token=PHANTOM):
    return f"Authorization: Bearer {token}\r\n"


def hidden(p, *more):
    """No secret and no stand-in in the log; nothing in what /proc shows of the proxy and its keys."""
    with open(p.log) as f:
        log = f.read()
    for word in (KEY, PHANTOM, OTHER, *more):
        assert word not in log, (word, log)
    pids = [str(p.process.pid)] + [c for c in os.listdir("/proc") if c.isdigit() and parent(c) == p.process.pid]
    assert len(pids) == 2, pids
    for pid in pids:
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{pid}/{name}", "rb") as f:
                    text = f.read()
            except PermissionError:
                continue
            for word in (KEY, *more):
                assert word.encode() not in text, (pid, name)
    return pids


def parent(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return int(f.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def reverse():
    w = Web(lambda m, t, h, b: simple(b"hello"))
    with start(route(w), route(w, "two", secret_file("second", "two"))) as p:
        assert ask(p, "/api/models?a=b", bearer()) [:2] == (200, b"hello")
        method, target, headers, _, head = w.seen[-1]
        assert target == "/v1/models?a=b" and headers["authorization"] == "Bearer " + KEY, head
        assert PHANTOM not in head
        ask(p, "/two/x", bearer(OTHER))
        assert w.seen[-1][2]["authorization"] == "Bearer second"
        # As other headers hold it, and git's way.
        for header in (f"x-api-key: {PHANTOM}\r\n", f"Authorization: token {PHANTOM}\r\n",
                       "Authorization: Basic " + base64.b64encode(f"u:{PHANTOM}".encode()).decode() + "\r\n"):
            assert ask(p, "/api/x", header)[0] == 200, header
            assert w.seen[-1][2]["authorization"] == "Bearer " + KEY and PHANTOM not in w.seen[-1][4], w.seen[-1]
        n = len(w.seen)
        for headers in ("", bearer(OTHER), bearer(PHANTOM + "0"), bearer(PHANTOM[:-1]), bearer(KEY), "x-api-key: x\r\n",
                        bearer("") , auth(), f"Authorization: {PHANTOM[1:]}\r\n"):
            code, body, _ = ask(p, "/api/models", headers)
            assert code == 401, (headers, code, body)
            assert KEY.encode() not in body
        assert ask(p, "/none/models", bearer())[0] == 404
        assert len(w.seen) == n
        hidden(p, "second")


def injections():
    w = Web(lambda m, t, h, b: simple())
    ways = [({"mode": 2, "query": "key"}, {"mode": 2, "query": "key"}, f"/api/x?a=1&key={PHANTOM}",
             "/v1/x?a=1&key=sk-real-Key%2B0123456789", None),
            ({"mode": 1, "path_pattern": "/bot{}/", "path_replacement": "/bot{}/"},
             {"mode": 1, "path_pattern": "/bot{}/", "path_replacement": "/bot{}/"}, f"/api/bot{PHANTOM}/send",
             "/v1/botsk-real-Key%2B0123456789/send", None),
            ({"mode": 3, "format": "git:{}"}, {"mode": 3}, "/api/r", "/v1/r",
             "Basic " + base64.b64encode(b"git:" + KEY.encode()).decode())]
    for inject, phantom, target, want, header in ways:
        with start(route(w, inject=inject, phantom=phantom)) as p:
            basic = "Authorization: Basic " + base64.b64encode(f"x:{PHANTOM}".encode()).decode() + "\r\n" if header else ""
            code, body, _ = ask(p, target, basic)
            assert code == 200, (inject, code, body)
            assert w.seen[-1][1] == want and w.seen[-1][2].get("authorization") == header, w.seen[-1]
            assert PHANTOM not in w.seen[-1][4]
            hidden(p, "real-Key%2B", base64.b64encode(b"git:" + KEY.encode()).decode())


def sources():
    w = Web(lambda m, t, h, b: simple())
    with start(route(w, key="env://MY_KEY"), env={"MY_KEY": KEY}) as p:
        assert ask(p, "/api/x", bearer())[0] == 200
        assert w.seen[-1][2]["authorization"] == "Bearer " + KEY
        hidden(p)
    # A command that sets headers; it learns what is asked for.
    script = "read -r r; printf '{\"headers\":{\"X-One\":\"%s\",\"X-Path\":\"%s\"}}' " + KEY + " \"$NONO_REQUEST_METHOD:$NONO_REQUEST_PATH\""
    capture = {"name": "c", "command": ["sh", "-c", script], "timeout_s": 10, "ttl_s": 900, "stdin_json": True, "json": True,
               "headers": ["x-one", "x-path"]}
    with start(route(w, key="cmd://c"), captures=[capture]) as p:
        assert ask(p, "/api/y?q=1", bearer())[0] == 200
        seen = w.seen[-1][2]
        assert seen["x-one"] == KEY and seen["x-path"].startswith("GET:") and "authorization" not in seen, seen
    # What can't be had: 503, at once the next time, and nothing reaches the server.
    n = len(w.seen)
    for key, word in (("env://NOT_THERE", b"not set"), ("file:///nonexistent", b"No such file"), ("cmd://c", b"code 3")):
        with start(route(w, key=key), captures=[{"name": "c", "command": ["sh", "-c", "exit 3"]}]) as p:
            for _ in range(2):
                code, body, _ = ask(p, "/api/x", bearer())
                assert code == 503 and word in body, (key, code, body)
            p.wait_event(lambda e: "managed_credential_unavailable" in json.dumps(e))
    assert len(w.seen) == n
    # A slow one holds up nobody else.
    with start(route(w, key="cmd://slow"), route(w, "two"), captures=[{"name": "slow", "command": ["sleep", "30"], "timeout_s": 60}]) as p:
        waits = p.connect()
        waits.sendall(f"GET /api/x HTTP/1.1\r\nHost: x\r\n{bearer()}\r\n".encode())
        time.sleep(0.2)
        begin = time.monotonic()
        assert ask(p, "/two/x", bearer(OTHER))[0] == 200 and time.monotonic() - begin < 10
        waits.close()
    # Without its keys process: no credential, no crash.
    with start(route(w, key="cmd://slow"), captures=[{"name": "slow", "command": ["sleep", "30"], "timeout_s": 60}]) as p:
        assert ask(p, "/api/x", bearer(OTHER))[0] == 401  # it is up
        keys = next(int(c) for c in os.listdir("/proc") if c.isdigit() and parent(c) == p.process.pid)
        os.kill(keys, 9)
        code, body, _ = ask(p, "/api/x", bearer())
        assert code == 503 and p.alive(), (code, body)


def oauth():
    given = []

    def token(m, t, h, b):
        given.append(urllib.parse.parse_qs(b.decode()))
        return simple(json.dumps({"access_token": f"TOKEN{len(given)}", "token_type": "Bearer", "expires_in": 2}).encode())
    w, endpoint = Web(lambda m, t, h, b: simple()), Web(token)
    r = route(w, token_url=f"http://127.0.0.1:{endpoint.port}/token", client_id="env://ID", client_secret=secret_file(), scope="a b")
    del r["key"]
    with start(r, env={"ID": "me&you", "no_proxy": "127.0.0.1"}) as p:
        for _ in range(3):
            code, body, _ = ask(p, "/api/x", bearer())
            assert code == 200, (code, body)
        assert given == [{"grant_type": ["client_credentials"], "client_id": ["me&you"], "client_secret": [KEY], "scope": ["a b"]}]
        assert w.seen[-1][2]["authorization"] == "Bearer TOKEN1"
        time.sleep(2.2)
        assert ask(p, "/api/x", bearer())[0] == 200
        assert w.seen[-1][2]["authorization"] == "Bearer TOKEN2", w.seen[-1][2]
        hidden(p, "TOKEN1")


def sigv4(method, target, headers, body, region, service, secret):
    """The signature as AWS describes it."""
    path, _, query = target.partition("?")
    names = headers["authorization"].partition("SignedHeaders=")[2].split(",")[0].split(";")

    def enc(s):
        return urllib.parse.quote(urllib.parse.unquote_to_bytes(s), safe="-_.~")
    canonical = "\n".join([method, "/".join(urllib.parse.quote(enc(x), safe="-_.~") for x in path.split("/")),
                           "&".join("=".join(x) for x in sorted((enc(a), enc(b)) for a, _, b in (q.partition("=") for q in query.split("&") if q))),
                           "".join(f"{n}:{headers[n]}\n" for n in names), ";".join(names), hashlib.sha256(body).hexdigest()])
    date = headers["x-amz-date"]
    scope = f"{date[:8]}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    k = ("AWS4" + secret).encode()
    for part in (date[:8], region, service, "aws4_request"):
        k = hmac.new(k, part.encode(), hashlib.sha256).digest()
    return hmac.new(k, text.encode(), hashlib.sha256).hexdigest()


def aws():
    w = Web(lambda m, t, h, b: simple())
    r = route(w, path="", aws=True, aws_region="eu-west-1", aws_service="bedrock", aws_profile="work")
    del r["key"]
    home = os.path.join(PLACE, "home")
    os.makedirs(home + "/.aws", exist_ok=True)
    with open(home + "/.aws/credentials", "w") as f:
        f.write(f"[default]\naws_access_key_id = NO\n[work]\naws_access_key_id = AKIAREAL\naws_secret_access_key = {KEY}\naws_session_token=SESSION\n")
    signed = f"Authorization: AWS4-HMAC-SHA256 Credential={PHANTOM}/20260101/eu-west-1/bedrock/aws4_request, SignedHeaders=host, Signature=00\r\n"
    with start(r, env={"HOME": home}) as p:
        for method, target, body in (("POST", "/model/a.b%3A1/invoke?x=2&b=1", b"{}" * 5000), ("GET", "/", b"")):
            code, text, _ = ask(p, "/api" + target, signed + "Content-Type: application/json\r\n", method, body)
            assert code == 200, (code, text)
            m, t, h, b, head = w.seen[-1]
            assert t == target and b == body and h["x-amz-security-token"] == "SESSION" and PHANTOM not in head, head
            assert f"Credential=AKIAREAL/" in h["authorization"] and h["authorization"].endswith(
                "Signature=" + sigv4(m, t, h, b, "eu-west-1", "bedrock", KEY)), h
        n = len(w.seen)
        assert ask(p, "/api/", signed.replace(PHANTOM, "AKIAOTHER"))[0] == 401
        assert len(w.seen) == n
        hidden(p, "SESSION")


def limits():
    w = Web(lambda m, t, h, b: simple())
    with start(route(w, per_minute=60, burst=2, max_delay_s=1)) as p:
        begin = time.monotonic()
        codes = [ask(p, "/api/x", bearer())[0] for _ in range(3)]
        assert codes == [200, 200, 200] and 0.5 < time.monotonic() - begin < 10 * SLOW, codes
        many = [p.connect() for _ in range(4)]
        for s in many:
            s.sendall(f"GET /api/x HTTP/1.1\r\nHost: x\r\n{bearer()}\r\n".encode())
        heads = [read_head(s)[0] for s in many]
        refused = [h for h in heads if status_of(h) == 429]
        assert refused and all("retry-after: " in h.lower() for h in refused), heads
    # Endpoints of the route.
    rules = {"rules": [{"action": 0, "method": "GET", "path": "/v1/ok/**"}], "otherwise": 2}
    n = len(w.seen)
    with start(route(w, endpoints=rules)) as p:
        assert ask(p, "/api/ok/1", bearer())[0] in (200, 403)
        allowed = len(w.seen) - n
        for target, method in (("/api/other", "GET"), ("/api/ok/1", "DELETE"), ("/api/ok/../other", "GET"), ("/api/ok/%2e%2e/other", "GET")):
            code, body, _ = ask(p, target, bearer(), method)
            assert code in (400, 403), (target, method, code, body)
        assert len(w.seen) - n == allowed


def elsewhere():
    """A redirect is the client's business; the key goes nowhere with it."""
    other = Web(lambda m, t, h, b: simple())
    w = Web(lambda m, t, h, b: simple(status="302 Found", headers=f"Location: http://127.0.0.1:{other.port}/x\r\nAlt-Svc: h3=\":443\"\r\n"))
    with start(route(w)) as p:
        code, _, head = ask(p, "/api/x", bearer())
        assert code == 302 and "alt-svc" not in head.lower(), head
        assert not other.seen and KEY not in head


def authority():
    """A certificate for 127.0.0.1, and its authority."""
    ca, key = os.path.join(PLACE, "ca.pem"), os.path.join(PLACE, "ca.key")
    if not os.path.exists(ca):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-keyout", key, "-out", ca, "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, stderr=subprocess.DEVNULL)
    return ca, key


def tls_web(answer):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority())
    w = Web(answer)
    plain = w.handle
    w.handle = lambda s: plain(context.wrap_socket(s, server_side=True))
    return w


def tunnel(p, port):
    s = p.connect()
    s.sendall(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{auth()}\r\n".encode())
    head, _ = read_head(s)
    assert status_of(head) == 200, head
    context = ssl.create_default_context(cafile=p.bundle)
    return context.wrap_socket(s, server_hostname="127.0.0.1")


def ask_tls(p, w, target, headers="", method="GET", body=b""):
    s = tunnel(p, w.port)
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    s.sendall(f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{w.port}\r\n{length}{headers}\r\n".encode() + body)
    head, rest = read_head(s)
    body, _ = read_body(s, head, rest) if head else (b"", b"")
    s.close()
    return status_of(head), body, head


def intercepted():
    w = tls_web(lambda m, t, h, b: simple())
    here = [{"name": "127.0.0.1"}]
    with start(route(w, scheme="https", path="", tls_ca=authority()[0]), route(w, "two", secret_file("second", "two"), scheme="https",
               path="", tls_ca=authority()[0]), allow=here, env={"SSL_CERT_FILE": authority()[0]}) as p:
        code, body, _ = ask_tls(p, w, "/x", bearer())
        assert code == 200, (code, body)
        assert w.seen[-1][2]["authorization"] == "Bearer " + KEY and PHANTOM not in w.seen[-1][4], w.seen[-1]
        # Two routes to one host: the stand-in says which.
        assert ask_tls(p, w, "/x", bearer(OTHER))[0] == 200 and w.seen[-1][2]["authorization"] == "Bearer second"
        # Without one it goes on as it is; with somebody else's it does not.
        assert ask_tls(p, w, "/x")[0] == 200 and "authorization" not in w.seen[-1][2]
        n = len(w.seen)
        assert ask_tls(p, w, "/x", bearer("sk-of-somebody-else"))[0] == 401
        assert len(w.seen) == n
        hidden(p, "second")


def logins():
    """What a login hands out stays with the proxy."""
    real = {"access_token": "REAL-ACCESS-TOKEN", "refresh_token": "REAL/REFRESH+TOKEN", "expires_in": 3600}

    def answer(m, t, h, b):
        return simple(json.dumps(real).encode()) if t == "/oauth/token" else simple(h.get("authorization", "").encode()[:0] + b"ok")
    w = tls_web(answer)
    url = f"https://127.0.0.1:{w.port}/oauth/token"
    with start(env={"SSL_CERT_FILE": authority()[0]}, allow=[{"name": "127.0.0.1"}],
               logins=[{"name": "x", "token_url": url, "hosts": ["127.0.0.1"]}]) as p:
        code, body, _ = ask_tls(p, w, "/oauth/token", "Content-Type: application/json\r\nAccept-Encoding: gzip\r\n", "POST",
                                b'{"grant_type":"authorization_code","code":"abc"}')
        assert code == 200 and b"REAL" not in body, (code, body)
        got = json.loads(body)
        assert got["expires_in"] == 3600 and got["access_token"] != got["refresh_token"]
        assert "accept-encoding" not in w.seen[-1][2] and b"abc" in w.seen[-1][3]
        assert ask_tls(p, w, "/v1/x", bearer(got["access_token"]))[0] == 200
        assert w.seen[-1][2]["authorization"] == "Bearer " + real["access_token"], w.seen[-1]
        code, body, _ = ask_tls(p, w, "/oauth/token", "Content-Type: application/x-www-form-urlencoded\r\n", "POST",
                                b"grant_type=refresh_token&refresh_token=" + got["refresh_token"].encode())
        assert code == 200 and b"REAL" not in body, (code, body)
        assert w.seen[-1][3] == b"grant_type=refresh_token&refresh_token=REAL%2FREFRESH%2BTOKEN", w.seen[-1]
        with open(p.log) as f:
            log = f.read()
        assert "REAL" not in log and got["access_token"] not in log, log


def pages():
    """Pages are opened in the user's browser, of origins that the profile names, a few, by no shell."""
    opened = os.path.join(PLACE, "opened")
    os.makedirs(PLACE + "/bin", exist_ok=True)
    with open(PLACE + "/bin/xdg-open", "w", opener=lambda p, f: os.open(p, f, 0o755)) as f:
        f.write(f"#!/bin/sh\nprintf '%s\\n' \"$#:$1:$MINE\" >> {opened}\n")
    env = {"PATH": PLACE + "/bin:" + os.environ["PATH"], "MINE": "environment"}

    def want(p, url, headers=auth()):
        return ask(p, "/.nono/open-url", f"{headers}X-Nono-Url: {url}\r\n", "POST")[0]
    with start(env=env, open_urls=["https://claude.ai", "https://login.example.com:8443"], open_localhost=True) as p:
        for url in ("https://evil.example/", "http://claude.ai/", "https://claude.ai.evil.example/", "https://claude.ai:444/", "file:///etc/passwd",
                    "https://claude.ai@evil.example/", "https://login.example.com/", "javascript:alert(1)", "https://claude.ai/$(id)",
                    "https://claude.ai/`id`", "https://claude.ai/'x", "-https://claude.ai/", "https://claude.ai/" + "a" * 5000):
            assert want(p, url) == 403, url
        assert want(p, "https://claude.ai/x", "") == 407
        assert ask(p, "/.nono/open-url", auth(), "POST")[0] == 400
        for url in ("https://claude.ai/oauth?a=b&c=%20d", "https://LOGIN.example.com:8443/", "http://localhost:1455/auth"):
            assert want(p, url) == 202, url
            assert want(p, url) == 403  # not at that speed
            time.sleep(1.1)
        end = time.monotonic() + 10
        while time.monotonic() < end and not (os.path.exists(opened) and len(open(opened).readlines()) == 3):
            time.sleep(0.05)
        assert open(opened).read() == ("1:https://claude.ai/oauth?a=b&c=%20d:environment\n1:https://LOGIN.example.com:8443/:environment\n"
                                       "1:http://localhost:1455/auth:environment\n")
        p.wait_event(lambda e: e["target"] == "claude.ai" and e["decision"] == "allow" and "%20d" not in json.dumps(e))
    with start(env=env) as p:
        assert want(p, "https://claude.ai/") == 403


if not os.path.exists(PROXY):
    sys.exit(77)
cases = [reverse, injections, sources, oauth, aws, limits, elsewhere, pages]
if shutil.which("openssl"):
    cases += [intercepted, logins]
try:
    main(cases)
finally:
    shutil.rmtree(PLACE)
