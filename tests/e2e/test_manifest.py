#!/usr/bin/env python3
"""Capability manifests whose network is by name: what they list is reached, nothing else is, and
their credentials stay outside. A profile written as a manifest reaches the same."""
import http.server
import json
import os
import threading

from clienv import main


class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("X-Key")))
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"hello\n")

    def log_message(self, *_):
        pass


SERVER = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hello)
SERVER.seen = []
PORT = SERVER.server_address[1]
threading.Thread(target=SERVER.serve_forever, daemon=True).start()

CLIENT = """
import os, socket, sys, urllib.request, urllib.error
def get(url):
    try:
        return urllib.request.urlopen(url, timeout=10).read().decode().strip()
    except urllib.error.HTTPError as e:
        return str(e.code)
    except OSError as e:
        return type(e).__name__
def direct(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5)
        return "reached"
    except OSError:
        return "closed"
os.environ["no_proxy"] = os.environ["NO_PROXY"] = ""
"""


def put(c, name, text):
    path = os.path.join(c.base, name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o644)
    return path


def manifest(c, name="m.json", **members):
    m = {"version": "0.1.0", "filesystem": {"grants": [
        {"path": "/usr", "access": "read", "type": "directory"},
        {"path": "/etc", "access": "read", "type": "directory"},
        {"path": c.work, "access": "readwrite", "type": "directory"}]}}
    for link in ("/bin", "/lib", "/lib64"):
        if os.path.isdir(link) and not os.path.islink(link):
            m["filesystem"]["grants"].append({"path": link, "access": "read", "type": "directory"})
    return put(c, name, json.dumps(dict(m, **members)))


def inside(c, config, script, *flags, **kw):
    put(c, "work/t.py", CLIENT + script)
    return c.nono("run", "-s", "--no-diagnostics", *flags, "--config", config, "--", "/usr/bin/python3", "t.py",
                  **kw).split()


def names(c):
    script = "print(get('http://localhost:%d/x'), get('http://127.0.0.1:%d/x'), direct(%d))" % (PORT, PORT, PORT)
    m = manifest(c, network={"mode": "proxy", "allow_domains": ["localhost"]})
    for way in ("auto", "off"):
        assert inside(c, m, script, "--namespaces", way) == ["hello", "403", "closed"], way
    # Nothing listed: nothing reached; and no network at all.
    assert inside(c, manifest(c, network={"mode": "proxy"}), script)[0] == "403"
    assert inside(c, manifest(c, network={"mode": "blocked"}), script)[0] == "URLError"
    assert inside(c, manifest(c), script)[0] == "URLError"
    m = manifest(c, network={"mode": "proxy", "allow_domains": ["localhost:%d" % (PORT + 1)]})
    assert inside(c, m, script)[0] == "403"
    c.nono("wrap", "--config", m, "--", "true", code=1)
    assert "no proxy" in c.err, c.err


def requests(c):
    m = manifest(c, network={"mode": "proxy", "endpoints": [
        {"host": "localhost:%d" % PORT, "rules": [{"method": "GET", "path": "/v1/*"}]}]})
    script = "print(get('http://localhost:%d/v1/a'), get('http://localhost:%d/v2/a'))" % (PORT, PORT)
    assert inside(c, m, script) == ["hello", "403"]


def ports(c):
    for network in ({"mode": "blocked"}, {"mode": "proxy"}):
        m = manifest(c, network=dict(network, ports={"localhost": [PORT]}))
        assert inside(c, m, "print(direct(%d), direct(%d))" % (PORT, PORT + 1)) == ["reached", "closed"]


