#!/usr/bin/env python3
"""TLS that the proxy opens: its certificates, the ones it checks, who names what, and HTTP/2."""
import hashlib
import os
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

import proxylib
from proxylib import SLOW, TOKEN, Proxy, Server, Web, auth, read_all, read_body, read_head, simple, status_of


def run(*argv, **kw):
    p = subprocess.run(argv, capture_output=True, text=True, **kw)
    assert p.returncode == 0, (argv, p.stdout, p.stderr)
    return p.stdout


# ---- a world outside ------------------------------------------------------------------------------

class Authority:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="nono-tls-test-")
        self.ca, self.key = self.path("ca.pem"), self.path("ca.key")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", "2", "-subj", "/CN=world", "-keyout", self.key, "-out", self.ca,
            "-addext", "keyUsage=critical,keyCertSign")
        self.made = {}

    def path(self, name):
        return os.path.join(self.dir, name)

    def leaf(self, *names, days="2"):
        """Certificate and key in one file. days may be negative."""
        if (names, days) in self.made:
            return self.made[names, days]
        out, csr, ext = (self.path("%d.%s" % (len(self.made), e)) for e in ("pem", "csr", "ext"))
        with open(ext, "w") as f:
            f.write("authorityKeyIdentifier=keyid\nsubjectAltName=" + ",".join(("IP:" if n[0].isdigit() else "DNS:") + n for n in names))
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x",
            "-keyout", out, "-out", csr)
        cert = run("openssl", "x509", "-req", "-in", csr, "-CA", self.ca, "-CAkey", self.key, "-CAcreateserial",
                   "-days", days, "-extfile", ext)
        with open(out, "a") as f:
            f.write(cert)
        self.made[names, days] = out
        return out


WORLD = Authority()


class Secure(Web):
    """HTTPS; what clients said is in names."""

    def __init__(self, answer, cert, **more):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert)
        self.names = []
        self.context.sni_callback = lambda s, name, c: self.names.append(name)
        super().__init__(answer, **more)

    def one(self, s):
        try:
            s = self.context.wrap_socket(s, server_side=True)
        except OSError:
            s.close()
            return
        super().one(s)


