#!/usr/bin/env python3
"""The only way out of a session whose network is by name: the proxy. With a network of its own and
in the host's, as root and as an ordinary user."""
import json
import os
import signal
import socket
import socketserver
import subprocess
import threading
import time

import clienv
from clienv import until

WAYS = ("auto", "off")


class Hello(socketserver.StreamRequestHandler):
    def handle(self):
        self.server.seen.append(self.client_address)
        line = self.rfile.readline()
        while self.rfile.readline() not in (b"\r\n", b"\n", b""):
            pass
        body = b"hello " + line.split()[1] + b"\n"
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Hello)
        self.seen = []
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()


SERVER = Server()
PORT = SERVER.port

# What programs inside use: no tool that may be missing.
CLIENT = r'''
import base64, os, socket, sys
def way():
    url = os.environ["HTTPS_PROXY"]
    auth, _, at = url[len("http://"):].rpartition("@")
    host, _, port = at.partition(":")
    return (host, int(port)), base64.b64encode(auth.encode()).decode()
def connect(target, auth=None):
    at, own = way()
    s = socket.create_connection(at, 10)
    s.sendall(("CONNECT %s HTTP/1.1\r\nHost: %s\r\nProxy-Authorization: Basic %s\r\n\r\n" % (target, target, auth or own)).encode())
    head = b""
    while b"\r\n\r\n" not in head:
        d = s.recv(1)
        if not d:
            break
        head += d
    return s, head
def get(target, path="/x"):
    s, head = connect(target)
    if b" 200 " not in head.split(b"\r\n")[0]:
        return head.decode() + s.recv(4096).decode()
    s.sendall(("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path, target)).encode())
    out = b""
    while True:
        d = s.recv(4096)
        if not d:
            return out.decode()
        out += d
def tried(name, f):
    try:
        f()
        print(name, "WORKED")
    except OSError as e:
        print(name, e.errno)
'''


def write(c, name, text):
    path = os.path.join(c.work, name)
    c.as_user(lambda: open(path, "w").write(text))
    return path


def inside(c, way, script, *flags, code=0, host="localhost"):
    write(c, "client.py", CLIENT)
    write(c, "t.py", "import sys; sys.path.insert(0, %r)\nfrom client import *\n%s" % (c.work, script))
    return c.nono("run", "--no-diagnostics", "--namespaces", way, "--allow", c.work, *flags,
                  *(["--allow-domain", host] if host else []), "--", "python3", "t.py", code=code)


def newest(c):
    return json.loads(c.nono("ps", "--all", "--json"))[0]


def events(c, kind=None):
    id = newest(c)["session_id"]
    lines = [json.loads(line) for line in c.nono("logs", id, "--json").splitlines()]
    return [x for x in lines if kind is None or x.get("type") == kind]


# ---- what works --------------------------------------------------------------------------------

def goes_through(c):
    for way in WAYS:
        out = inside(c, way, "print(get('localhost:%d', '/there'))" % PORT)
        assert "hello /there" in out, out
        record = newest(c)
        assert record["network"].startswith("proxy (localhost:"), record["network"]
        road = record["network_road"]
        assert road == ("host" if way == "off" or not record["layers"]["net_ns"] else "namespace")
        net = [x["event"] for x in events(c, "network")]
        first = [x for x in net if not x.get("ended")][0]
        last = [x for x in net if x.get("ended")][-1]
        assert first["decision"] == "allow" and first["target"] == "localhost", first
        assert first["port"] == PORT and "python" in first["program"] and first["pid"] > 0, first
        assert last["bytes_in"] > 0 and last["bytes_out"] > 0 and "duration_us" in last, last
        shown = json.loads(c.nono("audit", "show", record["session_id"], "--json"))
        assert any(x["target"] == "localhost" for x in shown["network_events"])
        c.nono("audit", "verify", record["session_id"])
        listed = json.loads(c.nono("audit", "list", "--json"))
        assert [x for x in listed if x["session_id"] == record["session_id"]][0]["network_event_count"] == 1


