#!/usr/bin/env python3
"""What people and backends answer about hosts and requests: once, for good, no from now on; ports of a session
without a supervisor."""
import json
import os
import socket
import time

import nonolib
import proxylib
from nonolib import until


def answer(m, t, h, b):
    def stream(s):
        s.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            s.sendall(b"5\r\nevent\r\n")
            time.sleep(0.05)
    return stream if t == "/stream" else proxylib.simple(("%s %s" % (m, t)).encode())


WEB = proxylib.Web(answer)

# A program inside: asks for its arguments' targets and prints the status of each answer.
CLIENT = r"""
import os, sys, urllib.request
def ask(method, url, proxied):
    [os.environ.pop(v, None) for v in ("NO_PROXY", "no_proxy")]
    o = urllib.request.build_opener(urllib.request.ProxyHandler({"http": os.environ["HTTP_PROXY"]} if proxied else {}))
    r = urllib.request.Request(url, method=method, headers={"Authorization": "Bearer " + os.environ.get("ITEMS_KEY", "")})
    try:
        return o.open(r).status
    except urllib.error.HTTPError as e:
        return e.code
for line in sys.argv[1:] or sys.stdin:
    method, url = line.split()
    if url.startswith("/"):
        print(ask(method, os.environ["ITEMS_BASE_URL"] + url, False), flush=True)
    else:
        print(ask(method, url, True), flush=True)
"""


def profile(p, name="own", **members):
    at = p.home
    for part in (".config", "nono", "profiles"):
        at = os.path.join(at, part)
        if not os.path.isdir(at):
            os.mkdir(at, 0o700)
            p.own(at)
    return p.write(os.path.join(at, name + ".json"), json.dumps({"meta": {"name": name}, **members}))


def items(p, policy, **members):
    """A profile with a credential route whose requests have rules."""
    p.write("client.py", CLIENT)
    p.env["ITEMS_SECRET"] = "real"
    return profile(p, network={"credentials": ["items"], "custom_credentials": {"items": {
        "upstream": "http://127.0.0.1:%d/v1" % WEB.port, "credential_key": "env://ITEMS_SECRET", "env_var": "ITEMS_KEY",
        "endpoint_policy": policy}}}, **members)


def run(p, *requests, flags=()):
    return p.popen("run", "--silent", "--allow", p.work, "--profile", "own", *flags, "--", "python3", "client.py", *requests)


def once(p):
    """"Once" is for those who wait: this machine by name, too."""
    p.write("client.py", CLIENT)
    url = "GET http://localhost:%d/" % WEB.port
    s = p.popen("run", "--silent", "--capability-elevation", "--allow", p.work, "--allow-domain", "none.test", "--",
                "python3", "client.py", url, url, url)
    for answer in ("approve", "deny", "approve"):
        r = p.request()
        assert (r["kind"], r["host"], r["port"]) == ("host", "localhost", WEB.port), r
        p.nono(answer, r["id"])
        until("the answer's effect", lambda: not any(x["id"] == r["id"] for x in p.json("requests")))
    assert s.communicate(timeout=30)[0].split() == ["200", "403", "200"]


def endpoint_always(p):
    """One kind of request, agreed to for good: written to the profile, shown before, not asked for by the next session."""
    path = items(p, {"default": "allow", "approve": [{"method": "POST", "path": "/items/**", "reason": "it costs"}]})
    s = run(p, "GET /items/1", "POST /items/1", "POST /items/2")
    r = p.request()
    assert (r["kind"], r["method"], r["route"], r["reason"]) == ("endpoint", "POST", "items", "it costs"), r
    assert r["target"].startswith("POST 127.0.0.1:%d" % WEB.port) and r["target"].endswith("/items/1"), r
    p.nono("approve", r["id"], "--scope", "always")
    assert "+" in p.err and "items:POST:/items/1" in p.err, p.err
    r = until("the second", lambda: [x for x in p.json("requests") if x["target"].endswith("/items/2")])[0]
    p.nono("deny", r["id"], "--scope", "always")
    assert s.communicate(timeout=30)[0].split() == ["200", "200", "403"]
    network = json.load(open(path))["network"]
    assert network["approved_endpoints"] == ["items:POST:/items/1"], network
    assert network["refused_endpoints"] == ["items:POST:/items/2"], network
    # What can't be shown as a whole is not asked for.
    s = run(p, "POST /items/1", "POST /items/2", "POST /items/%31", "POST /items/" + "a" * 1100, "POST /items/" + "a" * 1101)
    assert s.communicate(timeout=30)[0].split() == ["200", "403", "200", "403", "403"]
    assert not p.json("requests")
    profile(p, network={**network, "approved_endpoints": ["items"]})
    p.nono("run", "--profile", "own", "--", "true", code=2)
    assert "ROUTE:METHOD:PATH" in p.err, p.err


