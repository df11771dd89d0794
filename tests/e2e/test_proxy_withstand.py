#!/usr/bin/env python3
"""What is tried on a proxy: heads that drip, spellings of paths that a real server reads as another one, other
people's use of it; where its secrets lie in memory; servers with an authority and a wish for a certificate of their own."""
import ctypes
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

import h2frames
import proxylib
import test_proxy_tls as tls
from proxylib import SLOW, Proxy, Server, Web, auth, echo, read_all, read_head, simple, status_of

HERE = ["127.0.0.1", "localhost"]
KEY, PHANTOM = "sk-real-Key+%s" % os.urandom(8).hex(), "sk-nono-aaaabbbbccccdddd"


def dripping_heads():
    """A head has its time, however busily it drips; who is done in time, and a body, is not hurried."""
    w = Web(lambda m, t, h, b: simple(b))
    with Proxy({"allow": HERE, "head_ms": 1500 * SLOW}) as p:
        drips = [p.connect() for _ in range(30)]
        drips[0].close()
        drips = drips[1:]
        begun, gone = time.monotonic(), {}
        text = (f"GET http://127.0.0.1:{w.port}/ HTTP/1.1\r\nHost: x\r\n{auth()}X: " + "y" * 10000).encode()
        for i in range(400):
            for s in drips:
                if s in gone:
                    continue
                try:
                    s.setblocking(False)
                    s.sendall(text[i:i + 1])
                    if s.recv(10) == b"":
                        gone[s] = time.monotonic()
                except BlockingIOError:
                    pass
                except OSError:
                    gone[s] = time.monotonic()
            if len(gone) == len(drips):
                break
            time.sleep(0.02 * SLOW)
        assert len(gone) == len(drips), "%d of %d" % (len(gone), len(drips))
        assert min(gone.values()) - begun > 1.0 * SLOW, "too early"
        # A body may take longer than a head.
        s = p.connect()
        s.sendall(f"POST http://127.0.0.1:{w.port}/ HTTP/1.1\r\nHost: x\r\n{auth()}Content-Length: 5\r\n\r\n".encode())
        for c in b"hello":
            time.sleep(0.45 * SLOW)
            s.sendall(bytes([c]))
        head, rest = read_head(s)
        assert status_of(head) == 200 and proxylib.read_body(s, head, rest)[0] == b"hello", head
        # Nor does it matter how long a connection waits between its requests.
        time.sleep(1.8 * SLOW)
        s.sendall(f"GET http://127.0.0.1:{w.port}/ HTTP/1.1\r\nHost: x\r\n{auth()}\r\n".encode())
        assert status_of(read_head(s)[0]) == 200


def drip(s, text, pause=0.02):
    """Byte by byte; the seconds until the other side had enough, None if it took all."""
    begun = time.monotonic()
    s.setblocking(False)
    for i in range(len(text)):
        try:
            s.sendall(text[i:i + 1])
            if s.recv(65536) == b"":
                return time.monotonic() - begun
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except OSError:
            return time.monotonic() - begun
        time.sleep(pause * SLOW)
    return None


def together(*cases):
    """Runs them at the same time; {name: what it returned}, without those that failed."""
    out = {}
    ts = [threading.Thread(target=lambda f=f: out.setdefault(f.__name__, f())) for f in cases]
    for t in ts:
        t.start()
    for t in ts:
        t.join()
    return out


def http2(p, port, host="a.localhost"):
    """A TLS connection into a tunnel that the proxy opens, on which HTTP/2 was agreed."""
    s = tls.connect(p, host, port)[1]
    c = tls.trusting(p.bundle)
    c.set_alpn_protocols(["h2"])
    s = c.wrap_socket(s, server_hostname=host)
    assert s.selected_alpn_protocol() == "h2"
    return s


class Http2(Server):
    """talk(connection) for each client, over TLS."""

    def __init__(self, talk):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.WORLD.leaf("a.localhost"))
        context.set_alpn_protocols(["h2"])
        super().__init__(lambda s: talk(context.wrap_socket(s, server_side=True)))


LONG = h2frames.fields(("x", "y" * 10000))


