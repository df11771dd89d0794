#!/usr/bin/env python3
"""Clients of every day through the session's road: git over https and ssh, npm, pip, curl with HTTP/2,
WebSocket, a client that knows nothing but SSL_CERT_FILE; in a network of the test's own."""
import contextlib
import json
import os
import shutil
import subprocess

import netservers
import nonolib
from netservers import DOMAIN
from nonolib import Skip, until

GIT = ("export GIT_AUTHOR_NAME=T GIT_AUTHOR_EMAIL=t@example.org GIT_COMMITTER_NAME=T GIT_COMMITTER_EMAIL=t@example.org; ")

# A client in few lines that reads what the road says: proxy, token, authorities.
WEBSOCKET = r"""
import base64, os, socket, ssl, sys, urllib.parse
host, port = sys.argv[1], int(sys.argv[2])
proxy = urllib.parse.urlsplit(os.environ["HTTPS_PROXY"])
s = socket.create_connection((proxy.hostname, proxy.port))
login = base64.b64encode(("%s:%s" % (proxy.username, proxy.password)).encode()).decode()
s.sendall(("CONNECT %s:%d HTTP/1.1\r\nHost: %s:%d\r\nProxy-Authorization: Basic %s\r\n\r\n" % (host, port, host, port, login)).encode())
head = b""
while b"\r\n\r\n" not in head:
    head += s.recv(1)
assert b" 200 " in head.split(b"\r\n")[0], head
s = ssl.create_default_context().wrap_socket(s, server_hostname=host)
s.sendall(("GET /ws HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % (host, port)).encode())
head = b""
while b"\r\n\r\n" not in head:
    head += s.recv(1)
assert b" 101 " in head.split(b"\r\n")[0], head
for text in (b"hello", b"x" * 1000):
    n = len(text)
    s.sendall(bytes([0x81]) + (bytes([0x80 | n]) if n < 126 else bytes([0xfe, n >> 8, n & 255])) + b"\0\0\0\0" + text)
    got = b""
    while len(got) < n + (2 if n < 126 else 4):
        more = s.recv(4096)
        assert more, "closed: %r" % got
        got += more
    print(got[2 if n < 126 else 4:].decode()[:20])
s.sendall(bytes([0x88, 0x80]) + b"\0\0\0\0")
"""

GO = r"""
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	r, err := http.Get(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	b, _ := io.ReadAll(r.Body)
	fmt.Println(r.StatusCode, string(b))
}
"""


@contextlib.contextmanager
def world(p):
    """An authority that nono trusts, and an HTTPS server."""
    directory = os.path.join(p.base, "servers")
    os.mkdir(directory, 0o755)
    authority = netservers.Authority(directory)
    p.env["SSL_CERT_FILE"] = authority.ca
    server = netservers.Https(authority, os.path.join(p.base, "repos"))
    try:
        yield authority, directory, server
    finally:
        server.close()


def through(p, name, script, *flags, code=0, **kw):
    """The script in a session that may reach the name."""
    return p.nono("run", "--silent", "--name", "net", "--no-capability-elevation", "--allow", p.work, "--allow-domain", name, *flags,
                  "--", "/bin/sh", "-e", "-c", script, code=code, **kw)


def url(server, host, path=""):
    return "https://%s.%s:%d%s" % (host, DOMAIN, server.port, path)


def looked_at(host):
    """A rule about paths: TLS is opened."""
    return ("--allow-domain", "https://%s.%s/**" % (host, DOMAIN))


def network_events(p):
    sid = p.json("inspect", "net")["session_id"]
    return p.events(sid, "network")


def curl(p):
    with world(p) as (_, _, server):
        out = json.loads(through(p, "api." + DOMAIN, "curl -sS -d question " + url(server, "api", "/v1/x?y=1")))
        assert out["method"] == "POST" and out["body"] == "question" and out["path"] == "/v1/x?y=1", out
        assert not any(n.startswith("proxy-") for n in out["headers"]), out
        seen = len(server.seen)
        through(p, "api." + DOMAIN, "curl -sS " + url(server, "evil"), code=56)
        assert "403" in p.err, p.err
        # Without the proxy there is no road.
        through(p, "api." + DOMAIN, "curl -sS --noproxy '*' --max-time 5 " + url(server, "api"), code=None)
        assert p.code != 0
        through(p, "api." + DOMAIN, "curl -sS --noproxy '*' --max-time 5 --connect-to ::%s: %s"
                % (netservers.ADDRESS, url(server, "api")), code=None)
        assert p.code != 0
        assert len(server.seen) == seen, server.seen[seen:]


