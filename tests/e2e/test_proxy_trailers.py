#!/usr/bin/env python3
"""Where a message ends: fields after a body, which go on as such or are refused and never become a head's; a
server that ends TLS without saying so."""
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

import proxylib
import test_proxy_tls as tls
from proxylib import Proxy, Web, auth, read_body, read_head, simple, status_of

HERE = ["127.0.0.1", "localhost"]


def ask(p, text, s=None):
    """Status, head, body, trailers of the answer."""
    s = s or p.connect()
    s.sendall(text.encode("latin-1"))
    head, rest = read_head(s)
    late = []
    return status_of(head), head, read_body(s, head, rest, late)[0] if head else b"", late


def post(w, more, headers=""):
    return (f"POST http://127.0.0.1:{w.port}/ HTTP/1.1\r\nHost: x\r\n{auth()}{headers}"
            f"Transfer-Encoding: chunked\r\n\r\n{more}")


def of_requests():
    w = Web(lambda m, t, h, b: simple(b))
    with Proxy({"allow": HERE}) as p:
        s = p.connect()
        for i in range(3):
            code, _, body, _ = ask(p, post(w, "5\r\nhello\r\n0\r\nX-Sum: abc\r\nx-late:  1 \r\n\r\n", "Trailer: X-Sum\r\n"), s)
            assert (code, body) == (200, b"hello"), (code, body)
            assert w.trailers[-1] == ["X-Sum: abc", "x-late: 1"], w.trailers[-1]
            head = w.seen[-1][4].lower()
            assert "trailer: x-sum" in head and "abc" not in head and "x-late" not in head, head
        # The next request of the connection is one of its own, judged anew; the same for one without trailers.
        assert ask(p, post(w, "0\r\n\r\n"), s)[0] == 200 and w.trailers[-1] == []
        assert ask(p, f"GET http://other.test/ HTTP/1.1\r\nHost: other.test\r\n{auth()}\r\n", s)[0] == 403


def that_are_refused():
    """What would mean something in a head."""
    w = Web(lambda m, t, h, b: simple(b))
    with Proxy({"allow": HERE}) as p:
        for field in ("Authorization: Bearer late", "Host: evil.test", "Content-Length: 500", "transfer-encoding: chunked",
                      "Proxy-Authorization: Basic x", "Cookie: a=b", "Connection: close", "If-Match: x", "TE: trailers"):
            code, _, body, _ = ask(p, post(w, f"5\r\nhello\r\n0\r\nX-Ok: 1\r\n{field}\r\n\r\n"))
            assert code == 400 and b"no field for a trailer" in body, (field, code, body)
            assert not any(w.trailers), w.trailers
        for broken in ("0\r\n X: folded\r\n\r\n", "0\r\nX: a\nY: b\r\n\r\n", "0\r\nX: a\0b\r\n\r\n", "0\r\nno colon\r\n\r\n",
                       "0\r\nX : y\r\n\r\n", "0\r\n: y\r\n\r\n", "0\r\n" + "X: y\r\n" * 200 + "\r\n", "0\r\n" + "X: y\r\n" * 20000 + "\r\n"):
            assert ask(p, post(w, broken))[0] == 400, broken[:40]
        time.sleep(0.1)
        assert not any(w.trailers), w.trailers
        assert all(m == "POST" for m, *_ in w.seen), w.seen
        assert ask(p, post(w, "0\r\n\r\n"))[0] == 200


def of_answers():
    """To who asked for them; without what has its place in a head."""
    w = Web(lambda m, t, h, b: b"HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n"
            b"X-Sum: abc\r\nSet-Cookie: a=b\r\nContent-Length: 9\r\n\r\n")
    get = f"GET http://127.0.0.1:{w.port}/ HTTP/1.1\r\nHost: x\r\n{auth()}"
    with Proxy({"allow": HERE}) as p:
        s = p.connect()
        for _ in range(2):
            code, head, body, late = ask(p, get + "TE: trailers\r\nConnection: TE\r\n\r\n", s)
            assert (code, body, late) == (200, b"hi", ["X-Sum: abc"]), (code, body, late)
            assert "Trailer: X-Sum" in head and "te: trailers" in w.seen[-1][4].lower(), head
            code, head, body, late = ask(p, get + "\r\n", s)
            assert (code, body, late) == (200, b"hi", []) and "Trailer" not in head, (head, late)
            assert "te:" not in w.seen[-1][4].lower()
        old = p.connect()
        old.sendall((get.replace("HTTP/1.1", "HTTP/1.0") + "TE: trailers\r\n\r\n").encode())
        assert proxylib.read_all(old).endswith(b"\r\n\r\nhi")


# ---- HTTP/2, by node ------------------------------------------------------------------------------