class Names:
    """A resolver that leads every name to this machine."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            q, who = self.socket.recvfrom(2048)
            at = 12
            while q[at]:
                at += 1 + q[at]
            question = q[12:at + 5]
            a = b"\xc0\x0c\0\1\0\1\0\0\0\x05\0\4\x7f\0\0\1" if question[-4:-2] == b"\0\1" else b""
            self.socket.sendto(q[:2] + b"\x81\x80\0\1" + struct.pack("!H", 1 if a else 0) + b"\0\0\0\0" + question + a, who)


NAMES = Names()


def proxy(allow, **more):
    """Trusts the world; /ok and what is below it is allowed where a name is in a tuple."""
    def entry(a):
        if not isinstance(a, tuple):
            return {"name": a}
        rules = [{"action": 0, "method": "*", "path": path} for path in ("/ok", "/ok/**")]
        return {"name": a[0], "endpoints": {"rules": rules, "otherwise": 2}}
    return Proxy({"network": {"mode": 2, "allow": [entry(a) for a in allow], **more}, "resolver": NAMES.address},
                 env={"SSL_CERT_FILE": WORLD.ca})


# ---- a client -------------------------------------------------------------------------------------

def connect(p, host, port):
    s = p.connect()
    s.sendall(("CONNECT %s:%d HTTP/1.1\r\nHost: %s:%d\r\n%s\r\n" % (host, port, host, port, auth())).encode())
    head, rest = read_head(s)
    return status_of(head), s, head


def trusting(bundle):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.verify_flags |= ssl.VERIFY_X509_STRICT
    c.load_verify_locations(bundle)
    return c


def secure(p, host, port, name=None, ca=None):
    code, s, head = connect(p, host, port)
    assert code == 200, head
    return trusting(ca or p.bundle).wrap_socket(s, server_hostname=name or host)


def ask(s, path="/ok", host="x", method="GET", more="", body=b""):
    s.sendall(("%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (method, path, host, more)).encode() + body)
    head, rest = read_head(s)
    body, _ = read_body(s, head, rest)
    return status_of(head), body, head


def tunnel_event(p, **want):
    return p.wait_event(lambda e: all(e.get(k) == v for k, v in want.items()))


# ---- certificates of ours -------------------------------------------------------------------------

def a_leaf_for_one_host():
    w = Secure(lambda m, t, h, b: simple(b"%s %s" % (t.encode(), h["host"].encode())), WORLD.leaf("a.localhost"))
    with proxy([("a.localhost",)]) as p:
        s = secure(p, "a.localhost", w.port)
        cert = s.getpeercert()
        assert cert["subjectAltName"] == (("DNS", "a.localhost"),), cert
        issuer = dict(x[0] for x in cert["issuer"])
        assert issuer == {"organizationName": "nono", "commonName": "nono session test"}, issuer
        left = ssl.cert_time_to_seconds(cert["notAfter"]) - time.time()
        assert 0 < left <= 86400, left
        here = "a.localhost:%d" % w.port
        code, body, _ = ask(s, "/ok/x", here)
        assert (code, body) == (200, b"/ok/x " + here.encode()), (code, body)
        # The next one on the same connection is judged for itself.
        code, body, _ = ask(s, "/secret", here)
        assert code == 403, (code, body)
        code, body, _ = ask(s, "/ok", here)
        assert code == 200, (code, body)
        assert [x[1] for x in w.seen] == ["/ok/x", "/ok"], w.seen
        assert w.connections == 1 and w.names == ["a.localhost"], (w.connections, w.names)
        # The name that it has is the one that it gets.
        try:
            secure(p, "a.localhost", w.port, "b.localhost")
            assert False, "a leaf for another name"
        except ssl.SSLCertVerificationError:
            pass


def an_address_has_a_leaf_too():
    w = Secure(lambda m, t, h, b: simple(b"addr"), WORLD.leaf("127.0.0.1"))
    with proxy([("127.0.0.1",)]) as p:
        s = secure(p, "127.0.0.1", w.port)
        assert s.getpeercert()["subjectAltName"] == (("IP Address", "127.0.0.1"),)
        code, body, _ = ask(s, "/ok", "127.0.0.1:%d" % w.port)
        assert (code, body) == (200, b"addr")


def none_for_what_is_not_listed():
    with proxy([("a.localhost",)]) as p:
        code, s, _ = connect(p, "evil.test", 443)
        assert code == 403
        code, s, _ = connect(p, "a.localhost.evil.test", 443)
        assert code == 403


def the_bundle():
    with proxy([("a.localhost",)]) as p:
        connect(p, "a.localhost", 1)
        assert os.stat(p.bundle).st_mode & 0o777 == 0o644
        with open(p.bundle) as f:
            text = f.read()
        with open(WORLD.ca) as f:
            assert f.read().strip() in text
        assert "PRIVATE" not in text
        last = text[text.rindex("-----BEGIN CERTIFICATE"):]
        out = run("openssl", "x509", "-noout", "-text", input=last)
        assert "CA:TRUE, pathlen:0" in out and "nono session test" in out, out


def the_key_is_in_no_file_and_not_to_be_read():
    with proxy([("a.localhost",)]) as p:
        assert connect(p, "a.localhost", 1)[0] == 200  # it serves: all is made and closed
        for d, _, names in os.walk(p.dir):
            for n in names:
                with open(os.path.join(d, n), "rb") as f:
                    assert b"PRIVATE KEY" not in f.read(), n
        # Root may; everybody else, be it the proxy's own user, is refused at the open.
        who = dict(user=54330, group=54330, extra_groups=[]) if os.geteuid() == 0 else {}
        for name in ("mem", "maps", "environ"):
            r = subprocess.run(["head", "-c1", "/proc/%d/%s" % (p.process.pid, name)], capture_output=True, text=True,
                               env=dict(os.environ, LC_ALL="C"), **who)
            assert r.returncode and "Permission denied" in r.stderr, (name, r)


def many_hosts():
    names = ["h%d.localhost" % i for i in range(60)]
    w = Secure(lambda m, t, h, b: simple(h["host"].encode()), WORLD.leaf(*names))
    failed = []

    def one(p, name):
        try:
            s = secure(p, name, w.port)
            assert s.getpeercert()["subjectAltName"] == (("DNS", name),)
            assert ask(s, "/ok", "%s:%d" % (name, w.port))[1].decode().startswith(name + ":")
        except Exception as e:
            failed.append((name, repr(e)))
    with proxy([(n,) for n in names]) as p:
        ts = [threading.Thread(target=one, args=(p, n)) for n in names]
        for t in ts:
            t.start()
        for t in ts:
            t.join()
        assert not failed, failed


def what_is_not_looked_at_is_untouched():
    w = Secure(lambda m, t, h, b: simple(b"own"), WORLD.leaf("t.localhost"))
    with proxy(["t.localhost"]) as p:
        s = secure(p, "t.localhost", w.port, ca=WORLD.ca)
        assert dict(x[0] for x in s.getpeercert()["issuer"]) == {"commonName": "world"}
        assert ask(s, "/any", "t.localhost")[:2] == (200, b"own")


# ---- who names what -------------------------------------------------------------------------------

def names_disagree():
    w = Secure(lambda m, t, h, b: simple(), WORLD.leaf("a.localhost", "b.localhost"))
    with proxy([("a.localhost",), ("b.localhost",), "c.localhost"]) as p:
        # SNI against CONNECT where TLS is opened: even if the leaf would do.
        code, s, _ = connect(p, "a.localhost", w.port)
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
        t = c.wrap_socket(s, server_hostname="b.localhost")
        try:
            t.sendall(b"GET /ok HTTP/1.1\r\nHost: a.localhost\r\n\r\n")
            assert t.recv(100) == b""
        except OSError:
            pass
        tunnel_event(p, denial_category="intercept_handshake_failed", target="a.localhost", decision="deny")
        # In a tunnel.
        code, s, _ = connect(p, "c.localhost", w.port)
        try:
            c.wrap_socket(s, server_hostname="b.localhost")
            assert False, "a tunnel for another name"
        except OSError:
            pass
        # Host against CONNECT; absolute form; another port.
        t = secure(p, "a.localhost", w.port)
        for host in ("b.localhost:%d" % w.port, "a.localhost:1", "a.localhost.evil.test", "a.localhost@b.localhost"):
            assert ask(t, "/ok", host)[0] in (400, 421), host
            t = secure(p, "a.localhost", w.port)
        assert ask(t, "https://b.localhost:%d/ok" % w.port, "a.localhost:%d" % w.port)[0] == 421
        assert w.seen == [], w.seen


def all_in_one_packet():
    """CONNECT and ClientHello come before the proxy's answer."""
    w = Secure(lambda m, t, h, b: simple(b"early"), WORLD.leaf("a.localhost"))
    with proxy([("a.localhost",)]) as p:
        connect(p, "a.localhost", w.port)  # it serves: the bundle is there
        s = p.connect()
        i, o = ssl.MemoryBIO(), ssl.MemoryBIO()
        t = trusting(p.bundle).wrap_bio(i, o, server_hostname="a.localhost")

        def pump(f, *a):
            while True:
                try:
                    r = f(*a)
                    s.sendall(o.read())
                    return r
                except ssl.SSLWantReadError:
                    out = o.read()
                    if out:
                        s.sendall(out)
                    i.write(s.recv(65536))
        try:
            t.do_handshake()
        except ssl.SSLWantReadError:
            pass
        s.sendall(("CONNECT a.localhost:%d HTTP/1.1\r\nHost: a\r\n%s\r\n" % (w.port, auth())).encode() + o.read())
        head, rest = read_head(s)
        assert status_of(head) == 200
        i.write(rest)
        pump(t.do_handshake)
        pump(t.write, ("GET /ok HTTP/1.1\r\nHost: a.localhost:%d\r\n\r\n" % w.port).encode())
        got = pump(t.read, 1000)
        assert got.startswith(b"HTTP/1.1 200") and got.endswith(b"early"), got