def http2(p):
    if not shutil.which("nginx"):
        raise Skip("nginx is not installed")
    with world(p) as (authority, directory, _):
        nginx = netservers.Nginx(authority, directory)
        try:
            say = "curl -sS --http2 -w ' %%{http_version}' %s" % url(nginx, "api", "/x")
            assert through(p, "api." + DOMAIN, say).split() == ["HTTP/2.0", "2"]
            # Opened: the client gets what was allowed, by default the older one.
            out = p.nono("run", "--silent", "--no-capability-elevation", "--allow", p.work, *looked_at("api"), "--", "/bin/sh", "-c", say)
            assert out.split()[1] == "1.1", out
            out = p.nono("run", "--silent", "--no-capability-elevation", "--allow", p.work, *looked_at("api"), "--allow-http2",
                         "--", "/bin/sh", "-c", say)
            assert out.split() == ["HTTP/2.0", "2"], out
        finally:
            nginx.close()


def bare_repository(p):
    root = os.path.join(p.base, "repos")
    os.mkdir(root, 0o755)
    netservers.run("git", "init", "-q", "--bare", "-b", "main", root + "/a.git")
    for d, _, files in os.walk(root):
        p.own(d)
        for f in files:
            p.own(os.path.join(d, f))
    return root + "/a.git"


WORK = """git clone -q %(url)s a 2>/dev/null; cd a; echo one > one; git add one; git commit -q -m one; git push -q origin HEAD:main
cd ..; git clone -q -b main %(url)s b; cat b/one; cd b; git fetch -q; git ls-remote origin"""


def git_https(p):
    with world(p) as (_, _, server):
        bare = bare_repository(p)
        for flags in ((), looked_at("git")):
            shutil.rmtree(os.path.join(p.work, "a"), ignore_errors=True)
            shutil.rmtree(os.path.join(p.work, "b"), ignore_errors=True)
            out = through(p, "git." + DOMAIN, GIT + WORK % {"url": url(server, "git", "/git/a.git")}, *flags)
            assert out.startswith("one\n") and "refs/heads/main" in out, out
            netservers.run("git", "-c", "safe.directory=*", "-C", bare, "update-ref", "-d", "refs/heads/main")


def git_ssh(p):
    """A real server, reached by what GIT_SSH_COMMAND says, or as ProxyCommand; a host that isn't listed is not."""
    if not shutil.which("ssh") or not (shutil.which("dropbear") or shutil.which("sshd")):
        raise Skip("no ssh, or neither dropbear nor sshd")
    with world(p) as (_, directory, _):
        sshd = netservers.Sshd(directory, os.getuid() if p.uid is None else p.uid)
        try:
            bare = bare_repository(p)
            key = shutil.copy(sshd.key, os.path.join(p.work, "key"))
            p.own(key)
            os.chmod(key, 0o600)
            p.own(shutil.copy(sshd.known, os.path.join(p.work, "known")))
            where = "ssh://%s@ssh.%s:%d%s" % (sshd.user, DOMAIN, sshd.port, bare)
            options = "-F none -i %s -o UserKnownHostsFile=%s/known -o IdentitiesOnly=yes" % (key, p.work)
            given = "export GIT_SSH_COMMAND=\"$GIT_SSH_COMMAND %s\"; " % options
            out = through(p, "ssh." + DOMAIN, GIT + given + WORK % {"url": where})
            assert out.startswith("one\n") and "refs/heads/main" in out, out
            e = [e["event"] for e in network_events(p) if e["event"].get("ended")]
            assert e and (e[-1]["target"], e[-1]["port"]) == ("ssh." + DOMAIN, sshd.port) and e[-1]["bytes_in"] > 500, e
            ssh = "ssh %s -o 'ProxyCommand=%s connect %%h %%p' -p %d %s@ssh.%s " % (options, p.bin, sshd.port, sshd.user, DOMAIN)
            out = through(p, "ssh." + DOMAIN, "head -c 300000 /dev/zero | " + ssh + "'wc -c; echo $SSH_CONNECTION'")
            assert out.split()[:2] == ["300000", netservers.ADDRESS], out
            # Not listed; no way but the proxy's.
            through(p, "git." + DOMAIN, given + "git ls-remote " + where, code=128)
            assert "not allowed" in p.err, p.err
            through(p, "ssh." + DOMAIN, "ssh %s -o ProxyCommand=none -o ConnectTimeout=5 -p %d %s@%s true"
                    % (options, sshd.port, sshd.user, netservers.ADDRESS), code=255)
        finally:
            sshd.close()


