#!/usr/bin/env python3
"""Logins by OAuth in a browser, from inside a session: BROWSER opens pages of the profile's origins outside
and no others unless somebody agrees, each is in the log; the answer finds its way back to the program that
waits for it, by a port of this machine or typed in."""
import http.server
import json
import os
import socket
import threading
import urllib.parse

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
    profile = os.path.join(p.outside, "own.json")
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


# ---- the whole way: an authorisation server, a browser, a program that logs in ----------------------

class Authorisation(http.server.ThreadingHTTPServer):
    """/authorize sends the browser on with a code, /token takes that code once."""
    daemon_threads = True

    def __init__(self):
        server = self
        self.codes, self.seen = {}, []

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                q = dict(urllib.parse.parse_qsl(url.query))
                server.seen.append(url.path)
                code = "code-%d" % len(server.seen)
                server.codes[code] = q
                if q.get("redirect_uri", "").startswith("http://localhost"):
                    self.send_response(302)
                    self.send_header("Location", q["redirect_uri"] + "?code=%s&state=%s" % (code, q["state"]))
                    self.end_headers()
                else:
                    self.answer(code)

            def do_POST(self):
                body = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
                server.seen.append(self.path)
                self.answer(json.dumps({"access_token": "granted" if server.codes.pop(body.get("code"), None) else "no"}))

            def answer(self, text):
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = "http://127.0.0.1:%d" % self.server_address[1]


LOGIN = r"""
import http.server, json, os, socket, subprocess, sys, urllib.parse, urllib.request
server, port, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
got = {}
class Here(http.server.HTTPServer):
    address_family = socket.AF_INET6 if how == "six" else socket.AF_INET
class Callback(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_GET(self):
        got.update(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        self.send_response(200); self.send_header("Content-Length", "4"); self.end_headers(); self.wfile.write(b"done")
back = "https://elsewhere.test/shown" if how == "paste" else "http://localhost:%d/callback" % port
page = server + "/authorize?" + urllib.parse.urlencode({"client_id": "x", "state": "s1", "redirect_uri": back})
if how != "paste":
    s = Here(("::1" if how == "six" else "127.0.0.1", port), Callback)
    s.timeout = 15
print("opened", subprocess.run([os.environ["BROWSER"], page]).returncode, flush=True)
if how == "paste":
    got["code"] = input("code: ")
else:
    while "code" not in got and s.handle_request() is None and how != "never":
        pass
    assert got.get("state") == "s1", got
[os.environ.pop(v, None) for v in ("NO_PROXY", "no_proxy")]  # the server is another machine, so to speak
proxy = urllib.request.build_opener(urllib.request.ProxyHandler({"http": os.environ["HTTP_PROXY"]}))
body = urllib.parse.urlencode({"code": got["code"]}).encode()
print("token", json.load(proxy.open(server + "/token", body))["access_token"], flush=True)
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def login(p, how, localhost=False, *flags):
    """Files and arguments of a session that logs in; its page, browser and port."""
    a, port = Authorisation(), free_port()
    _, profile = browser(p, localhost)
    with open(os.path.join(p.base, "bin", "xdg-open"), "w") as f:
        f.write("#!/bin/sh\n(curl -sS -L --noproxy '*' \"$1\"; echo) > %s/browser 2>&1\n" % p.outside)
    p.write(os.path.join(p.work, "login.py"), LOGIN)
    return a, port, ["--silent", "--allow", p.work, "--allow-domain", "127.0.0.1", "--profile", profile, *flags, "--",
                     "python3", os.path.join(p.work, "login.py"), a.url, str(port), how]


def road_of(p, name):
    return p.json("inspect", name)["network_road"]


SHARED = ("--namespaces", "off")  # the session has no network of its own

LISTENS = r"""
import socket, sys, threading, time
def listen(address, family=socket.AF_INET, kind=socket.SOCK_STREAM):
    try:
        s = socket.socket(family, kind)
        s.bind(address)
        if kind == socket.SOCK_STREAM:
            s.listen()
        return s
    except OSError as e:
        return e.strerror
def told(name, s):
    print(name, s if isinstance(s, str) else "listens", flush=True)
mine = sys.argv[1]
told("zero", listen(("127.0.0.1", 0)))
told("six", listen(("::1", 0), socket.AF_INET6))
told("mapped", listen(("::ffff:127.0.0.1", 0), socket.AF_INET6))
told("any", listen(("0.0.0.0", 0)))
told("any-six", listen(("::", 0), socket.AF_INET6))
told("mapped-any", listen(("::ffff:0.0.0.0", 0), socket.AF_INET6))
told("outer", listen((mine, 0)))
told("low", listen(("127.0.0.1", 81)))
told("datagram", listen(("127.0.0.1", 0), kind=socket.SOCK_DGRAM))
s = socket.socket()
try:
    s.listen()
    told("nameless", s)
except OSError as e:
    told("nameless", e.strerror)