def variables(c):
    for way in WAYS:
        out = inside(c, way, """
for v in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
    assert os.environ[v] == os.environ["HTTPS_PROXY"], v
assert "127.0.0.1" in os.environ["NO_PROXY"] and os.environ["NODE_USE_ENV_PROXY"] == "1"
for v in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO"):
    ca = os.environ[v]
    assert "BEGIN CERTIFICATE" in open(ca).read(), v
tried("write", lambda: open(ca, "w"))
tried("remove", lambda: os.remove(ca))
tried("rename", lambda: os.rename(ca, ca + "2"))
tried("chmod", lambda: os.chmod(ca, 0o777))
tried("over", lambda: os.symlink("/etc/passwd", ca))
""")
        assert "WORKED" not in out, out


def address_of_machine():
    """One that is not loopback's; no packet is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            return s.getsockname()[0]
        except OSError:
            return "192.0.2.1"


EXCEPTIONS = r"""
import urllib.request
want = "localhost,127.0.0.1,::1,%(listed)s"
assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == want, os.environ["NO_PROXY"]
def ask(host):
    return urllib.request.urlopen("http://%%s:%(port)d/x" %% host, timeout=5).read()
# A client that heeds the list goes straight there, and gets nowhere; so does one that makes the list longer.
for host in ("localhost", "127.0.0.1", "%(address)s"):
    assert urllib.request.proxy_bypass(host), host
    tried("listed " + host, lambda: ask(host))
    tried("raw " + host, lambda: socket.create_connection((host, %(port)d), 5))
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "*"
tried("all", lambda: ask("%(address)s"))
[os.environ.pop(v) for v in list(os.environ) if v.lower().endswith("_proxy") and not v.startswith("no")]
tried("none", lambda: ask("%(address)s"))
"""


def exceptions_are_no_way(c):
    """NO_PROXY says which hosts programs speak to directly: it opens none of them, and to the proxy it says nothing."""
    address = address_of_machine()
    listed = ["exempt.example", address, ".inner.example", "*"]
    server = socketserver.ThreadingTCPServer(("0.0.0.0", 0), Hello)
    server.daemon_threads, server.seen, port = True, [], server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    profile = write(c, "own.json", json.dumps({"meta": {"name": "own"}, "network": {"allow_domain": ["good.example"], "no_proxy": listed}}))
    folder = os.path.join(c.env["HOME"], ".config/nono/profiles")
    c.as_user(lambda: (os.makedirs(folder, 0o700), os.rename(profile, os.path.join(folder, "own.json"))))
    c.env.update(NO_PROXY="of.the.user", no_proxy="of.the.user")
    for way in WAYS:
        text = EXCEPTIONS % {"listed": ",".join(listed), "port": port, "address": address}
        out = inside(c, way, text, "--profile", "own", host=None)
        assert out.count("listed") == out.count("raw") == 3 and "all" in out and "none" in out and "WORKED" not in out, out
        # The proxy's rules are not changed by it.
        out = inside(c, way, "print(get('exempt.example:443'), get('%s:%d'), get('x.inner.example:443'), get('localhost:%d'))"
                     % (address, port, port), "--profile", "own", host=None)
        assert out.count(" 403 ") == 4, out
        # Where a host is listed and allowed, the proxy is the way; the exception takes none away.
        out = inside(c, way, "print(get('localhost:%d', '/there'))" % port, "--profile", "own")
        assert "hello /there" in out, out
        assert all(a[0] == "127.0.0.1" for a in server.seen) and len(server.seen) == WAYS.index(way) + 1, server.seen
    server.shutdown()
    server.server_close()


def connects_for_ssh(c):
    for way in WAYS:
        out = inside(c, way, """