def backend(p, name, text):
    d = os.path.join(p.outside, "bin")
    if not os.path.isdir(d):
        os.mkdir(d)
        p.own(d)
    path = p.write(os.path.join(d, name), "#!/bin/sh\ncat >> %s/%s.got\necho >> %s/%s.got\n%s\n" % (p.outside, name, p.outside, name, text))
    os.chmod(path, 0o755)
    return {"type": "command", "command": [path]}


def backends(p):
    """Of a rule, of what no rule is for, and of hosts; without elevation a rule is asked for all the same."""
    says = {"yes": '\'{"decision": "grant"}\'', "no": '\'{"decision": "deny", "reason": "not today"}\''}
    them = {n: backend(p, n, "echo " + t) for n, t in says.items()}
    items(p, {"default": {"decision": "approve", "backend": "no"}, "approve": [{"method": "POST", "path": "/items/*", "backend": "yes"}]},
          security={"approval_backends": them, "approval_defaults": {"backend": "no"}})
    out = run(p, "POST /items/1", "DELETE /items/1").communicate(timeout=30)[0]
    assert out.split() == ["200", "403"], out
    q = [json.loads(x)["request"] for x in p.read(os.path.join(p.outside, "yes.got")).splitlines() if x]
    assert len(q) == 1 and q[0]["capability_type"] == "endpoint" and q[0]["method"] == "POST" and q[0]["route_id"] == "items", q
    assert q[0]["path"].endswith("/items/1") and q[0]["upstream"] == "127.0.0.1" and q[0]["port"] == WEB.port, q
    q = [json.loads(x)["request"] for x in p.read(os.path.join(p.outside, "no.got")).splitlines() if x]
    assert len(q) == 1 and q[0]["method"] == "DELETE", q
    profile(p, security={"capability_elevation": True, "approval_backends": them, "approval_defaults": {"backend": "yes"}},
            network={"allow_domain": ["none.test"]})
    out = run(p, "GET http://localhost:%d/" % WEB.port).communicate(timeout=30)[0]
    assert out.split() == ["200"], out
    q = [json.loads(x)["request"] for x in p.read(os.path.join(p.outside, "yes.got")).splitlines() if x][-1]
    assert (q["capability_type"], q["host"], q["port"], q["protocol"]) == ("network", "localhost", WEB.port, "tcp"), q