def credentials(c):
    route = {"name": "api", "upstream": "http://127.0.0.1:%d/v1" % PORT, "source": "env://API_KEY",
             "inject": {"mode": "header", "header": "X-Key", "format": "key {}"}, "env_var": "API_TOKEN",
             "endpoint_rules": [{"method": "GET", "path": "/v1/ok"}]}
    m = manifest(c, network={"mode": "proxy", "allow_domains": ["nowhere.example"]}, credentials=[route])
    script = """
os.environ["no_proxy"] = "*"
def ask(path):
    q = urllib.request.Request(os.environ["API_BASE_URL"] + path, headers={"X-Key": "key " + os.environ["API_TOKEN"]})
    return get(q)
print(ask("/ok"), ask("/other"), os.environ.get("API_KEY", "unset"), os.environ["API_TOKEN"] != "top-secret",
      any("top-secret" in v for v in os.environ.values()))
"""
    del SERVER.seen[:]
    out = inside(c, m, script, env={"API_KEY": "top-secret"})
    assert out == ["hello", "403", "unset", "True", "False"], out
    assert SERVER.seen == [("/v1/ok", "key top-secret")], SERVER.seen
    for change, word in (({"upstream": "http://example.com"}, "https"), ({"source": "ftp://x"}, "env://"),
                         ({"inject": {"mode": "smoke"}}, "basic_auth"), ({"name": "No Name"}, "small letters"),
                         ({"inject": {"mode": "query_param"}}, "query_param_name"), ({"surprise": 1}, "unknown member")):
        bad = manifest(c, "bad.json", network={"mode": "proxy"}, credentials=[dict(route, **change)])
        c.nono("run", "-s", "--config", bad, "--", "true", code=1, env={"API_KEY": "k"})
        assert word in c.err, (change, c.err)
    twice = manifest(c, "bad.json", network={"mode": "proxy"}, credentials=[route, route])
    c.nono("run", "-s", "--config", twice, "--", "true", code=1, env={"API_KEY": "k"})
    assert "already" in c.err, c.err


def there_and_back(c):
    p = put(c, "p.json", json.dumps({
        "meta": {"name": "p"}, "workdir": {"access": "readwrite"},
        "security": {"signal_mode": "isolated"},
        "network": {"allow_domain": ["localhost:%d" % PORT, {"domain": "h.example", "endpoints": [
            {"method": "GET", "path": "/v1/**"}]}], "listen_port": [3111], "credentials": ["github"]}}))
    if c.uid is not None:
        os.chown(p, c.uid, c.uid)
    text = c.nono("profile", "show", p, "--format", "manifest")
    m = json.loads(text)
    assert m["network"]["mode"] == "proxy" and m["process"]["signal_mode"] == "isolated", m["network"]
    assert "localhost:%d" % PORT in m["network"]["allow_domains"], m["network"]
    assert {"host": "h.example", "rules": [{"method": "GET", "path": "/v1/**"}]} in m["network"]["endpoints"]
    assert m["network"]["ports"]["bind"] == [3111] and m["credentials"][0]["source"] == "env://GITHUB_TOKEN"
    again = put(c, "again.json", text)
    script = "print(get('http://localhost:%d/x'), os.environ['GITHUB_TOKEN'] != 'real')" % PORT
    assert inside(c, again, script, env={"GITHUB_TOKEN": "real"}) == ["hello", "True"]


EVERYTHING = {
    "meta": {"name": "all"}, "workdir": {"access": "readwrite"},
    "open_urls": {"allow_origins": ["https://login.example"], "allow_localhost": True},
    "network": {
        "allow_domain": ["a.example", "*.b.example", {"domain": "h.example", "endpoints": [{"method": "GET", "path": "/v1/**"}]}],
        "deny_domain": ["evil.a.example", "*.c.example"], "deny_cloud_metadata": True, "allow_http2": True,
        "upstream_proxy": "proxy.example:3128", "upstream_bypass": ["*.near.example"], "no_proxy": ["here.example"],
        "open_port": [3001], "listen_port": [3002], "connect_port": [3003],
        "credentials": ["rules", "open", "asked", "oauth", "aws", "github"],
        "custom_credentials": {
            "rules": {"upstream": "https://rules.example", "credential_key": "env://A_KEY", "inject_mode": "header", "inject_header": "X-Key",
                      "endpoint_policy": {"default": "deny", "deny": [{"path": "/no/*"}],
                                          "approve": [{"method": "POST", "path": "/**", "reason": "it costs", "timeout_secs": 9}],
                                          "allow": [{"method": "GET", "path": "/**"}]},
                      "rate_limit": {"requests_per_minute": 30, "burst": 3, "max_delay_secs": 2}},
            "open": {"upstream": "https://open.example", "credential_key": "env://A_KEY",
                     "endpoint_policy": {"default": "allow", "deny": [{"method": "DELETE", "path": "/**"}]}},
            "asked": {"upstream": "https://asked.example", "credential_key": "env://A_KEY", "inject_mode": "query_param",
                      "query_param_name": "key", "proxy": {"inject_mode": "header", "inject_header": "X-In"},
                      "endpoint_policy": {"default": {"decision": "approve", "timeout_secs": 7}}},
            "oauth": {"upstream": "https://oauth.example", "auth": {"token_url": "https://t.example/token", "client_id": "env://ID",
                                                                    "client_secret": "env://ID_SECRET", "scope": "read"}},
            "aws": {"upstream": "https://s3.eu-central-1.amazonaws.com", "aws_auth": {"region": "eu-central-1", "service": "s3"}}},
        "approved_endpoints": ["rules:POST:/good/1"], "refused_endpoints": ["rules:GET:/bad"]}}