NODE = r"""
const http2 = require('http2'), net = require('net'), tls = require('tls'), fs = require('fs');
const [what, port, target, token, ca] = process.argv.slice(2);
if (what == 'serve') {
  const s = http2.createSecureServer({key: fs.readFileSync(port), cert: fs.readFileSync(port)});
  s.on('stream', (st, h) => {
    let body = '', late = {};
    st.on('data', d => body += d); st.on('trailers', t => late = {...t});
    st.on('error', () => {});
    st.on('end', () => {
      if (st.destroyed) return;
      st.respond({':status': 200}, {waitForTrailers: true});
      st.on('wantTrailers', () => st.sendTrailers({'x-down': 'late', 'x-te': h.te || 'none'}));
      st.end(JSON.stringify({body, late}));
    });
  });
  s.listen(0, '127.0.0.1', () => console.log(s.address().port));
} else {
  const c = net.connect(+port, '127.0.0.1', () => c.write(
    `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\nProxy-Authorization: Basic ${Buffer.from('nono:' + token).toString('base64')}\r\n\r\n`));
  c.once('data', () => {
    const s = tls.connect({socket: c, servername: target.split(':')[0], ca: fs.readFileSync(ca), ALPNProtocols: ['h2']}, () => {
      const h2 = http2.connect('https://' + target, {createConnection: () => s});
      const more = what == 'length' ? {'content-length': '5'} : {};
      const st = h2.request({':method': 'POST', ':path': '/ok', te: 'trailers', ...more}, {waitForTrailers: true});
      const out = {status: 0, body: '', late: {}};
      st.on('response', h => out.status = h[':status']); st.on('data', d => out.body += d);
      st.on('trailers', t => out.late = {...t});
      st.on('wantTrailers', () => st.sendTrailers(what == 'bad' ? {'authorization': 'x'} : {'x-up': 'abc', 'x-sum': '1'}));
      const end = () => { console.log(JSON.stringify(out)); process.exit(0); };
      st.on('close', end); st.on('error', end);
      st.end('hello');
    });
  });
}
"""


def by_http2():
    if not shutil.which("node"):
        print("no node: not tried")
        return
    cert = tls.WORLD.leaf("a.localhost")
    server = subprocess.Popen(["node", "-e", NODE, "x", "serve", cert], stdout=subprocess.PIPE, text=True)
    def later(m, t, h, b):
        time.sleep(0.3)  # else it may have answered before the trailers are sent
        return simple(b)
    w = tls.Secure(later, cert)
    try:
        h2 = int(server.stdout.readline())
        with tls.proxy([("a.localhost",)], http2=True) as p:
            def talk(what, port):
                r = subprocess.run(["node", "-e", NODE, "x", what, str(p.port), "a.localhost:%d" % port, proxylib.TOKEN, p.bundle],
                                   capture_output=True, text=True, timeout=20 * proxylib.SLOW)
                assert r.returncode == 0, r
                return json.loads(r.stdout)

            for what in ("post", "length"):
                r = talk(what, h2)
                assert r["status"] == 200 and r["late"] == {"x-down": "late", "x-te": "trailers"}, r
                assert json.loads(r["body"]) == {"body": "hello", "late": {"x-up": "abc", "x-sum": "1"}}, r
            r = talk("post", w.port)
            assert (r["status"], r["body"]) == (200, "hello") and w.trailers[-1] == ["x-up: abc", "x-sum: 1"], (r, w.trailers)
            for what, port, why in (("length", w.port, "with a length"), ("bad", w.port, "no field"), ("bad", h2, "no field")):
                r = talk(what, port)
                assert r["status"] == 400 and why in r["body"], (what, r)
            # From HTTP/1.1 to HTTP/2.
            s = tls.secure(p, "a.localhost", h2)
            s.sendall(("POST /ok HTTP/1.1\r\nHost: a.localhost:%d\r\nTE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "5\r\nhello\r\n0\r\nX-Up: abc\r\n\r\n" % h2).encode())
            head, rest = read_head(s)
            late = []
            body, _ = read_body(s, head, rest, late)
            assert json.loads(body) == {"body": "hello", "late": {"x-up": "abc"}}, body
            assert late == ["x-down: late", "x-te: trailers"], late
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


# ---- the end of TLS -------------------------------------------------------------------------------

ANSWERS = {"/ok/length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole",
           "/ok/chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n",
           "/ok/close": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nwhole",
           "/ok/none": b"HTTP/1.1 204 No Content\r\n\r\n",
           "/ok/old": b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nwhole"}


def ends_of_tls():
    """Without close_notify: a whole answer is whole, one that only its connection's end would end is cut, and
    neither is told as a 502 that nobody sent."""
    def out(m, t, h, b):
        def send(s):
            s.sendall(ANSWERS.get(t, b"HTTP/1.1 200 OK\r\n\r\nwhole"))
            if t == "/ok/later":
                time.sleep(0.1)
            socket.socket.shutdown(s, socket.SHUT_RDWR)
            return False
        return send
    w = tls.Secure(out, tls.WORLD.leaf("a.localhost"))
    with tls.proxy([("a.localhost",)]) as p:
        for path, _ in list(ANSWERS.items()) * 2:
            s = tls.secure(p, "a.localhost", w.port)
            s.sendall(("GET %s HTTP/1.1\r\nHost: a.localhost:%d\r\n\r\n" % (path, w.port)).encode())
            head, rest = read_head(s)
            code, body = status_of(head), b"" if path == "/ok/none" else read_body(s, head, rest)[0]
            assert (code, body) == ((204, b"") if path == "/ok/none" else (200, b"whole")), (path, code, body)
        for path in ("/ok/now", "/ok/later"):
            s = tls.secure(p, "a.localhost", w.port)
            s.sendall(("GET %s HTTP/1.1\r\nHost: a.localhost:%d\r\n\r\n" % (path, w.port)).encode())
            got = b""
            try:
                while part := s.recv(1000):
                    got += part
            except OSError:
                pass
            assert got.startswith(b"HTTP/1.1 200") and not got.endswith(b"0\r\n\r\n"), got
            e = p.wait_event(lambda e, path=path: e.get("path") == path and e.get("ended"))
            assert e["status"] == 200 and e.get("reason"), e
        events = [e for e in p.events() if e.get("path", "").startswith("/ok/") and e.get("ended")]
        assert len(events) == 2 * len(ANSWERS) + 2 and all(e["status"] in (200, 204) for e in events), events
        assert not any(e.get("reason") for e in events if e["path"] in ANSWERS), events


try:
    proxylib.main([of_requests, that_are_refused, of_answers, by_http2, ends_of_tls])
finally:
    shutil.rmtree(tls.WORLD.dir)