def dripping_over_http2():
    """The same there: what comes before the first request, a head, what follows a body."""
    w = tls.Secure(lambda m, t, h, b: simple(b), tls.WORLD.leaf("a.localhost"))
    here = "a.localhost:%d" % w.port
    rules = {"rules": [{"action": 0, "method": "*", "path": "/**"}], "otherwise": 2}
    with Proxy({"network": {"mode": 2, "allow": [{"name": "a.localhost", "endpoints": rules}], "http2": True},
                "resolver": tls.NAMES.address, "head_ms": 1500 * SLOW}, env={"SSL_CERT_FILE": tls.WORLD.ca}) as p:
        def greeting():
            return drip(http2(p, w.port), h2frames.PREFACE + h2frames.frame(h2frames.SETTINGS, 0, 0, bytes(6 * 30)))

        def head():
            c = h2frames.Connection(http2(p, w.port))
            return drip(c.s, h2frames.frame(h2frames.HEADERS, 5, 1, LONG))

        def second_head():
            c = h2frames.Connection(http2(p, w.port))
            c.request(1, here)
            assert c.next(h2frames.HEADERS)[3][:1] == h2frames.OK
            return drip(c.s, h2frames.frame(h2frames.HEADERS, 5, 3, LONG))

        def trailers():
            c = h2frames.Connection(http2(p, w.port))
            c.request(1, here, method="POST", end=False)
            c.send(h2frames.DATA, 0, 1, b"body")
            return drip(c.s, h2frames.frame(h2frames.HEADERS, 5, 1, LONG))

        def body():
            """May take longer than a head, and so may what is before it."""
            c = h2frames.Connection(http2(p, w.port))
            time.sleep(1.8 * SLOW)
            c.request(1, here, method="POST", end=False)
            for i in range(5):
                time.sleep(0.45 * SLOW)
                c.send(h2frames.DATA, i == 4, 1, b"x")
            assert c.next(h2frames.HEADERS)[3][:1] == h2frames.OK
            assert c.next(h2frames.DATA)[3] == b"xxxxx"
            return 1.5 * SLOW
        cases = [greeting, head, second_head, trailers, body]
        ended = together(*cases)
    for f in cases:
        assert f.__name__ in ended and ended[f.__name__] and 1.0 * SLOW < ended[f.__name__] < 6 * SLOW, (f.__name__, ended)


def dripping_answers():
    """Of a server: it may take its time to begin, and for the body, but not for the head."""
    slow, length = b"HTTP/1.1 200 OK\r\nX: " + b"y" * 10000, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"

    def by_http1(m, target, h, b):
        def out(s):
            if target == "/head":
                return drip(s, slow)
            time.sleep(2 * SLOW)
            s.sendall(length)
            for c in b"hello":
                time.sleep(0.45 * SLOW)
                s.sendall(bytes([c]))
        return out

    def by_http2(s, how):
        if how == "greeting":
            drip(s, h2frames.frame(h2frames.SETTINGS, 0, 0, bytes(6 * 30)))
            return
        c = h2frames.Connection(s, client=False)
        _, _, stream, payload = c.next(h2frames.HEADERS)
        if how == "head":
            drip(s, h2frames.frame(h2frames.HEADERS, 4, stream, h2frames.OK + LONG))
            return
        time.sleep(2 * SLOW)
        c.send(h2frames.HEADERS, 4, stream, h2frames.OK)
        for i in range(5):
            time.sleep(0.45 * SLOW)
            c.send(h2frames.DATA, i == 4, stream, b"hello"[i:i + 1])
        while c.next():
            pass
    w = Web(by_http1)
    w2 = {how: Http2(lambda s, how=how: by_http2(s, how)) for how in ("body", "head", "greeting")}
    with Proxy({"network": {"mode": 2, "allow": [{"name": n} for n in HERE + ["a.localhost"]], "http2": True}, "resolver": tls.NAMES.address, "head_ms": 1500 * SLOW},
               env={"SSL_CERT_FILE": tls.WORLD.ca}) as p:
        def ask(url):
            s = p.connect()
            s.settimeout(20 * SLOW)
            begun = time.monotonic()
            s.sendall(f"GET {url} HTTP/1.1\r\nHost: x\r\n{auth()}\r\n".encode())
            head, rest = read_head(s)
            return status_of(head), proxylib.read_body(s, head, rest)[0], time.monotonic() - begun

        def head():
            return ask(f"http://127.0.0.1:{w.port}/head")

        def head2():
            return ask(f"https://a.localhost:{w2['head'].port}/")

        def greeting2():
            return ask(f"https://a.localhost:{w2['greeting'].port}/")

        def body():
            return ask(f"http://127.0.0.1:{w.port}/body")

        def body2():
            return ask(f"https://a.localhost:{w2['body'].port}/")
        got = together(head, head2, greeting2, body, body2)
    for name in ("body", "body2"):
        assert got[name][:2] == (200, b"hello"), (name, got)
    for name in ("head", "head2", "greeting2"):
        code, text, took = got[name]
        assert code == 502 and b"head took too long" in text and 1.0 * SLOW < took < 6 * SLOW, (name, got)


