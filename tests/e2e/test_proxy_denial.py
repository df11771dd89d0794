#!/usr/bin/env python3
"""A host is denied while requests to it are on their way: they end there and then, at whatever point they are."""
import shutil
import time

import h2frames
import proxylib
import test_proxy_tls as tls
from proxylib import Proxy, Web, auth, read_all, read_head, status_of, until
from test_proxy_broker import ALLOW, EVENT, READY, Event, get, say

DENY = 68
PIECE = b"data: x\n\n"


class Stream:
    """Answers of Web that never end; cut: how many of them the other side ended."""

    def __init__(self, length=False):
        self.length, self.begun, self.cut = length, 0, 0

    def __call__(self, m, t, h, b):
        def out(s):
            self.begun += 1
            try:
                if t == "/ok/silent":
                    assert s.recv(1) == b""
                    raise ConnectionError()
                s.sendall(b"HTTP/1.1 200 OK\r\n" + (b"Content-Length: 1000000000" if self.length else b"Transfer-Encoding: chunked") + b"\r\n\r\n")
                while True:
                    s.sendall(PIECE if self.length else b"%x\r\n%s\r\n" % (len(PIECE), PIECE))
                    time.sleep(0.02)
            except OSError:
                self.cut += 1
                return False
        return out


def start(**more):
    rules = [{"action": 0, "method": "*", "path": path} for path in ("/ok", "/ok/**")]
    allow = ["127.0.0.1", "localhost", {"name": "a.localhost", "endpoints": {"rules": rules, "otherwise": 2}}]
    p = Proxy({"network": {"mode": 2, "allow": allow, **more}, "resolver": tls.NAMES.address}, broker=True, env={"SSL_CERT_FILE": tls.WORLD.ca})
    get(p, READY)
    return p


def request(p, host, port, path="/", method="GET", more=""):
    s = p.connect()
    s.sendall(f"{method} http://{host}:{port}{path} HTTP/1.1\r\nHost: x\r\n{auth()}{more}\r\n".encode())
    return s


def flowing(s):
    head, rest = read_head(s)
    assert status_of(head) == 200, head
    while PIECE not in rest:
        rest += s.recv(65536)
    return s


def last_word(p, host):
    """The event that it has ended."""
    while True:
        m = get(p, EVENT)
        if m.event.ended and m.event.host == host.encode():
            return m.event


def tell(p, kind, host, port=0):
    say(p, kind, port=port, event=Event(host=host.encode(), port=port))


def deny(p, host):
    tell(p, DENY, host)


def denied_to(s):
    return status_of(read_head(s)[0]) == 403


def by_http1():
    for length in (False, True):
        web = Stream(length)
        w = Web(web)
        with start() as p:
            doomed, other = flowing(request(p, "localhost", w.port)), flowing(request(p, "127.0.0.1", w.port))
            silent = request(p, "localhost", w.port, "/ok/silent")
            upload = request(p, "localhost", w.port, "/", "POST", "Content-Length: 1000000\r\n")
            upload.sendall(b"x" * 1000)
            until(lambda: web.begun == 3 and w.connections == 4)
            deny(p, "localhost")
            got = read_all(doomed)
            assert not got.endswith(b"0\r\n\r\n") and (length or got.endswith(b"<RST>")), got[-50:]
            # What has no answer yet gets one.
            for s in (silent, upload):
                head, rest = read_head(s)
                assert status_of(head) == 403 and b"a person denied this host" in rest, (head, rest)
            until(lambda: web.cut == 2)
            for _ in range(3):
                e = last_word(p, "localhost")
                assert (e.decision, e.category, e.reason) == (1, b"host_denied", b"a person denied this host"), (e.decision, e.category, e.reason)
            assert e.bytes_in or e.status == 403, (e.bytes_in, e.status)
            # Nobody else's; and nothing new.
            assert other.recv(65536) and web.cut == 2
            assert denied_to(request(p, "localhost", w.port))
            tell(p, ALLOW, "localhost", w.port)
            flowing(request(p, "localhost", w.port))


def where_tls_is_opened():
    web = Stream()
    w = tls.Secure(web, tls.WORLD.leaf("a.localhost"))
    here = "a.localhost:%d" % w.port
    with start() as p:
        s = tls.secure(p, "a.localhost", w.port)
        s.sendall(("GET /ok HTTP/1.1\r\nHost: %s\r\n\r\n" % here).encode())
        flowing(s)
        again = tls.secure(p, "a.localhost", w.port)  # open, and asks only later
        deny(p, "a.localhost")
        try:
            assert not read_all(s).endswith(b"0\r\n\r\n")
        except OSError:
            pass
        until(lambda: web.cut == 1)
        assert tls.ask(again, "/ok", here)[0] == 403
        assert last_word(p, "a.localhost").ended