# ---- certificates of others -----------------------------------------------------------------------

def upstream_certificates():
    other = Authority()
    bad = {"untrusted": (Secure(lambda *a: simple(), other.leaf("a.localhost")), b"certificate"),
           "expired": (Secure(lambda *a: simple(), WORLD.leaf("a.localhost", days="-1")), b"expired"),
           "wrong name": (Secure(lambda *a: simple(), WORLD.leaf("b.localhost")), b"hostname mismatch"),
           "no tls": (Server(lambda s: s.sendall(b"SSH-2.0-x\r\n")), b"TLS")}
    with proxy([("a.localhost",)]) as p:
        for what, (w, text) in bad.items():
            s = secure(p, "a.localhost", w.port)
            code, body, _ = ask(s, "/ok", "a.localhost:%d" % w.port)
            assert code == 502 and text in body, (what, code, body)
            assert not getattr(w, "seen", ()), what
            tunnel_event(p, target="a.localhost", port=w.port, status=502)
    shutil.rmtree(other.dir)


def a_client_that_does_not_trust_us():
    w = Secure(lambda m, t, h, b: simple(), WORLD.leaf("a.localhost"))
    with proxy([("a.localhost",)]) as p:
        try:
            secure(p, "a.localhost", w.port, ca=WORLD.ca)
            assert False
        except ssl.SSLCertVerificationError:
            pass
        e = tunnel_event(p, denial_category="intercept_handshake_failed", target="a.localhost")
        assert "does not trust" in e["reason"], e
        # One that does not speak TLS at all.
        code, s, _ = connect(p, "a.localhost", w.port)
        s.sendall(b"GET / HTTP/1.1\r\n\r\n")
        read_all(s)
        p.wait_event(lambda e: "plain HTTP" in e.get("reason", ""))