NGINX = """
daemon off; master_process off; pid %(dir)s/pid; error_log %(dir)s/error.log; events {}
http { access_log off; client_body_temp_path %(dir)s/b; proxy_temp_path %(dir)s/p; fastcgi_temp_path %(dir)s/f;
  uwsgi_temp_path %(dir)s/u; scgi_temp_path %(dir)s/s;
  server { listen 127.0.0.1:%(port)d; default_type text/plain;
    location /ok/ { return 200 "ok"; } location = /ok { return 200 "ok"; }
    location /secret { return 200 "secret"; } location / { return 200 "other"; } } }
"""
SPELLINGS = ["/secret", "//secret", "/./secret", "/ok/../secret", "/ok/%2e%2e/secret", "/ok/%2E./secret", "/ok/.%2e/secret",
             "/ok/..%2fsecret", "/ok/%2e%2e%2fsecret", "/ok//../secret", "/ok//../../secret", "/ok/x/../../secret", "/ok/;/../secret",
             "/ok/..;/secret", "/%73ecret", "/ok/..\\secret", "/ok/%5c..%5c../secret", "/ok/%00/../../secret", "/ok%2f../secret",
             "/ok/%252e%252e/secret", "/ok/.../../../secret", "/ok/%2e%2e", "/ok/..", "/ok/../ok/../secret", "/secret?/ok/", "/secret#/ok/",
             "/secret%3f/ok/", "/ok/..%c0%afsecret", "/ok/%ef%bc%8e%ef%bc%8e/secret", "/OK/../secret", "/ok/../%2573ecret"]


def paths_as_nginx_reads_them():
    """A rule allows /ok and below: whatever spelling passes, nginx must not read another place out of it."""
    if not shutil.which("nginx"):
        print("no nginx: not tried")
        return
    d = tempfile.mkdtemp(prefix="nono-nginx-")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with open(d + "/conf", "w") as f:
        f.write(NGINX % {"dir": d, "port": port})
    n = subprocess.Popen(["nginx", "-c", d + "/conf", "-p", d], stderr=subprocess.DEVNULL)
    rules = [{"action": 0, "method": "*", "path": path} for path in ("/ok", "/ok/**")]
    try:
        proxylib.until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        with Proxy({"allow": [{"name": "127.0.0.1", "endpoints": {"rules": rules, "otherwise": 2}}]}) as p:
            def ask(target, direct=False):
                s = socket.create_connection(("127.0.0.1", port)) if direct else p.connect()
                where = "" if direct else f"http://127.0.0.1:{port}"
                s.sendall(f"GET {where}{target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{'' if direct else auth()}\r\n".encode("latin-1"))
                head, rest = read_head(s)
                return status_of(head), read_all(s, rest)
            assert ask("/ok") == (200, b"ok") and ask("/ok/x") == (200, b"ok") and ask("/other")[0] == 403
            dangerous = 0
            for target in SPELLINGS:
                alone = ask(target, True)
                dangerous += alone == (200, b"secret")
                code, body = ask(target)
                assert body != b"secret" and body != b"other", (target, code, body)
                assert code in (400, 403) or (code == 200 and body == b"ok"), (target, code, body)
            assert dangerous >= 12, "the server reads fewer of them as the secret one than thought: %d" % dangerous
    finally:
        n.terminate()
        n.wait(10)
        shutil.rmtree(d)