def h2_client(p, port):
    s = tls.connect(p, "a.localhost", port)[1]
    c = tls.trusting(p.bundle)
    c.set_alpn_protocols(["h2"])
    s = c.wrap_socket(s, server_hostname="a.localhost")
    assert s.selected_alpn_protocol() == "h2"
    return h2frames.Connection(s)


def until_data(c, *streams):
    want = set(streams)
    while want:
        kind, _, stream, payload = c.next(h2frames.DATA)
        if payload:
            want.discard(stream)


def cut_streams(c, *streams):
    """Each is reset, none ends as if it were whole."""
    want = set(streams)
    while want:
        kind, flags, stream, _ = c.next(h2frames.DATA, h2frames.RST_STREAM)
        assert kind == h2frames.RST_STREAM or not flags & h2frames.END_STREAM, (kind, flags, stream)
        if kind == h2frames.RST_STREAM:
            want.remove(stream)


def by_http2():
    web = Stream()
    w = tls.Secure(web, tls.WORLD.leaf("a.localhost"))
    here = "a.localhost:%d" % w.port
    with start(http2=True) as p:
        c = h2_client(p, w.port)
        for stream in (1, 3):
            c.request(stream, here, "/ok")
        c.request(5, here, "/ok/silent")
        until_data(c, 1, 3)
        until(lambda: web.begun == 3)
        deny(p, "a.localhost")
        cut, said = set(), b""
        while cut != {1, 3} or b"denied this host" not in said:
            kind, flags, stream, payload = c.next(h2frames.DATA, h2frames.RST_STREAM)
            if kind == h2frames.RST_STREAM:
                cut.add(stream)
            elif stream == 5:
                said += payload
            else:
                assert not flags & h2frames.END_STREAM, "stream %d ended as if it were whole" % stream
        until(lambda: web.cut == 3)
        # The connection lives; a request on it is judged.
        c.request(7, here, "/ok")
        while b"denied for the session" not in said and b"not allowed" not in said:
            kind, _, stream, payload = c.next(h2frames.DATA)
            said += payload if stream == 7 else b""
        for _ in range(3):
            e = last_word(p, "a.localhost")
            while e.mode != 1:
                e = last_word(p, "a.localhost")
            assert (e.decision, e.category, e.http2) == (1, b"host_denied", 1), (e.decision, e.category, e.http2)


class H2Server(tls.Server):
    """Streams to every request; resets: streams that the other side gave up."""

    def __init__(self, cert):
        self.context = tls.ssl.SSLContext(tls.ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert)
        self.context.set_alpn_protocols(["h2"])
        self.resets = []
        super().__init__(self.talk)

    def talk(self, s):
        c = h2frames.Connection(self.context.wrap_socket(s, server_side=True), client=False)
        c.s.settimeout(0.02)
        running = set()
        while not c.ended:
            try:
                f = c.next(h2frames.HEADERS, h2frames.RST_STREAM)
                if f and f[0] == h2frames.HEADERS:
                    c.send(h2frames.HEADERS, h2frames.END_HEADERS, f[2], h2frames.OK)
                    running.add(f[2])
                elif f:
                    running.discard(f[2])
                    self.resets.append(f[2])
            except TimeoutError:
                for stream in running:
                    c.send(h2frames.DATA, 0, stream, PIECE)


def from_http2():
    w = H2Server(tls.WORLD.leaf("a.localhost"))
    here = "a.localhost:%d" % w.port
    with start(http2=True) as p:
        c = h2_client(p, w.port)
        c.request(1, here, "/ok")
        until_data(c, 1)
        s = tls.secure(p, "a.localhost", w.port)  # HTTP/1.1 to the same connection upstream
        s.sendall(("GET /ok HTTP/1.1\r\nHost: %s\r\n\r\n" % here).encode())
        flowing(s)
        assert w.connections == 1, w.connections
        deny(p, "a.localhost")
        cut_streams(c, 1)
        try:
            assert not read_all(s).endswith(b"0\r\n\r\n")
        except OSError:
            pass
        until(lambda: len(w.resets) == 2)


if __name__ == "__main__":
    try:
        proxylib.main([by_http1, where_tls_is_opened, by_http2, from_http2])
    finally:
        shutil.rmtree(tls.WORLD.dir)