s = listen(("127.0.0.1", 0))
if not isinstance(s, str):
    try:
        socket.create_connection(s.getsockname(), 3)
        told("connect", s)
    except OSError as e:
        told("connect", e.strerror)
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
address = ctypes.create_string_buffer(16)
def sockaddr(ip):
    return (2).to_bytes(2, "little") + b"\0\0" + socket.inet_aton(ip) + b"\0" * 8
over = False
def change():
    while not over:
        ctypes.memmove(address, sockaddr("127.0.0.1"), 16)
        ctypes.memmove(address, sockaddr("0.0.0.0"), 16)
t = threading.Thread(target=change)
t.start()
got, end = set(), time.monotonic() + 1
while time.monotonic() < end:
    s = socket.socket()
    libc.bind(s.fileno(), address, 16)
    if s.getsockname()[1]:
        got.add(s.getsockname()[0])
over = True
t.join()
print("race", *sorted(got), flush=True)
"""


def listening(p):
    """Where the host's network is shared, a program that may open pages listens on loopback for their answers, and nowhere
    else; without pages not even there."""
    _, profile = browser(p)
    p.write(os.path.join(p.work, "listens.py"), LISTENS)
    run = ["run", "--silent", "--allow", p.work, *SHARED, "--allow-domain", "example.test", "--profile", profile, "--",
           "python3", os.path.join(p.work, "listens.py"), mine()]
    no = "Permission denied"
    want = {"zero": "listens", "six": "listens", "mapped": "listens", "any": no, "any-six": no, "mapped-any": no,
            "outer": no, "low": no, "datagram": no, "nameless": no, "connect": no, "race": "127.0.0.1"}
    out = dict(x.split(" ", 1) for x in p.nono(*run).splitlines())
    assert out == want, (out, p.err)
    text = json.loads(p.read(profile))
    del text["open_urls"]
    p.write(profile, json.dumps(text))
    out = dict(x.split(" ", 1) for x in p.nono(*run, "--").splitlines() if " " in x)
    want = {k: no for k in want if k not in ("connect", "race")}
    assert out == want, (out, p.err)


def mine():
    """An address of this machine that others reach, if there is one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            return s.getsockname()[0]
        except OSError:
            return "0.0.0.0"


def comes_back(p):
    """The browser outside reaches the program inside by the port that the page names."""
    a, _, args = login(p, "four", localhost=True)
    for name, how, flags in (("four", "four", ()), ("six", "six", ()), ("host4", "four", SHARED), ("host6", "six", SHARED)):
        port = free_port()
        out = p.nono("run", "--name", name, *flags, *args[:-2], str(port), how)
        assert out.split() == ["opened", "0", "token", "granted"], (out, p.err, a.seen)
        assert until("the browser's page", lambda: p.read(os.path.join(p.outside, "browser")).strip() == "done")
        sid = p.json("inspect", name)["session_id"]
        if road_of(p, name) == "host":  # the program listens at the host's port itself
            e = {(e["op"], e["target"], e["source"]) for e in p.events(sid, "connect") if e.get("source") == "open_urls"}
            here = ("127.0.0.1:%d" if how == "four" else "[::1]:%d") % port
            assert e == {("bind", here, "open_urls"), ("listen", here, "open_urls")}, p.nono("logs", sid, "--json")
        else:
            e = [e for e in p.events(sid, "network") if e["event"].get("mode") == "callback"]
            assert e and all(x["event"]["port"] == port for x in e), p.nono("logs", sid, "--json")
        # When the session is over nobody listens.
        s = socket.socket()
        assert s.connect_ex(("127.0.0.1", port)) != 0
        s.close()


def asked_for(p, flags=()):
    """A page that the profile does not name: opened when somebody says so, once or always."""
    a, port, args = login(p, "four")
    for answer in ("deny", "approve", "always", "known"):
        s = p.popen("run", "--name", answer, "--capability-elevation", *flags, *args)
        if answer != "known":
            r = p.request()
            assert (r["kind"], r["target"]) == ("url", a.url + "/authorize"), r
            assert "port %d" % port in r["reason"] and "python" in r["parents"] and r["access"] == "open", r
            assert len(a.seen) == {"deny": 0, "approve": 0, "always": 2}[answer], a.seen
            p.nono(*{"deny": ["deny", r["id"]], "approve": ["approve", r["id"]],
                     "always": ["approve", r["id"], "--scope", "always"]}[answer])
        if answer == "deny":
            assert until("its end", lambda: "opened 1" in s.stdout.readline())
            s.terminate()
            s.communicate(timeout=20)
            assert not a.seen
            continue
        out = s.communicate(timeout=30)[0]
        assert out.split() == ["opened", "0", "token", "granted"], (answer, out)
    sid = p.json("inspect", "approve")["session_id"]
    d = [e["entry"] for e in p.events(sid, "capability_decision")]
    assert [x["decision"] for x in d] == ["Granted"] and d[0]["request"]["url"] == a.url + "/authorize", d
    profile = json.load(open(os.path.join(p.outside, "own.json")))
    assert profile["open_urls"]["allow_origins"][:1] == [a.url] and "https://claude.ai" in profile["open_urls"]["allow_origins"], profile