def no_open_relay():
    """Who is not the session's is not served: without its token, with another's, with one that is nearly it."""
    e = Server(echo)
    w = Web(lambda m, t, h, b: simple())
    with Proxy({"allow": HERE}) as p:
        for a in ("", auth("b2" * 32), auth(proxylib.TOKEN[:-1]), auth(proxylib.TOKEN + "0"), auth(proxylib.TOKEN.upper() + "x"),
                  "Proxy-Authorization: Bearer " + proxylib.TOKEN + "x\r\n", auth("")):
            for text in (f"CONNECT 127.0.0.1:{e.port} HTTP/1.1\r\nHost: x\r\n{a}\r\n",
                         f"GET http://127.0.0.1:{w.port}/ HTTP/1.1\r\nHost: x\r\n{a}\r\n",
                         f"POST /.nono/open-url HTTP/1.1\r\nHost: x\r\nX-Nono-Url: https://example.test/\r\n{a}\r\n"):
                s = p.connect()
                s.sendall(text.encode())
                assert status_of(read_head(s)[0]) == 407, (a, text)
        # Not as a web server, a SOCKS proxy or by TLS either.
        for first in (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"\x05\x01\x00", b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00", b"\x16\x03\x01\x00\x05hello"):
            s = p.connect()
            s.sendall(first)
            s.shutdown(socket.SHUT_WR)
            assert b" 200" not in read_all(s)[:20], first
        assert not w.seen and not e.connections


def places_of(pid, secret):
    """Flags of the mappings of a process that hold the secret."""
    out, at = [], None
    with open("/proc/%d/smaps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            first = line.split()[0]
            if "-" in first and not first.endswith(":"):
                at = [int(x, 16) for x in first.split("-")] if line.split()[1].startswith("rw") else None
            elif first == "VmFlags:" and at:
                try:
                    mem.seek(at[0])
                    if secret in mem.read(at[1] - at[0]):
                        out.append(line.split()[1:])
                except (OSError, ValueError):
                    pass
    return out


NGINX_HTTP2 = """
daemon off; master_process off; pid %(dir)s/pid; error_log %(dir)s/error.log; events {}
http { access_log off; client_body_temp_path %(dir)s/b; proxy_temp_path %(dir)s/p; fastcgi_temp_path %(dir)s/f;
  uwsgi_temp_path %(dir)s/u; scgi_temp_path %(dir)s/s;
  server { listen 127.0.0.1:%(port)d ssl http2; ssl_certificate %(cert)s; ssl_certificate_key %(cert)s;
    location /a { if ($http_authorization != "Bearer %(key)s") { return 401; } return 200 "$server_protocol"; }
    location /h { if ($http_x_api_key != "%(key)s") { return 401; } return 200 "$server_protocol"; }
    location /q { if ($arg_key != "%(quoted)s") { return 401; } return 200 "$server_protocol"; } } }
"""


class Field(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("value", ctypes.c_char_p), ("name_n", ctypes.c_size_t), ("value_n", ctypes.c_size_t),
                ("flags", ctypes.c_uint8)]


def as_hpack(name, value):
    """The value as an encoder writes it, without its first and last bytes, which depend on what is beside it."""
    lib, d, out = ctypes.CDLL("libnghttp2.so.14"), ctypes.c_void_p(), ctypes.create_string_buffer(4096)
    lib.nghttp2_hd_deflate_hd.restype = ctypes.c_ssize_t
    assert lib.nghttp2_hd_deflate_new(ctypes.byref(d), ctypes.c_size_t(4096)) == 0
    n = lib.nghttp2_hd_deflate_hd(d, out, ctypes.c_size_t(4096), ctypes.byref(Field(name, value, len(name), len(value), 1)), ctypes.c_size_t(1))
    lib.nghttp2_hd_deflate_del(d)
    assert n > 20, n
    return out.raw[8:n - 1]


def secrets_over_http2():
    """No copy of a key is left in ordinary memory: of the frames, of HPACK's tables, of a connection that is kept."""
    if not shutil.which("nginx"):
        print("no nginx: not tried")
        return
    d = tempfile.mkdtemp(prefix="nono-nginx-")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    quoted = urllib.parse.quote(KEY, safe="")
    with open(d + "/conf", "w") as f:
        f.write(NGINX_HTTP2 % {"dir": d, "port": port, "cert": tls.WORLD.leaf("127.0.0.1"), "key": KEY, "quoted": quoted})
    with open(d + "/key", "w", opener=lambda a, f: os.open(a, f, 0o600)) as f:
        f.write(KEY)
    n = subprocess.Popen(["nginx", "-c", d + "/conf", "-p", d], stderr=subprocess.DEVNULL)
    form, own, query = ({"mode": 0, "header": "Authorization", "format": "Bearer {}"}, {"mode": 0, "header": "X-Api-Key", "format": "{}"},
                        {"mode": 2, "query": "key"})
    routes = [{"name": name, "upstream": f"https://127.0.0.1:{port}", "key": f"file://{d}/key", "inject": how, "phantom": how}
              for name, how in (("a", form), ("h", own), ("q", query))]
    try:
        proxylib.until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        with Proxy({"network": {"mode": 2, "routes": routes, "http2": True}, "phantoms": [r["name"] + "=" + PHANTOM for r in routes]},
                   env={"SSL_CERT_FILE": tls.WORLD.ca}) as p:
            def ask(where, header, body):
                s = p.connect()
                s.sendall(f"POST {where} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{header}\r\n".encode() + body)
                head, rest = read_head(s)
                return status_of(head), read_all(s, rest)
            # Without a body the head is the last thing that was written.
            for body in (b"x" * 40000, b"x" * 40000, b""):
                for where, header in (("/a/a", f"Authorization: Bearer {PHANTOM}\r\n"), ("/q/q?key=" + PHANTOM, ""),
                                      ("/h/h", f"X-Api-Key: {PHANTOM}\r\n")):
                    assert ask(where, header, body) == (200, b"HTTP/2.0"), where
            if os.geteuid() or "NONO_SANITIZE" in os.environ or SLOW != 1:
                return  # only root may look
            held = places_of(p.process.pid, KEY.encode())
            assert held, "looked in the wrong place: the proxy holds no key"
            # As it is, as a part of a URL, and in HPACK's own code, which the session's encoder chose.
            for secret in (KEY.encode(), quoted.encode(), as_hpack(b"authorization", b"Bearer " + KEY.encode()), as_hpack(b"x-api-key", KEY.encode()),
                           as_hpack(b":path", b"/q?key=" + quoted.encode())):
                for flags in places_of(p.process.pid, secret):
                    assert "lo" in flags and "dd" in flags, "%r is where it can be swapped or dumped: %s" % (secret, flags)
    finally:
        n.terminate()
        n.wait(10)
        shutil.rmtree(d)


def secrets_stay_in_memory():
    """A key lies only in pages that are neither swapped nor dumped; no core, no debugger of the same user."""
    w = Web(lambda m, t, h, b: simple())
    place = tempfile.mkdtemp(prefix="nono-key-")
    with open(place + "/key", "w", opener=lambda a, f: os.open(a, f, 0o600)) as f:
        f.write(KEY)
    form = {"mode": 0, "header": "Authorization", "format": "Bearer {}"}
    query = {"mode": 2, "query": "key"}
    t = tls.Secure(lambda m, t, h, b: simple(), tls.WORLD.leaf("127.0.0.1"))
    routes = [{"name": name, "upstream": where, "key": "file://%s/key" % place, "inject": how, "phantom": how} for name, where, how in (
        ("api", f"http://127.0.0.1:{w.port}", form), ("tls", f"https://127.0.0.1:{t.port}", form), ("query", f"http://127.0.0.1:{w.port}", query))]
    with Proxy({"network": {"mode": 2, "routes": routes}, "phantoms": [r["name"] + "=" + PHANTOM + r["name"] for r in routes]},
               env={"SSL_CERT_FILE": tls.WORLD.ca}) as p:
        sends = [("api", "/api/x", True), ("tls", "/tls/x", True), ("query", f"/query/x?a=b&key={PHANTOM}query", False)]
        for i, (name, target, header) in enumerate(sends * 6):
            s = p.connect()
            header = f"Authorization: Bearer {PHANTOM}{name}\r\n" if header else ""
            # With the head in one write, and not; as it is, and in chunks.
            body = b"b" * (5000 if i % 2 else 40000)
            chunks = b"%x\r\n%s\r\n0\r\nX-Late: 1\r\n\r\n" % (len(body), body)
            how = "Transfer-Encoding: chunked" if i % 4 > 1 else f"Content-Length: {len(body)}"
            s.sendall(f"POST {target} HTTP/1.1\r\nHost: x\r\n{header}{how}\r\nConnection: close\r\n\r\n".encode() + (chunks if i % 4 > 1 else body))
            head, rest = read_head(s)
            assert status_of(head) == 200, (name, head, read_all(s, rest))
            last = (t if name == "tls" else w).seen[-1]
            assert (last[2]["authorization"] == "Bearer " + KEY) if header else (urllib.parse.quote(KEY, safe="") in last[1]), last
            read_all(s)
        os.unlink(place + "/key")
        os.rmdir(place)
        pids = [p.process.pid] + [int(x) for x in open("/proc/%d/task/%d/children" % (p.process.pid, p.process.pid)).read().split()]
        assert len(pids) == 2, pids
        for pid in pids:
            who = dict(user=54330, group=54330, extra_groups=[]) if os.geteuid() == 0 else {}
            for name in ("mem", "environ", "maps"):
                r = subprocess.run(["head", "-c1", "/proc/%d/%s" % (pid, name)], capture_output=True, text=True,
                                   env=dict(os.environ, LC_ALL="C"), **who)
                assert r.returncode and "Permission denied" in r.stderr, (name, r)
        if os.geteuid() or "NONO_SANITIZE" in os.environ or SLOW != 1:
            return  # only root may look
        held = places_of(pids[0], KEY.encode())
        assert held, "looked in the wrong place: the proxy holds no key"
        for flags in held + places_of(pids[0], urllib.parse.quote(KEY, safe="").encode()):
            assert "lo" in flags and "dd" in flags, "pages with the key can be swapped or dumped: %s" % flags
        for flags in places_of(pids[1], KEY.encode()):
            assert "lo" in flags and "dd" in flags, "of the keys process: %s" % flags


def certificates_of_routes():
    """A route's authority is trusted for that route alone, and its certificate is shown to its server alone."""
    world = tls.WORLD
    other = tls.Authority()
    client = world.leaf("client.test")
    own = other.leaf("127.0.0.1")
    seen = []

    class Wants(tls.Secure):
        def one(self, s):
            try:
                s = self.context.wrap_socket(s, server_side=True)
                seen.append(s.getpeercert())
            except OSError:
                s.close()
                return
            super(tls.Secure, self).one(s)
    w = Wants(lambda m, t, h, b: simple(), own)
    w.context.verify_mode = ssl.CERT_REQUIRED
    w.context.load_verify_locations(world.ca)
    form = {"mode": 0, "header": "Authorization", "format": "Bearer {}"}
    key = world.path("key")
    with open(key, "w", opener=lambda a, f: os.open(a, f, 0o600)) as f:
        f.write(KEY)

    def route(name, **more):
        return {"name": name, "upstream": f"https://127.0.0.1:{w.port}", "key": "file://" + key, "inject": form, "phantom": form, **more}
    routes = [route("all", tls_ca=other.ca, tls_cert=client, tls_key=client), route("none", tls_ca=other.ca),
              route("wrong", tls_cert=client, tls_key=client)]
    try:
        with Proxy({"network": {"mode": 2, "routes": routes}, "phantoms": [r["name"] + "=" + PHANTOM + r["name"] for r in routes]},
                   env={"SSL_CERT_FILE": world.ca}) as p:
            def ask(name):
                s = p.connect()
                s.sendall(f"GET /{name}/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {PHANTOM}{name}\r\nConnection: close\r\n\r\n".encode())
                head, rest = read_head(s)
                return status_of(head), read_all(s, rest)
            assert ask("all")[0] == 200 and seen and seen[-1]["subject"], seen
            n = len(w.seen)
            assert ask("none")[0] == 502
            code, body = ask("wrong")  # trusts the world, which did not sign this server
            assert code == 502 and b"certificate" in body.lower(), (code, body)
            assert len(w.seen) == n
    finally:
        shutil.rmtree(other.dir)


try:
    proxylib.main([dripping_heads, dripping_over_http2, dripping_answers, paths_as_nginx_reads_them, no_open_relay, secrets_stay_in_memory, secrets_over_http2, certificates_of_routes])
finally:
    shutil.rmtree(tls.WORLD.dir)