def sessions_upstream_are_resumed():
    w = Secure(lambda m, t, h, b: simple(headers="Connection: close\r\n"), WORLD.leaf("a.localhost"))
    w.talk_once = True
    with proxy([("a.localhost",)]) as p:
        for i in range(4):
            s = secure(p, "a.localhost", w.port)
            assert ask(s, "/ok", "a.localhost:%d" % w.port)[0] == 200
            s.close()
        stats = w.context.session_stats()
        assert stats["accept"] >= 2 and stats["hits"] >= 1, stats


def a_cut_answer_is_not_a_whole_one():
    """The server's end without close_notify is no end of a body that goes to the connection's end."""
    def cut(m, t, h, b):
        def out(s):
            s.sendall(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
            time.sleep(0.2)
            socket.socket.shutdown(s, socket.SHUT_RDWR)
            return False
        return out
    w = Secure(cut, WORLD.leaf("a.localhost"))
    with proxy([("a.localhost",)]) as p:
        s = secure(p, "a.localhost", w.port)
        s.sendall(("GET /ok HTTP/1.1\r\nHost: a.localhost:%d\r\n\r\n" % w.port).encode())
        got = b""
        try:
            while True:
                part = s.recv(1000)
                if not part:
                    break
                got += part
        except OSError:
            got += b"<cut>"
        assert b"half of it" in got and not got.endswith(b"0\r\n\r\n"), got


# ---- HTTP/2 ---------------------------------------------------------------------------------------

def curl(p, *args, **kw):
    return subprocess.run(["curl", "-sS", "--max-time", str(30 * SLOW), "--proxy",
                           "http://nono:%s@127.0.0.1:%d" % (TOKEN, p.port), "--cacert", p.bundle, *args],
                          capture_output=True, **kw)


BIG = hashlib.sha256(b"tls").digest() * 100000  # 3.2 MB


def big_answer(m, t, h, b):
    if t == "/ok/chunks":
        return (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                b"".join(b"%x\r\n%s\r\n" % (len(BIG[i:i + 50001]), BIG[i:i + 50001])
                         for i in range(0, len(BIG), 50001)) + b"0\r\n\r\n")
    if t == "/ok/big":
        return simple(BIG)
    if t == "/ok/none":
        return b"HTTP/1.1 204 No Content\r\n\r\n"
    return simple(hashlib.sha256(b).hexdigest().encode())


def http2_to_the_client():
    w = Secure(big_answer, WORLD.leaf("a.localhost"))
    url = "https://a.localhost:%d" % w.port
    version = ["-w", "%{stderr}%{http_version} %{http_code}"]
    with proxy([("a.localhost",)]) as p:
        r = curl(p, "--http2", url + "/ok", *version)
        assert r.stderr.startswith(b"1.1 200"), r
    with proxy([("a.localhost",)], http2=True) as p:
        r = curl(p, "--http2", url + "/ok", *version)
        assert r.stderr == b"2 200", r
        for path in ("/ok/big", "/ok/chunks"):
            r = curl(p, "--http2", url + path, *version)
            assert r.stdout == BIG and r.stderr == b"2 200", (path, len(r.stdout), r.stderr)
        r = curl(p, "--http2", "--data-binary", "@-", url + "/ok/up", *version, input=BIG)
        assert r.stdout.decode() == hashlib.sha256(BIG).hexdigest() and r.stderr == b"2 200", r
        r = curl(p, "--http2", url + "/ok/none", *version)
        assert r.stderr == b"2 204" and not r.stdout, r
        r = curl(p, "--http2", "-I", url + "/ok/big", *version)
        assert r.stderr == b"2 200" and b"content-length: %d" % len(BIG) in r.stdout.lower(), r
        r = curl(p, "--http2", url + "/no", *version)
        assert r.stderr == b"2 403", r
        # Each of many at a time.
        r = curl(p, "--http2", "--parallel", "--parallel-max", "50", *[url + "/ok/%d" % i for i in range(80)])
        assert r.stdout.count(hashlib.sha256(b"").hexdigest().encode()) == 80, r
        # :authority is another's.
        r = curl(p, "--http2", "-H", "Host: b.localhost", url + "/ok", *version)
        assert r.stderr == b"2 421", r


NGINX = """
daemon off; pid %(dir)s/nginx.pid; error_log %(dir)s/error.log; worker_processes 1;
events { worker_connections 500; }
http { access_log %(dir)s/access.log; client_body_temp_path %(dir)s/b; proxy_temp_path %(dir)s/p;
  fastcgi_temp_path %(dir)s/f; uwsgi_temp_path %(dir)s/u; scgi_temp_path %(dir)s/s; client_max_body_size 20m;
  server { listen 127.0.0.1:%(port)d ssl http2; ssl_certificate %(cert)s; ssl_certificate_key %(cert)s;
    location /ok/big { alias %(dir)s/big; }
    location /ok/up { root %(dir)s; dav_methods PUT; create_full_put_path on; }
    location / { return 200 "$server_protocol $host $request_method"; } } }
"""


def http2_to_the_server():
    if not shutil.which("nginx"):
        print("no nginx: not tried")
        return
    d = tempfile.mkdtemp(prefix="nono-nginx-")
    os.chmod(d, 0o755)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with open(d + "/big", "wb") as f:
        f.write(BIG)
    cert = os.path.join(d, "cert.pem")
    shutil.copy(WORLD.leaf("a.localhost"), cert)
    if os.geteuid() == 0:
        os.chmod(d, 0o777)  # the worker is somebody else
    with open(d + "/conf", "w") as f:
        f.write(NGINX % {"dir": d, "port": port, "cert": cert})
    n = subprocess.Popen(["nginx", "-c", d + "/conf", "-p", d], stderr=subprocess.DEVNULL)
    url = "https://a.localhost:%d" % port
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        with proxy([("a.localhost",)]) as p:
            assert curl(p, url + "/ok").stdout == b"HTTP/1.1 a.localhost GET"
        with proxy([("a.localhost",)], http2=True) as p:
            for version in ("--http1.1", "--http2"):
                assert curl(p, version, url + "/ok").stdout == b"HTTP/2.0 a.localhost GET", version
                r = curl(p, version, url + "/ok/big")
                assert r.stdout == BIG, (version, len(r.stdout), r.stderr)
                r = curl(p, version, "-T", "-", "-w", "%{http_code}", url + "/ok/up" + version, input=BIG)
                assert r.stdout == b"201", (version, r)
                with open(d + "/ok/up" + version, "rb") as f:
                    assert f.read() == BIG, version
                r = curl(p, version, "-I", url + "/ok/big")
                assert b"%d" % len(BIG) in r.stdout, r
                r = curl(p, version, "--parallel", "--parallel-max", "40",
                         *[url + "/ok/x%d" % i for i in range(60)])
                assert r.stdout.count(b"HTTP/2.0 a.localhost GET") == 60, (version, r)
            # One that ends while it is used is found out, and the next request opens another.
            n.terminate()
            n.wait(10)
            r = curl(p, "--http2", "-w", "%{http_code}", url + "/ok")
            assert r.stdout.endswith(b"502"), r
            n = subprocess.Popen(["nginx", "-c", d + "/conf", "-p", d], stderr=subprocess.DEVNULL)
            for _ in range(100):
                r = curl(p, "--http2", url + "/ok")
                if r.stdout == b"HTTP/2.0 a.localhost GET":
                    break
                time.sleep(0.05)
            assert r.stdout == b"HTTP/2.0 a.localhost GET", r
    finally:
        n.terminate()
        n.wait(10)
        shutil.rmtree(d)


CASES = [a_leaf_for_one_host, an_address_has_a_leaf_too, none_for_what_is_not_listed, the_bundle,
         the_key_is_in_no_file_and_not_to_be_read, many_hosts, what_is_not_looked_at_is_untouched, names_disagree,
         all_in_one_packet, upstream_certificates, a_client_that_does_not_trust_us, sessions_upstream_are_resumed,
         a_cut_answer_is_not_a_whole_one]
if shutil.which("curl"):
    CASES += [http2_to_the_client, http2_to_the_server]

if __name__ == "__main__":
    try:
        proxylib.main(CASES)
    finally:
        shutil.rmtree(WORLD.dir)