def asked_for_on_host(p):
    asked_for(p, SHARED)


def tool_profile(p, a, opens):
    """A tool that logs in, and a shell that tries other pages; what each may open."""
    bin = os.path.join(p.outside, "tools")
    os.mkdir(bin)
    p.own(bin)
    for name, text in (("login", 'exec python3 %s/login.py "$@"' % p.outside),
                       ("other", 'echo "[$BROWSER]"; "$BROWSER" "$1"; echo $?')):
        path = p.write(os.path.join(bin, name), "#!/bin/sh\n" + text + "\n")
        os.chmod(path, 0o755)
    p.env["PATH"] = bin + ":" + p.env["PATH"]
    p.write(os.path.join(p.outside, "login.py"), LOGIN)
    box = {"fs_read": [p.outside], "network": {"allow_domain": ["127.0.0.1"]}}
    path = os.path.join(p.outside, "own.json")
    p.write(path, json.dumps({"meta": {"name": "own"}, "command_policies": {"commands": {
        "login": {"sandbox": dict(box, open_urls={"allow_origins": [a.url], "allow_localhost": False})},
        "other": {"sandbox": dict(box, **opens)}}}, "open_urls": {"allow_origins": ["https://claude.ai"]}, "network": {"allow_domain": ["example.test"]}}))
    return path


def of_tools(p, flags=()):
    """A tool opens the pages of its own list, with the answer's way back, and no others; one without a list opens none."""
    a, port, _ = login(p, "four")
    profile = tool_profile(p, a, {})
    args = ["--silent", "--allow", p.work, *flags, "--profile", profile, "--", "/bin/sh", "-c"]
    out = p.nono("run", "--name", "net", *args, "login %s %d four; other https://claude.ai/" % (a.url, port))
    assert out.split() == ["opened", "0", "token", "granted", "[]", "127"], (out, p.err, a.seen)
    assert until("the browser's page", lambda: p.read(os.path.join(p.outside, "browser")).strip() == "done")
    sid = p.json("inspect", "net")["session_id"]
    assert [(e["target"], e["success"]) for e in p.events(sid, "url_open")] == [(a.url + "/authorize", True)]
    seen = len(a.seen)
    for opens, page, works in (({"open_urls": {"allow_origins": ["https://claude.ai"]}}, a.url + "/authorize", False),
                               ({"open_urls": True}, a.url + "/authorize", False), ({"open_urls": True}, "https://claude.ai/", True)):
        text = json.loads(p.read(profile))
        text["command_policies"]["commands"]["other"]["sandbox"].pop("open_urls", None)
        text["command_policies"]["commands"]["other"]["sandbox"].update(opens)
        p.write(profile, json.dumps(text))
        out = p.nono("run", *args, "other %s" % page)
        assert "nono-open-url]" in out and out.split()[-1] == "01"[not works], (opens, page, out, p.err)
        assert works or "open_urls" in p.err, p.err
    assert len(a.seen) == seen, a.seen


def of_tools_on_host(p):
    of_tools(p, SHARED)


def no_way_in(p):
    """Only to the port that the page names, only after it was opened, and not where it is another's."""
    a, port, args = login(p, "never", localhost=True)
    taken = socket.socket()
    taken.bind(("127.0.0.1", port))
    taken.listen()
    s = p.popen("run", "--name", "taken", *args)
    line = s.stdout.readline()
    s.terminate()
    err = s.communicate(timeout=20)[1]
    if road_of(p, "taken") == "host":
        return
    taken.close()
    assert "opened 1" in line and "can't be listened at" in err and not a.seen, (line, err)
    # A program that listens is out of reach as long as no page was opened for it.
    other = free_port()
    p.write(os.path.join(p.work, "listens.py"), "import socket, time\ns = socket.create_server(('127.0.0.1', %d))\nprint('ready', flush=True)\n"
            "time.sleep(20)\n" % other)
    s = p.popen("run", *args[:-5], "python3", os.path.join(p.work, "listens.py"))
    assert s.stdout.readline() == "ready\n"
    with socket.socket() as c:
        assert c.connect_ex(("127.0.0.1", other)) != 0
    s.terminate()
    s.communicate(timeout=20)


def typed_in(p):
    """The login code: the page shows it, the user types it into the session."""
    a, _, args = login(p, "paste", True)
    t = nonolib.Pty(p, "run", *args)
    t.wait_for(b"code:")
    code = until("the code", lambda: os.path.exists(os.path.join(p.outside, "browser")) and
                 p.read(os.path.join(p.outside, "browser")).strip())
    t.send(code.encode() + b"\r")
    assert t.ended() == 0 and a.seen == ["/authorize", "/token"] and not a.codes, (a.seen, t.data[-600:])


nonolib.main([pages, none, comes_back, listening, asked_for, asked_for_on_host, of_tools, of_tools_on_host, no_way_in, typed_in])