def npm(p):
    if not shutil.which("npm"):
        raise Skip("npm is not installed")
    with world(p) as (_, _, server):
        for flags in ((), looked_at("npm")):
            shutil.rmtree(os.path.join(p.work, "node_modules"), ignore_errors=True)
            p.write("package.json", '{"name": "app", "version": "1.0.0"}')
            out = through(p, "npm." + DOMAIN, "npm install --no-audit --no-fund --no-save --cache $TMPDIR/npm --registry %s hello; node -e 'require(\"hello\")'"
                          % url(server, "npm", "/npm/"), *flags, timeout=90)
            assert "hello from npm" in out, out


def pip(p):
    if subprocess.run(["/usr/bin/python3", "-m", "pip", "--version"], capture_output=True).returncode:
        raise Skip("pip is not installed")
    with world(p) as (_, _, server):
        for flags in ((), looked_at("pypi")):
            shutil.rmtree(os.path.join(p.work, "lib"), ignore_errors=True)
            out = through(p, "pypi." + DOMAIN, "/usr/bin/python3 -m pip install -q --isolated --no-cache-dir --disable-pip-version-check --index-url %s --target lib hello; "
                          "PYTHONPATH=lib /usr/bin/python3 -c 'import hello'" % url(server, "pypi", "/simple/"), *flags, timeout=90)
            assert "hello from pip" in out, out


def websocket(p):
    with world(p) as (_, _, server):
        p.write("ws.py", WEBSOCKET)
        for flags in ((), looked_at("ws")):
            out = through(p, "ws." + DOMAIN, "/usr/bin/python3 ws.py ws.%s %d" % (DOMAIN, server.port), *flags)
            assert out.split() == ["HELLO", "X" * 20], out


def only_ssl_cert_file(p):
    """As Go's programs: the proxy's variable, and SSL_CERT_FILE, and nothing else."""
    with world(p) as (_, _, server):
        client = ("/usr/bin/python3 -c 'import sys, urllib.request as u; r = u.urlopen(sys.argv[1]); print(r.status, r.read().decode())'")
        if shutil.which("go", path="/usr/local/go/bin:/usr/bin:/bin") and p.uid is None:
            p.write("go.mod", "module a\n\ngo 1.18\n")
            p.write("a.go", GO)
            env = {"PATH": "/usr/local/go/bin:/usr/bin:/bin", "HOME": p.home, "GOFLAGS": "", "GOCACHE": "/var/tmp/nono-test-go-build-%d" % os.getuid()}
            netservers.run("go", "build", "-o", "client", ".", cwd=p.work, env=dict(env, CGO_ENABLED="0"))
            client = "./client"
        for flags in ((), looked_at("api")):
            out = through(p, "api." + DOMAIN, "env -i HTTPS_PROXY=$HTTPS_PROXY SSL_CERT_FILE=$SSL_CERT_FILE PATH=$PATH %s %s"
                          % (client, url(server, "api", "/v1")), *flags)
            assert out.startswith("200 ") and '"/v1"' in out, out


def asked(p):
    """A host that is not listed is asked for; the connection waits for the answer."""
    with world(p) as (_, _, server):
        p.nono("run", "--silent", "--detached", "--name", "net", "--capability-elevation", "--allow", p.work, "--allow-domain", "api." + DOMAIN, "--",
               "/bin/sh", "-c", "curl -sS %s; echo first $?; curl -sS %s; echo second $?; sleep 100" % (url(server, "evil", "/a"), url(server, "git", "/b")))

        def request(host):
            return until("a request for %s" % host, lambda: [r for r in p.json("requests") if host in json.dumps(r)])[0]
        r = request("evil." + DOMAIN)
        assert not server.seen, server.seen
        p.nono("deny", r["id"])
        p.shows("net", "first [1-9]")
        p.nono("approve", request("git." + DOMAIN)["id"])
        p.shows("net", "second 0")
        assert [s[2] for s in server.seen] == ["/b"], server.seen
        p.nono("stop", "--force", "net")


netservers.enter()
nonolib.main([curl, http2, git_https, git_ssh, npm, pip, websocket, only_ssl_cert_file, asked], timeout=180)