import subprocess
word = os.environ["GIT_SSH_COMMAND"].split("ProxyCommand=")[1].split(" ")[0]
def run(*args, **env):
    p = subprocess.run([word, "connect", *args], input=b"GET /ssh HTTP/1.1\\r\\n\\r\\n", capture_output=True,
                       env=dict(os.environ, **env))
    print(p.returncode, p.stdout.decode()[-12:].strip(), p.stderr.decode().strip().replace("\\n", " "))
run("localhost", "%d")
run("other.example", "22")
run("localhost", "%d", HTTPS_PROXY=os.environ["HTTPS_PROXY"].replace("nono:", "nono:0"))
run("localhost", "99999")
""" % (PORT, PORT))
        lines = out.splitlines()
        assert lines[0].startswith("0 hello /ssh"), out
        assert lines[1].startswith("1 ") and "other.example" in lines[1] and "--allow-domain" in lines[1], out
        assert lines[2].startswith("1 ") and "token" in lines[2], out
        assert lines[3].startswith("2 "), out
    c.nono("connect", "localhost", "1", code=2)
    assert "inside a session" in c.err


# ---- what does not ----------------------------------------------------------------------------

ATTACKS = """
proxy = way()[0][1]
tried("direct", lambda: socket.create_connection(("127.0.0.1", %(port)d), 3))
tried("direct6", lambda: socket.create_connection(("::1", %(port)d), 3))
tried("mapped", lambda: socket.create_connection(("::ffff:127.0.0.1", %(port)d), 3))
tried("elsewhere", lambda: socket.create_connection(("192.0.2.1", proxy), 3))
tried("otherport", lambda: socket.create_connection(("127.0.0.1", proxy - 1), 3))
tried("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)))
tried("quic", lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"x", ("2001:db8::1", 443)))
tried("mptcp", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262))
tried("sctp", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132))
tried("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
tried("icmp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1))
tried("packet", lambda: socket.socket(17, socket.SOCK_RAW, 3))
tried("vsock", lambda: socket.socket(40, socket.SOCK_STREAM))
tried("fastopen", lambda: socket.socket().sendto(b"x", socket.MSG_FASTOPEN, ("127.0.0.1", %(port)d)))
def resolved():
    s = socket.socket(socket.AF_UNIX)
    for path in ("/run/systemd/resolve/io.systemd.Resolve", "/var/run/nscd/socket", "/run/nscd/socket",
                 "/run/dbus/system_bus_socket"):
        try:
            s.connect(path)
            return
        except OSError as e:
            last = e
    raise last
tried("resolved", resolved)
def name():
    if not socket.getaddrinfo("example.com", 80):
        raise OSError(1)
tried("dns", name)
print("403" if " 403 " in get("other.example:443").splitlines()[0] else "PASSED")
print("407" if b" 407 " in connect("localhost:%(port)d", "bm9ubzow")[1] else "PASSED")
"""


def no_other_way(c):
    for way in WAYS:
        seen = len(SERVER.seen)
        out = inside(c, way, ATTACKS % {"port": PORT})
        assert "WORKED" not in out and "PASSED" not in out, out
        assert "403" in out and "407" in out, out
        assert len(SERVER.seen) == seen
        shown = c.nono("audit", "show", newest(c)["session_id"], "--denied")
        if newest(c)["network_road"] == "host":
            assert "127.0.0.1:%d" % PORT in shown and "192.0.2.1:" in shown, shown
        assert "other.example:443" in shown, shown


def listens_nowhere(c):
    out = inside(c, "off", """
def bound():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
def unbound():
    s = socket.socket()
    s.listen()
def everywhere():
    s = socket.socket()
    s.bind(("0.0.0.0", 45871))
tried("bound", bound)
tried("unbound", unbound)
tried("everywhere", everywhere)
def own():
    s = socket.socket(socket.AF_UNIX)
    s.bind("own.sock")
    s.listen()
own()
print("unix")
""")
    assert "WORKED" not in out and "unix" in out, out
    # In a network of its own all is its own.
    if newest(c)["network_road"] == "host":
        out = inside(c, "auto", "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); print('own')")
        if newest(c)["network_road"] == "namespace":
            assert "own" in out


def ports_that_are_granted(c):
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    out = inside(c, "auto", """
s = socket.create_connection(("127.0.0.1", %d), 3)
s.sendall(b"GET /open HTTP/1.1\\r\\n\\r\\n")
print(s.recv(1000).decode())
tried("elsewhere", lambda: socket.create_connection(("192.0.2.1", %d), 3))
def listen():
    l = socket.socket()
    l.bind(("127.0.0.1", %d))
    l.listen()
listen()
print("listens")
""" % (PORT, PORT, port), "--open-port", str(PORT), "--listen-port", str(port))
    assert "hello /open" in out and "listens" in out and "WORKED" not in out, out
    assert newest(c)["network_road"] == "host"


def strangers_are_not_served(c):
    """In the host's network others can connect; the token alone is not enough."""
    write(c, "client.py", CLIENT)
    c.start("s", "--namespaces", "off", "--allow", c.work, "--allow-domain", "localhost",
            script="env > vars; sleep 60")
    path = os.path.join(c.work, "vars")
    until("variables", lambda: os.path.exists(path) and os.path.getsize(path))
    url = [x for x in open(path).read().splitlines() if x.startswith("HTTPS_PROXY=")][0].split("=", 1)[1]
    auth, _, at = url[len("http://"):].rpartition("@")
    s = socket.create_connection(("127.0.0.1", int(at.split(":")[1])), 5)
    import base64
    got = b""
    try:
        s.sendall(b"CONNECT localhost:%d HTTP/1.1\r\nHost: localhost:%d\r\nProxy-Authorization: Basic %s\r\n\r\n" %
                  (PORT, PORT, base64.b64encode(auth.encode())))
        s.settimeout(10)
        got = s.recv(100)
    except ConnectionError:
        pass
    assert b" 200 " not in got, got
    c.nono("stop", "--force", "s")


# ---- the end ------------------------------------------------------------------------------------

def children(pid):
    try:
        return [int(x) for x in open("/proc/%d/task/%d/children" % (pid, pid)).read().split()]
    except OSError:
        return []


def proxy_of(broker):
    for pid in children(broker):
        try:
            if os.readlink("/proc/%d/exe" % pid).endswith("/nono-proxy") or \
                    "nono-proxy" in open("/proc/%d/comm" % pid).read():
                return pid
        except OSError:
            pass
    return 0


def alive(pid):
    try:
        return open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def dead_proxy(c):
    for way in WAYS:
        write(c, "client.py", CLIENT)
        write(c, "t.py", """
from client import *
import time
print(get("localhost:%d"), flush=True)
open("up", "w").close()
while os.path.exists("up"):
    time.sleep(0.02)
tried("proxy", lambda: print(get("localhost:%d")))
tried("direct", lambda: socket.create_connection(("127.0.0.1", %d), 3))
print("end", flush=True)
""" % (PORT, PORT, PORT))
        p = c.popen("run", "-s", "--namespaces", way, "--allow", c.work, "--allow-domain", "localhost", "--",
                    "python3", "t.py")
        up = os.path.join(c.work, "up")
        until("the program runs", lambda: os.path.exists(up))
        proxy = until("the proxy", lambda: proxy_of(p.pid))
        os.kill(proxy, signal.SIGKILL)
        until("its end", lambda: not alive(proxy))
        time.sleep(0.1)
        os.remove(up)
        out = p.communicate(timeout=30)[0].decode()
        assert out.startswith("HTTP/1.1 200") or "hello" in out.split("proxy")[0], out
        assert "WORKED" not in out and "end" in out, out
        assert any(x.get("op") == "proxy_died" for x in events(c)), "not in the log"


def stopped_proxy(c):
    """One that stands still opens no other way, keeps nobody from looking, and ends with the session."""
    for way in WAYS:
        write(c, "client.py", CLIENT)
        write(c, "t.py", """
from client import *
import time
print(get("localhost:%d"), flush=True)
open("up", "w").close()
while os.path.exists("up"):
    time.sleep(0.02)
socket.setdefaulttimeout(1)
tried("direct", lambda: socket.create_connection(("127.0.0.1", %d), 1))
def through():
    s = socket.create_connection(way()[0], 1)
    s.sendall(b"CONNECT localhost:%d HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    s.settimeout(1)
    s.recv(1)
tried("proxy", through)
print("end", flush=True)
""" % (PORT, PORT, PORT))
        p = c.popen("run", "-s", "--namespaces", way, "--allow", c.work, "--allow-domain", "localhost", "--",
                    "python3", "t.py")
        up = os.path.join(c.work, "up")
        until("the program runs", lambda: os.path.exists(up))
        proxy = until("the proxy", lambda: proxy_of(p.pid))
        seen = len(SERVER.seen)
        os.kill(proxy, signal.SIGSTOP)
        try:
            assert newest(c)["session_id"]
            os.remove(up)
            out = p.communicate(timeout=30)[0].decode()
            until("its end", lambda: not alive(proxy))
        finally:
            if alive(proxy):
                os.kill(proxy, signal.SIGCONT)
        assert "WORKED" not in out and "end" in out, out
        assert len(SERVER.seen) == seen


def passed_sockets(c):
    """A connected socket that somebody outside would give: as a descriptor at the start, or by SCM_RIGHTS."""
    for way in WAYS:
        door = socket.create_server(("127.0.0.1", 0))
        out, path = socket.create_connection(door.getsockname()), os.path.join(c.work, "helper")
        helper, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        helper.bind(path)
        os.chmod(path, 0o777)
        name = "nono-test-%d-%d" % (os.getpid(), time.monotonic_ns())
        abstract.bind("\0" + name)
        given = []

        def give(s):
            s.listen(5)
            while True:
                try:
                    peer, _ = s.accept()
                    given.append(peer)
                    socket.send_fds(peer, [b"x"], [out.fileno()])
                except OSError:
                    return
        for s in (helper, abstract):
            threading.Thread(target=give, args=(s,), daemon=True).start()
        write(c, "t.py", """
import os, socket, sys
for name in ("%s", "\\0%s"):
    try:
        s = socket.socket(socket.AF_UNIX)
        s.connect(name)
        print("GIVEN", socket.recv_fds(s, 1, 1))
    except OSError as e:
        print("no", e)
for fd in range(3, 300):
    try:
        os.fstat(fd)
        if socket.socket(fileno=os.dup(fd)).getpeername():
            print("KEPT", fd)
    except OSError:
        pass
print("end")
""" % (path, name))
        p = c.popen("run", "-s", "--namespaces", way, "--allow", c.work, "--allow-domain", "localhost", "--",
                    "python3", "t.py", pass_fds=[out.fileno()])
        text = p.communicate(timeout=30)[0].decode()
        assert "GIVEN" not in text and "KEPT" not in text and "end" in text and not given, text
        for s in (out, door, helper, abstract):
            s.close()
        os.unlink(path)


def nothing_stays(c):
    for victim in ("broker", "init", "end"):
        p = c.popen("run", "-s", "--allow", c.work, "--allow-domain", "localhost", "--", "sh", "-c",
                    "touch up; sleep 30" if victim != "end" else "touch up")
        up = os.path.join(c.work, "up")
        until("the program runs", lambda: os.path.exists(up))
        proxy = proxy_of(p.pid) if victim != "end" else 0
        below = children(p.pid) + children(proxy)
        if victim == "broker":
            p.kill()
        elif victim == "init":
            init = [x for x in children(p.pid) if x != proxy and "init" in open("/proc/%d/comm" % x).read()][0]
            os.kill(init, signal.SIGKILL)
        p.communicate(timeout=30)
        until("all gone after " + victim, lambda: not any(alive(x) for x in below), 10)
        os.remove(up)


def no_proxy_no_start(c):
    os.rename(os.path.join(c.base, "nono-proxy"), os.path.join(c.base, "away"))
    inside(c, "auto", "open('ran', 'w')", code=1)
    assert "nono-proxy" in c.err, c.err
    assert not os.path.exists(os.path.join(c.work, "ran"))
    os.rename(os.path.join(c.base, "away"), os.path.join(c.base, "nono-proxy"))
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    inside(c, "off", "open('ran', 'w')", "--proxy-port", str(taken.getsockname()[1]), code=1)
    assert "--proxy-port" in c.err, c.err
    assert not os.path.exists(os.path.join(c.work, "ran"))


# ---- asking ---------------------------------------------------------------------------------------

def asked(c, n=1):
    def find():
        v = json.loads(c.nono("requests", "--json"))
        return v[0] if v and v[0]["waiting"] >= n else None
    return until("a request", find)


def waits_for_an_answer(c):
    write(c, "client.py", CLIENT)
    write(c, "t.py", """
from client import *
import threading
def one():
    print("hello" in get("localhost:%d"), flush=True)
v = [threading.Thread(target=one) for _ in range(3)]
[x.start() for x in v]
[x.join() for x in v]
print("again", "hello" in get("localhost:%d"), flush=True)
print("no", get("127.0.0.1:%d").splitlines()[0], flush=True)
""" % (PORT, PORT, PORT))
    p = c.popen("run", "-s", "--capability-elevation", "--allow", c.work, "--allow-domain", "none.example", "--",
                "python3", "t.py")
    r = asked(c, 3)
    assert r["kind"] == "host" and r["host"] == "localhost" and r["port"] == PORT, r
    assert "python" in r["program"] and r["scope_hint"] == "--allow-domain localhost", r
    assert len(json.loads(c.nono("requests", "--json"))) == 1
    c.nono("approve", r["id"], "--scope", "session")
    r = asked(c)
    assert r["host"] == "127.0.0.1", r
    c.nono("deny", r["id"])
    out = p.communicate(timeout=30)[0].decode()
    assert out.count("True") == 4 and "no HTTP/1.1 403" in out, out
    decisions = [x["entry"] for x in events(c, "capability_decision")]
    assert decisions[0]["request"]["capability_type"] == "network", decisions
    assert decisions[0]["request"]["host"] == "localhost" and decisions[0]["decision"] == "Granted"
    assert "Denied" in decisions[-1]["decision"], decisions


def always(c):
    write(c, "client.py", CLIENT)
    write(c, "t.py", "from client import *\nprint(get('localhost:%d'), flush=True)\n" % PORT)
    p = c.popen("run", "-s", "--capability-elevation", "--allow", c.work, "--allow-domain", "none.example", "--",
                "python3", "t.py")
    c.nono("approve", asked(c)["id"], "--scope", "always")
    assert "hello" in p.communicate(timeout=30)[0].decode()
    files = os.path.join(c.env["HOME"], ".config/nono/profiles")
    text = open(os.path.join(files, os.listdir(files)[0])).read()
    assert json.loads(text)["network"]["allow_domain"] == ["localhost"], text


def footer(c):
    write(c, "client.py", CLIENT)
    write(c, "t.py", "from client import *\nget('other.example:443')\nsys.exit(3)\n")
    c.nono("run", "--allow", c.work, "--allow-domain", "localhost", "--", "python3", "t.py", code=3)
    assert "other.example:443  ->  --allow-domain other.example" in c.err, c.err


clienv.main([goes_through, variables, exceptions_are_no_way, connects_for_ssh, no_other_way, listens_nowhere, ports_that_are_granted,
             strangers_are_not_served, dead_proxy, stopped_proxy, passed_sockets, nothing_stays,
             no_proxy_no_start, waits_for_an_answer, always, footer])