def no_from_now_on(p):
    """The network pane's deny: what leads there ends, nothing gets there any more; for good it is in the profile."""
    p.write("client.py", CLIENT)
    path = profile(p, network={"allow_domain": ["localhost"]})
    echo = proxylib.Server(proxylib.echo)
    p.write("long.py", r"""
import base64, os, socket, sys, time
auth, _, at = os.environ["HTTPS_PROXY"][7:].rpartition("@")
s = socket.create_connection(("127.0.0.1", int(at.rpartition(":")[2])))
t = "localhost:%s" % sys.argv[1]
s.sendall(("CONNECT %s HTTP/1.1\r\nHost: %s\r\nProxy-Authorization: Basic %s\r\n\r\n" % (t, t, base64.b64encode(auth.encode()).decode())).encode())
s.recv(100)
s.sendall(b"ping"); print("tunnel", s.recv(10), flush=True)
a = socket.create_connection(("127.0.0.1", int(at.rpartition(":")[2])))
a.sendall(("GET http://localhost:%s/stream HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Basic %s\r\n\r\n"
           % (sys.argv[2], base64.b64encode(auth.encode()).decode())).encode())
while b"event" not in a.recv(1000):
    pass
print("an answer", flush=True)
try:
    print("then", s.recv(10), flush=True)
except OSError as e:
    print("then cut", flush=True)
a.settimeout(10)
try:
    while a.recv(1000):
        pass
    print("it ended", flush=True)
except TimeoutError:
    print("it goes on", flush=True)
except OSError:
    print("it is cut", flush=True)
os.execvp("sh", ["sh", "-c", "python3 client.py 'GET http://localhost:%s/'; sleep 100" % sys.argv[2]])
""")
    s = nonolib.Screen(p, "run", "--name", "net", "--allow", p.work, "--profile", "own", "--", "python3", "long.py",
                       str(echo.port), str(WEB.port))
    s.sees("an answer")
    s.sees("tunnel b'ping'")
    s.command("N")
    s.sees(r"localhost")
    s.sees("code errs host$")
    s.keys("Down")
    s.keys("d")
    s.sees(r"Deny localhost")
    s.keys("y")
    s.keys("q")
    text = s.sees(r"^403\b")  # no port
    assert "then cut" in text or "then b''" in text, text
    assert "it is cut" in text, text
    sid = p.json("inspect", "net")["session_id"]
    d = [e["entry"] for e in p.events(sid, "capability_decision")]
    assert d and d[-1]["request"]["host"] == "localhost" and "Denied" in str(d[-1]["decision"]), d
    assert "deny_domain" not in p.read(path)
    s.command("N")
    s.sees(r"localhost")
    s.keys("Down")
    s.keys("D")
    s.sees(r"deny_domain")
    s.sees("y writes it")
    s.keys("y")
    until("the profile", lambda: "deny_domain" in p.read(path))
    # What came of each, in the audit pane.
    s.keys("e")
    s.sees(r"localhost:\d+.* → status \d+, \d+ bytes in, \d+ out")
    p.nono("stop", "--force", "net")
    s = run(p, "GET http://localhost:%d/" % WEB.port)
    assert s.communicate(timeout=30)[0].split() == ["403"]


def ports_of_wrap(p):
    """Without a supervisor the kernel alone holds the ports."""
    other = proxylib.Server(proxylib.echo)
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    listen = probe.getsockname()[1]
    probe.close()
    p.write("ports.py", r"""
import socket, sys
def tried(name, f):
    try:
        f()
        print(name, "yes")
    except OSError as e:
        print(name, "no")
def listen(port):
    s = socket.socket()
    s.bind(("127.0.0.1", port))
    s.listen()
granted, other, port = map(int, sys.argv[1:])
tried("granted", lambda: socket.create_connection(("127.0.0.1", granted), 5))
tried("other", lambda: socket.create_connection(("127.0.0.1", other), 5))
tried("listen", lambda: listen(port))
tried("listens", lambda: listen(0))
tried("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", other)))
""")

    def words(*flags):
        out = p.nono("wrap", "--silent", "--allow", p.work, "--block-net", *flags, "--", "python3", "ports.py", str(WEB.port),
                     str(other.port), str(listen)).split()
        return dict(zip(out[::2], out[1::2]))
    assert words("--open-port", str(WEB.port)) == {"granted": "yes", "other": "no", "listen": "no", "listens": "no", "udp": "no"}
    assert words("--listen-port", str(listen)) == {"granted": "no", "other": "no", "listen": "yes", "listens": "no", "udp": "no"}
    assert words("--allow-connect-port", str(WEB.port), "--listen-port", str(listen)) == {
        "granted": "yes", "other": "no", "listen": "yes", "listens": "no", "udp": "no"}
    assert words()["granted"] == "no" and words()["other"] == "no"
    p.nono("wrap", "--silent", "--allow-domain", "localhost", "--", "true", code=2)
    profile(p, network={"allow_domain": ["localhost"]})
    hosts = ["wrap", "--silent", "--allow", p.work, "--profile", "own"]
    p.nono(*hosts, "--", "touch", "ran", code=1)
    assert all(w in p.err for w in ("lists hosts", "nono run", "--allow-net", "--block-net")), p.err
    assert not os.path.exists(os.path.join(p.work, "ran"))
    for flag in ("--block-net", "--allow-net"):
        p.nono(*hosts, flag, "--", "true")


nonolib.main([once, endpoint_always, backends, no_from_now_on, ports_of_wrap])