def network_of(c, *how):
    """What a session says that its network is, without who says so."""
    def plain(x):
        if isinstance(x, dict):
            return {k: plain(v) for k, v in sorted(x.items()) if k not in ("source", "profile", "group") and v not in (None, [], "")}
        return sorted((plain(v) for v in x), key=json.dumps) if isinstance(x, list) else x
    out = c.nono("run", "-s", "--no-diagnostics", *how, "--", "/bin/sh", "-c", "cat $NONO_CAP_FILE", env={"A_KEY": "k", "ID": "i", "ID_SECRET": "s"})
    return plain(json.loads(out).get("network"))


def same_network(c):
    """Shown as a manifest, and read again: no rule of the network is lost or wider, of no profile."""
    everything = put(c, "all.json", json.dumps(EVERYTHING))
    if c.uid is not None:
        os.chown(everything, c.uid, c.uid)
    profiles = [p["name"] for p in json.loads(c.nono("profile", "list", "--json")) if p["source"] == "built-in"]
    assert len(profiles) > 10, profiles
    for name in [everything] + profiles:
        shown = json.loads(c.nono("profile", "show", name, "--format", "manifest"))
        shown["filesystem"]["grants"] = [g for g in shown["filesystem"]["grants"] if g["path"] != "/tmp"]  # state is below, here
        m = put(c, "shown.json", json.dumps(shown))
        want, got = network_of(c, "--profile", name, "--allow-cwd"), network_of(c, "--config", m)
        assert want == got, (name, [(k, want.get(k), got.get(k)) for k in {**want, **got} if want.get(k) != got.get(k)])
    routes = {r["name"]: r for r in network_of(c, "--profile", everything, "--allow-cwd")["routes"]}
    assert len(routes) == 6 and routes["rules"]["per_minute"] == 30 and routes["aws"]["aws_region"] == "eu-central-1", routes
    limits = put(c, "limits.json", json.dumps({"meta": {"name": "l"}, "rollback": {"exclude_globs": ["*.o"]}, "resources": {
        "memory": "64M", "max_processes": 99, "wall_time": "2h"}}))
    if c.uid is not None:
        os.chown(limits, c.uid, c.uid)
    m = json.loads(c.nono("profile", "show", limits, "--format", "manifest"))
    assert m["rollback"]["exclude_globs"] == ["*.o"] and m["resources"] == {
        "memory_bytes": 64 << 20, "max_processes": "99", "wall_time": "2h"}, m
    shown = c.nono("run", "--dry-run", "--config", put(c, "limits-m.json", json.dumps(dict(json.loads(open(manifest(c)).read()), resources=m["resources"]))),
                   "--", "true") + c.err
    assert "memory %d, max_processes 99, wall_time 2h" % (64 << 20) in shown, shown
    for change, word in (({"endpoint_policy": {"default": "allow"}}, "must be a map"),
                         ({"endpoint_policy": {"alow": []}}, "unknown member"), ({"rate_limit": {"burst": -1}}, "number"),
                         ({"endpoint_policy": {}, "endpoint_rules": []}, "one or"), ({"auth": {"token_url": "https://t.example"}}, "client_id"),
                         ({"endpoint_policy": {"default": {"decision": "yes"}}}, "deny, approve or allow")):
        bad = manifest(c, "bad.json", network={"mode": "proxy"}, credentials=[
            dict({"name": "api", "upstream": "https://api.example", "source": "env://A_KEY"}, **change)])
        c.nono("run", "-s", "--config", bad, "--", "true", code=1)
        assert word in c.err, (change, c.err)


main([names, requests, ports, credentials, there_and_back, same_network])
