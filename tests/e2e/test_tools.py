#!/usr/bin/env python3
"""The tool sandbox: programs that are started for the agent, each in a confinement of its own; who
may, with which arguments, how much comes out; and ways around it."""
import http.server
import json
import os
import signal
import socket
import threading
import time

import nonolib
from nonolib import SECRET, until

DENIED = "nono: tool-sandbox denied "


class Tools:
    """Scripts as tools in a folder that the agent can't write, and a profile about them."""

    def __init__(self, p, scripts, policies, **top):
        self.p = p
        self.dir = os.path.join(p.outside, "bin")
        os.mkdir(self.dir)
        p.own(self.dir)
        for name, text in scripts.items():
            path = p.write(os.path.join(self.dir, name), "#!/bin/sh\n" + text + "\n")
            os.chmod(path, 0o755)
        p.env["PATH"] = self.dir + ":" + p.env["PATH"]
        d = os.path.join(p.home, ".config", "nono", "profiles")
        at = p.home
        for part in (".config", "nono", "profiles"):
            at = os.path.join(at, part)
            os.mkdir(at, 0o700)
            p.own(at)
        p.write(os.path.join(d, "tools.json"), json.dumps(
            {"meta": {"name": "tools"}, "command_policies": dict(top, commands=policies)}))

    def run(self, script, *flags, code=0, **kw):
        return self.p.inside(script, "--profile", "tools", *flags, code=code, **kw)


def policy_events(p):
    sid = p.json("ps", "--all")[0]["session_id"]
    p.nono("audit", "verify", sid)
    return [e["event"] for e in p.events(sid, "command_policy")]


def own_grants(p):
    t = Tools(p, {"reader": 'cat "$@"'}, {"reader": {"sandbox": {"fs_read_file": ["~/.ssh/id_rsa"]}}})
    out = t.run("cat ~/.ssh/id_rsa; reader ~/.ssh/id_rsa; echo rc $?; reader ~/work/x; echo rc $?")
    # The tool reads what the agent can't, and not what only the agent can.
    assert out == SECRET + "\nrc 0\nrc 1\n", out
    assert p.err.count("Permission denied") == 2 or "No such file" in p.err, p.err
    ev = policy_events(p)
    assert [e["decision"] for e in ev] == ["allowed"] * 4, ev
    e = ev[1]
    assert e["command"] == "reader" and e["caller"] == "session" and e["exit_code"] == 0, e
    assert e["argv_display"] == ["reader", p.key] and e["cwd_display"] == p.work, e
    assert len(e["argv_hash"]) == 64 and e["reason"] == "command_edge_allowed", e


def workspace_needs_a_grant(p):
    t = Tools(p, {"writer": 'echo hi > "$1"'},
              {"writer": {"sandbox": {"fs_write": ["$WORKDIR"], "fs_read": ["$WORKDIR"]}}})
    t.run("mkdir .git .git/hooks; writer a; cat a; writer .git/hooks/pre-commit; test ! -e .git/hooks/pre-commit")
    assert p.read("a") == "hi\n"


def refused(p):
    t = Tools(p, {"a": "echo ran", "b": "echo ran"},
              {"a": {"from": {"session": {"sandbox": {}, "invocation_policy": {
                  "default": "deny",
                  "deny": [{"argv": {"contains": ["--force"]}, "reason": "never by force"}],
                  "allow": [{"argv": {"prefix": ["push"]}}, {"argv": {"exact": []}}]}}}},
               "b": {"from": {"a": {}}}})
    out = t.run("for x in 'push' 'push --force' 'pull' ''; do a $x; echo $?; done; b; echo $?")
    assert out == "ran\n0\n126\n126\nran\n0\n126\n", out
    assert DENIED + "a: never by force\n" in p.err and DENIED + "b: missing from.session\n" in p.err, p.err
    assert [e["decision"] for e in policy_events(p)].count("denied") == 3


def why(p):
    Tools(p, {"a": "echo ran", "b": "echo ran"},
          {"a": {"can_use": ["b"], "from": {"session": {"sandbox": {}, "invocation_policy": {
              "default": "allow", "deny": [{"argv": {"contains": ["-f"]}, "reason": "no force"}],
              "approve": [{"argv": {"prefix": ["x"]}}]}}}},
           "b": {"from": {"a": {}}}})
    for args, status, reason in ((["a"], "allowed", "invocation_policy_allowed"),
                                 (["a", "--", "y", "-f"], "denied", "no force"),
                                 (["a", "--", "x"], "approval_required", "approval_required"),
                                 (["b"], "denied", "missing from.session"),
                                 (["b", "--caller", "a"], "allowed", "command_edge_allowed"),
                                 (["c"], "denied", "command_not_policy_controlled")):
        a = json.loads(p.nono("why", "--profile", "tools", "--json", "--command", *args))
        assert a["status"] == status and a["reason"] == reason, (args, a)


def intercepted(p):
    t = Tools(p, {"a": "echo ran"},
              {"a": {"sandbox": {}, "intercept": [
                  {"args": ["auth", "token"], "action": {"type": "respond", "stdout": "none\n", "exit_code": 4}},
                  {"args": ["x"], "match": "exact", "action": {"type": "passthrough"}}]}})
    out = t.run("a auth token --now; echo $?; a x; a y")
    assert out == "none\n4\nran\nran\n", out


def captured(p):
    """The caller gets a stand-in; it is the secret again for the same command, and those that the rule names."""
    show = 'echo "$@" "${TOKEN:-}"'
    t = Tools(p, {"gh": 'case $1 in auth) echo s3cret-value;; fail) echo s3cret-value; exit 3;; '
                        'big) head -c 70000 /dev/zero | tr "\\0" x;; nul) printf "a\\0b";; bye) ;; '
                        'length) echo ${#2} ${#TOKEN};; esac', "curl": 'echo ${#1}', "other": show},
              {"gh": {"sandbox": {"environment": {"allow_vars": ["TOKEN"]}}, "intercept": [
                  {"args": [w], "action": {"type": "capture", "reveal_to": ["curl"]}}
                  for w in ("auth", "fail", "big", "nul", "bye")]},
               "curl": {"sandbox": {}}, "other": {"sandbox": {"environment": {"allow_vars": ["TOKEN"]}}}})
    out = t.run("""t=$(gh auth token); echo "$t"; [ "$t" = "$(gh auth again)" ] && echo same
gh length "Bearer $t"; TOKEN=$t gh length x; curl "x$t"; other "$t"; curl nono_0000
for w in fail big nul bye; do gh $w; echo "$w $?"; done""")
    lines = [x.rstrip() for x in out.splitlines()]
    stand_in = lines[0]
    assert stand_in.startswith("nono_") and len(stand_in) == 53, out
    assert lines[1:6] == ["same", "%d 0" % len("Bearer s3cret-value"), "1 %d" % len("s3cret-value"),
                          str(len("xs3cret-value")), stand_in], out
    assert lines[6:] == ["9", "fail 3", "big 126", "nul 126", "bye 0"], out
    assert "more than can be captured" in p.err and "no text" in p.err, p.err
    sid = p.json("ps", "--all")[0]["session_id"]
    d = os.path.join(p.env["XDG_STATE_HOME"], "nono", "audit", sid)
    for f in os.listdir(d):
        with open(os.path.join(d, f), "rb") as g:
            assert b"s3cret" not in g.read(), f


def in_its_place(p):
    """exec: what the rule names runs under the command's name, with the command's rights and no others."""
    scripts = {"a": "echo itself", "mine": 'echo mine "$@"; cat ~/.ssh/id_rsa'}
    t = Tools(p, scripts, {"a": {
        "sandbox": {"fs_read_file": ["~/.ssh/id_rsa"]},
        "intercept": [
            {"args": ["key"], "action": {"type": "exec", "command": [os.path.join(p.outside, "bin", "mine"), "fixed"]}},
            {"args": ["words"], "action": {"type": "exec", "script": 'echo "$0: $# $2"; exit 7'}},
            {"args": ["gone"], "action": {"type": "exec", "command": ["/nowhere"]}},
            {"args": ["cap"], "action": {"type": "capture", "script": "cat ~/.ssh/id_rsa"}},
            {"args": ["len"], "action": {"type": "exec", "script": 'echo ${#2}'}},
            {"args": ["agents"], "action": {"type": "exec", "command": [p.work + "/own"]}}]}})
    p.write("own", "#!/bin/sh\necho own\n")
    os.chmod(os.path.join(p.work, "own"), 0o755)
    out = t.run("""a; a key x; a words 'two words' 3; echo $?; a gone; echo $?; a agents; echo $?
t=$(a cap); a len $t""")
    want = ["itself", "mine fixed", SECRET, "a: 3 two words", "7", "126", "126", str(len(SECRET))]
    assert out.splitlines() == want, out
    assert "/nowhere is no program" in p.err and "changed by the agent" in p.err, p.err


def action_after_policy(p):
    """A rule answers nothing that the invocation policy denies, and a person is asked before it runs."""
    t = Tools(p, {"a": "echo itself"}, {"a": {
        "from": {"session": {"sandbox": {}, "invocation_policy": {
            "default": "deny", "allow": [{"argv": {"prefix": ["yes"]}}]}}},
        "intercept": [{"args": [], "action": {"type": "exec", "script": "echo ran"}}]}})
    assert t.run("a yes; a no; echo $?") == "ran\n126\n"


def limits(p):
    t = Tools(p, {"many": "head -c 100000 /dev/zero | tr '\\0' x; echo end >&2",
                  "hold": "echo some; head -c 100000 /dev/zero | tr '\\0' x",
                  "few": "echo few", "stop": "yes", "slow": "echo start; sleep 30"},
              {"many": {"sandbox": {"stdio": {"stdout": {"max_bytes": 10}}}},
               "hold": {"sandbox": {"stdio": {"stdout": {"max_bytes": 1000, "on_limit": "deny"}}}},
               "few": {"sandbox": {"stdio": {"stdout": {"max_bytes": 1000, "on_limit": "deny"}}}},
               "stop": {"sandbox": {"stdio": {"stdout": {"max_bytes": 20, "on_limit": "terminate"}}}},
               "slow": {"sandbox": {"resources": {"wall_time_seconds": 1, "max_output_bytes": 100}}}})
    begin = time.monotonic()
    out = t.run("for x in many hold few stop slow; do $x; echo \" $?\"; done")
    assert out == "xxxxxxxxxx 0\n 126\nfew\n 0\n" + "y\n" * 10 + " 137\nstart\n 137\n", out
    assert "end" in p.err and "1000 bytes" in p.err and "ran for 1 s" in p.err, p.err
    assert time.monotonic() - begin < 20 * nonolib.SLOW
    counted = [e["stdio"]["stdout"] for e in policy_events(p) if "stdio" in e]
    assert counted[0]["total_bytes"] == 100000 and counted[0]["forwarded_bytes"] == 10, counted
    assert counted[1]["limit_exceeded"] and counted[1]["on_limit"] == "deny", counted


def nobody_reads(p):
    """Output that nobody takes, into a pipe that others keep full, holds up neither time nor end."""
    t = Tools(p, {"slow": "yes"},
              {"slow": {"sandbox": {"stdio": {"stdout": {"max_bytes": 100000000}},
                                    "resources": {"wall_time_seconds": 1}}}})
    begin = time.monotonic()
    t.run("""mkfifo full; exec 9<>full
for i in 1 2 3; do yes filler > full & all="$all $!"; done
slow > full; echo $? > code; kill $all; wait""")
    assert p.read("code") == "137\n" and "ran for 1 s" in p.err, (p.read("code"), p.err)
    assert time.monotonic() - begin < 12 * nonolib.SLOW


def environment(p):
    t = Tools(p, {"show": "env"},
              {"show": {"sandbox": {"environment": {"allow_vars": ["GIVEN", "LD_PRELOAD", "BASH_ENV"],
                                                    "set_vars": {"SET": "by policy"}}}}})
    p.write("evil.so", "")
    out = t.run("export GIVEN=1 OTHER=2 LD_PRELOAD=$PWD/evil.so BASH_ENV=$PWD/evil HOME=$PWD PATH=$PATH:$PWD "
                "GIT_CONFIG_GLOBAL=$PWD/x TERM=dumb; show 2>&1")
    lines = [x for x in out.splitlines() if "LD_PRELOAD" not in x.split("=")[0] or "ERROR" not in x]
    env = dict(x.split("=", 1) for x in lines if "=" in x)
    assert env["GIVEN"] == "1" and env["SET"] == "by policy" and env["TERM"] == "dumb", env
    assert env["HOME"] == p.home and env["PATH"] == p.env["PATH"], env
    for name in ("OTHER", "LD_PRELOAD", "BASH_ENV", "GIT_CONFIG_GLOBAL"):
        assert name not in env, env


def no_files_by_environment(p):
    """Names that libraries make paths of lead nowhere else."""
    t = Tools(p, {"show": "env"}, {"show": {"sandbox": {"environment": {"allow_vars": ["LANGUAGE"]}}}})
    out = t.run("export LANGUAGE=de:../../../$PWD/x LC_MESSAGES=/x TERM=../x LC_TIME=de_DE.UTF-8; TZ=$PWD/tz show; "
                "TZ=:/etc/passwd TERM=xterm LANGUAGE=de:fr show; TZ=Europe/Rome show")
    got = [x for x in out.splitlines() if x.split("=")[0] in ("LANGUAGE", "LC_MESSAGES", "TERM", "TZ", "LC_TIME")]
    assert sorted(got) == ["LANGUAGE=de:fr"] + ["LC_TIME=de_DE.UTF-8"] * 3 + ["TERM=xterm", "TZ=Europe/Rome"], got


def tools_change_tools(p):
    """A tool that can write another one's executable would get that one's rights for the agent."""
    t = Tools(p, {"changer": 'eval "$1"', "reader": "echo ran"},
              {"reader": {"sandbox": {"fs_read_file": ["~/.ssh/id_rsa"]}},
               "changer": {"executable": "/usr/bin/env", "sandbox": {"fs_write": [p.outside]}}})
    out = t.run("changer cp /bin/cat %s/reader; reader ~/.ssh/id_rsa; echo $?" % t.dir)
    assert out == "126\n", out
    assert "changed by changer from session" in p.err, p.err


def links_of_the_workspace(p):
    """A link that the agent or a repository planted does not open what is closed."""
    t = Tools(p, {"show": 'cat "$1"/id_rsa'}, {"show": {"sandbox": {"fs_read": ["$WORKDIR/conf", "$WORKDIR/own"]}}})
    os.symlink(os.path.dirname(p.key), os.path.join(p.work, "conf"))
    p.mkdir("own")
    p.write("own/id_rsa", "own\n")
    out = t.run("show conf; echo $?; show own")
    assert out == "1\nown\n", out


def links_of_the_agent(p):
    """Nor does one in another folder that the agent may write, whatever the profile says of the tool:
    neither what is closed nor what only the agent can't read."""
    t = Tools(p, {"show": 'cat "$@"', "write": 'echo changed > "$1"'},
              {"show": {"sandbox": {"fs_read": ["~/state/conf", "~/state/free", "~/state/own", "~/state/deep/x"]}},
               "write": {"sandbox": {"fs_write": ["~/state/out"]}}})
    for d in ("state", "state/real", "free", "aside"):
        os.mkdir(os.path.join(p.home, d))
        p.own(os.path.join(p.home, d))
    for f in ("free/f", "state/real/f", "aside/f"):
        p.write(os.path.join(p.home, f), f + "\n")
    for link, to in (("conf", os.path.dirname(p.key)), ("free", "../free"), ("own", "real"), ("out", "../aside"),
                     ("deep", "..")):
        os.symlink(to, os.path.join(p.home, "state", link))
    os.symlink("free", os.path.join(p.home, "x"))
    flags = ["--allow", os.path.join(p.home, "state")]
    out = t.run("cd; show .ssh/id_rsa; echo $?; show free/f; echo $?; show state/real/f; echo $?; write aside/f; echo $?",
                *flags)
    assert out == "1\n1\nstate/real/f\n0\n2\n" or out == "1\n1\nstate/real/f\n0\n1\n", (out, p.err)
    assert p.read(os.path.join(p.home, "aside/f")) == "aside/f\n"
    # The same links where the agent can't write: whoever wrote the profile made them.
    out = t.run("cd; show .ssh/id_rsa; show free/f; write aside/f; echo $?")
    assert out == SECRET + "\nfree/f\n0\n" or out == SECRET + "free/f\n0\n", (out, p.err)
    assert p.read(os.path.join(p.home, "aside/f")) == "changed\n"


GONE = r"""
import array, os, socket, struct, time
path = os.environ["NONO_TOOL_SANDBOX_SOCKET"]
good = b"a\0/\0x\0"
head = struct.pack("<IIII", 0x6c6f6f74, 1, 0, len(good)) + bytes(56)
def call(leave):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(8)
    s.connect(path)
    pid = os.fork()
    if pid == 0:
        s.sendmsg([head], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", (0, 1, 2)))])
        if not leave:
            s.sendall(good)
            time.sleep(5)
        os.kill(os.getpid(), 9) if leave else os._exit(0)
    if leave:
        # The other half comes from somebody else; who began it is a zombie.
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        s.sendall(good)
    got = s.recv(4096)
    return len(got)
print("stays", call(False) > 0)
print("goes", call(True) > 0)
def dies():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(8)
    s.connect(path)
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        s.sendmsg([head + good], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", (0, 1, 2)))])
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    try:
        return len(s.recv(4096)) > 0
    except OSError:
        return False
print("dies", [dies() for _ in range(20)].count(True) < 20)
"""


def sender_gone(p):
    """A call is its sender's: what the number of a process that has ended stands for decides nothing."""
    t = Tools(p, {"a": "echo ran"}, {"a": {"sandbox": {}}})
    p.write("gone.py", GONE)
    out = t.run("/usr/bin/python3 gone.py")
    assert "stays True" in out and "goes False" in out and "dies True" in out, out


def told(p):
    """What a tool is refused is listed with the rest, as the tool's."""
    Tools(p, {"show": 'cat "$1"'}, {"show": {"sandbox": {}}})
    p.write("file", "content\n")
    p.nono("run", "--allow", p.work, "--profile", "tools", "--", "sh", "-c",
           "show file; cat file; cat %s; false" % p.key, code=1)
    assert "to the tool show: command_policies" in p.err and "file" in p.err, p.err
    sid = p.json("ps", "--all")[0]["session_id"]
    assert "file" in p.nono("audit", "show", sid, "--denied")
    d = p.json("inspect", sid)["denials"]
    mine = [x for x in d if x["path"] == p.work + "/file"]
    assert len(mine) == 1 and mine[0]["reason"] == "command_policy" and not mine[0]["flag"] and not mine[0]["offer"], d
    assert any(x["path"] == p.key and x["reason"] != "command_policy" for x in d), d


def callers(p):
    t = Tools(p, {"outer": "inner \"$@\"; echo outer $?; cat ~/.ssh/id_rsa 2>/dev/null; third; echo $?",
                  "inner": "cat ~/.ssh/id_rsa", "third": "echo third"},
              {"outer": {"sandbox": {}, "can_use": ["inner"]},
               "inner": {"from": {"session": "deny", "outer": {"fs_read_file": ["~/.ssh/id_rsa"]}}},
               "third": {"sandbox": {}, "from": {"outer": {}}}})
    out = t.run("outer; inner; echo $?")
    assert out == SECRET + "\nouter 0\n126\n126\n", out
    assert "can_use" in p.err, p.err
    ev = [e for e in policy_events(p) if e["command"] == "inner" and e["decision"] == "allowed"]
    assert ev and ev[0]["caller"] == "outer" and ev[0]["caller_kind"] == "command", ev


def network(p):
    probe = "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", int(\"'$1'\")), 5); print(\"in\")'"
    t = Tools(p, {"on": probe, "off": probe},
              {"on": {"sandbox": {"network": {"allow_all": True}}}, "off": {"sandbox": {}}})
    s = socket.create_server(("127.0.0.1", 0))
    port = s.getsockname()[1]
    out = t.run("on %d 2>/dev/null; echo $?; off %d 2>/dev/null; echo $?" % (port, port), "--block-net")
    assert out == "in\n0\n1\n", out


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ("%s %s\n" % (self.path, self.headers.get("Authorization"))).encode()
        self.server.seen.append(body)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def web():
    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    s.daemon_threads, s.seen, s.port = True, [], s.server_address[1]
    threading.Thread(target=s.serve_forever, daemon=True).start()
    return s


# Through the proxy that the variables name, or past it; what came back, or why nothing did.
GET = r'''
import base64, os, socket, sys, urllib.parse
def get(url, direct=False):
    u = urllib.parse.urlsplit(url)
    try:
        p = urllib.parse.urlsplit(os.environ["HTTP_PROXY"]) if not direct else u
        s = socket.create_connection((p.hostname, p.port), 5)
        head = "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n" % (u.path if direct else url, u.netloc)
        if not direct:
            head += "Proxy-Authorization: Basic %s\r\n" % base64.b64encode(("%s:%s" % (p.username, p.password)).encode()).decode()
        s.sendall((head + "\r\n").encode())
        s.shutdown(socket.SHUT_WR) if False else None
        out = b""
        while True:
            d = s.recv(4096)
            if not d:
                break
            out += d
        lines = out.decode().split("\r\n")
        return lines[0].split()[1] + (" " + lines[-1].strip() if lines[0].split()[1] == "200" else "")
    except (OSError, KeyError) as e:
        return type(e).__name__
for word in sys.argv[1:]:
    print(get(word.lstrip("!"), word.startswith("!")), flush=True)
'''


def own_hosts(p):
    """A tool reaches what its caller may not, the caller what the tool may not; each by its own proxy and token."""
    mine, agents, other = web(), web(), web()
    p.write(os.path.join(p.outside, "get.py"), GET)
    fetch = "exec /usr/bin/python3 %s/get.py \"$@\"" % p.outside
    t = Tools(p, {"fetch": fetch, "narrow": fetch, "none": fetch, "vars": 'env; grep -c BEGIN "$SSL_CERT_FILE"'},
              {"fetch": {"sandbox": {"fs_read": [p.outside], "network": {"allow_domain": ["localhost:%d" % mine.port]}}},
               "narrow": {"sandbox": {"fs_read": [p.outside], "network": {"allow_domain": [
                   {"domain": "localhost:%d" % mine.port, "endpoints": [{"method": "get", "path": "/ok/**"}]}]}}},
               "none": {"sandbox": {"fs_read": [p.outside], "network": {"allow_domain": []}}},
               "vars": {"sandbox": {"network": {"allow_domain": ["localhost:%d" % mine.port]}}}})
    for flags in ([], ["--namespaces", "off"]):
        urls = ["http://localhost:%d/ok/%d" % (s.port, i) for i, s in enumerate((mine, agents, other))]
        out = t.run("/usr/bin/python3 %s/get.py %s; echo; fetch %s; echo; narrow %s; none %s; echo; fetch %s; env > agent; vars > tool"
                    % (p.outside, " ".join(urls), " ".join(urls), " ".join([urls[0], urls[0].replace("/ok", "/no")]),
                       urls[0], " ".join("!" + u for u in urls)),
                    "--read", p.outside, "--allow-domain", "localhost:%d" % agents.port, *flags)
        parts = [x.split("\n") for x in out.strip().split("\n\n")]
        assert len(parts) == 4, (flags, out, p.err)
        agent, tool, narrow, direct = parts
        assert agent == ["403", "200 /ok/1 None", "403"], (flags, out, p.err)
        assert tool == ["200 /ok/0 None", "403", "403"], (flags, out, p.err)
        assert narrow == ["200 /ok/0 None", "403", "403"], (flags, out, p.err)
        assert not [x for x in direct if x.startswith("200")], (flags, out)
        env = [dict(x.split("=", 1) for x in p.read(f).splitlines() if "=" in x) for f in ("agent", "tool")]
        assert env[0]["HTTP_PROXY"] != env[1]["HTTP_PROXY"] and "nono:" in env[1]["HTTP_PROXY"], env
        assert env[0]["SSL_CERT_FILE"] != env[1]["SSL_CERT_FILE"], env
        assert p.read("tool").splitlines()[-1].isdigit(), p.read("tool")
        assert "localhost:%d" % other.port in p.nono("audit", "show", p.json("ps", "--all")[0]["session_id"], "--denied")
        sid = p.json("ps", "--all")[0]["session_id"]
        d = os.path.join(p.base, "run", "nono", sid)
        assert not os.path.exists(d), os.listdir(d)
    assert len(other.seen) == 0 and len(agents.seen) == 2 and len(mine.seen) == 4, (other.seen, agents.seen, mine.seen)
    events = p.events(sid, "network")
    assert any(str(mine.port) in json.dumps(e) and "deny" not in json.dumps(e) for e in events), events


def stolen_token(p):
    """The agent, with a tool's proxy address and token, gets no further than its own network."""
    mine = web()
    p.write(os.path.join(p.outside, "get.py"), GET)
    t = Tools(p, {"tell": "env | grep ^HTTP_PROXY > $1; sleep 3"}, {"tell": {"sandbox": {
        "fs_write": ["$WORKDIR"], "network": {"allow_domain": ["localhost:%d" % mine.port]}}}})
    for flags in ([], ["--namespaces", "off"]):
        out = t.run("rm -f told; tell told & while ! [ -s told ]; do sleep 0.1; done; . ./told; export HTTP_PROXY; "
                    "/usr/bin/python3 %s/get.py http://localhost:%d/x; wait" % (p.outside, mine.port),
                    "--read", p.outside, "--allow-domain", "localhost:1", *flags)
        assert not out.startswith("200") and not mine.seen, (flags, out)


def own_ports(p):
    """Ports without names: what is listed can be connected to, and no other."""
    a, b = web(), web()
    p.write(os.path.join(p.outside, "get.py"), GET)
    t = Tools(p, {"fetch": "exec /usr/bin/python3 %s/get.py \"$@\"" % p.outside},
              {"fetch": {"sandbox": {"fs_read": [p.outside], "network": {"tcp_connect_ports": [a.port]}}}})
    out = t.run("fetch '!http://127.0.0.1:%d/x' '!http://127.0.0.1:%d/x'; /usr/bin/python3 %s/get.py '!http://127.0.0.1:%d/x'"
                % (a.port, b.port, p.outside, a.port), "--block-net", "--read", p.outside)
    lines = out.splitlines()
    assert lines[0] == "200 /x None" and not lines[1].startswith("200") and not lines[2].startswith("200"), out
    assert not b.seen and len(a.seen) == 1


def credentials(p):
    """What a tool has and its caller never sees: variables, a file, a socket, and a key that its proxy puts in."""
    api = web()
    p.write(os.path.join(p.outside, "get.py"), GET)
    p.write(os.path.join(p.outside, "token"), "file-secret\n")
    listener = socket.socket(socket.AF_UNIX)
    path = os.path.join(p.outside, "agent.sock")
    listener.bind(path)
    p.own(path)
    listener.listen(8)
    threading.Thread(target=lambda: [listener.accept()[0].sendall(b"from the agent") for _ in range(8)], daemon=True).start()
    p.env.update({"TOOL_TOKEN": "ambient-secret", "API_KEY": "proxy-secret", "MY_SOCK": path})
    use = ("echo ${TOOL_TOKEN:-none} ${RENAMED:-none}; cat $TOKEN_FILE 2>&1; /usr/bin/python3 -c 'import os, socket; s = socket.socket(socket.AF_UNIX); "
           "s.connect(os.environ[\"MY_SOCK\"]); print(s.recv(99).decode())' 2>&1 | tail -1; ")
    call = "AUTH=$API_KEY exec /usr/bin/python3 %s/route.py $APIS_URL/ok/1 $APIS_URL/no/1" % p.outside
    p.write(os.path.join(p.outside, "route.py"), "import os, sys, urllib.request as u, urllib.error\n"
            "print('API_KEY' in os.environ and 'proxy-secret' not in str(os.environ))\n"
            "for url in sys.argv[1:]:\n"
            "    r = u.Request(url, headers={'Authorization': 'Bearer ' + os.environ['AUTH']})\n"
            "    try:\n        print(u.build_opener(u.ProxyHandler({})).open(r, timeout=5).read().decode().strip())\n"
            "    except urllib.error.HTTPError as e:\n        print(e.code)\n")
    t = Tools(p, {"use": use, "call": call, "bare": use, "chained": "echo ran", "outer": "chained; echo $?"},
              {"use": {"sandbox": {"use_credentials": ["token", "renamed", "file", "sock"]}},
               "call": {"sandbox": {"fs_read": [p.outside], "credentials": [
                   {"name": "apis", "endpoint_policy": {"default": "deny", "allow": [{"method": "GET", "path": "/ok/*"}]}}]}},
               "bare": {"sandbox": {}}, "outer": {"sandbox": {}, "can_use": ["chained"]},
               "chained": {"from": {"outer": {"use_credentials": ["file"]}, "session": {"use_credentials": ["unset"]}}}},
              credentials={
                  "token": {"type": "ambient", "env_var": "TOOL_TOKEN"},
                  "renamed": {"type": "ambient", "env_var": "RENAMED", "credential_key": "env://TOOL_TOKEN"},
                  "unset": {"type": "ambient", "env_var": "NOT_SET_AT_ALL"},
                  "file": {"type": "raw-file", "path": p.outside + "/token", "env_var": "TOKEN_FILE"},
                  "sock": {"type": "local-socket", "path": "$MY_SOCK", "mode": "connect", "env_var": "MY_SOCK"},
                  "apis": {"type": "proxy", "upstream": "http://localhost:%d" % api.port, "env_var": "API_KEY",
                           "source": {"type": "keystore", "key": "env://API_KEY"}, "base_url_env_var": "APIS_URL"}})
    out = t.run("use; echo; TOOL_TOKEN=mine use | head -1; bare | head -1; echo ${TOOL_TOKEN:-none} ${API_KEY:-none}; call; "
                "outer; chained; echo $?; cat %s/token 2>/dev/null; env | grep -c secret" % p.outside, code=1)
    want = ["ambient-secret ambient-secret", "file-secret", "from the agent", "", "ambient-secret ambient-secret",
            "none none", "none none", "True", "/ok/1 Bearer proxy-secret", "403", "126", "126", "0"]
    assert out.splitlines() == want, (out, p.err)
    assert "from the session alone" in p.err and "NOT_SET_AT_ALL is not set" in p.err, p.err
    sid = p.json("ps", "--all")[0]["session_id"]
    d = os.path.join(p.env["XDG_STATE_HOME"], "nono", "audit", sid)
    for f in os.listdir(d):
        with open(os.path.join(d, f), "rb") as g:
            text = g.read()
            assert b"ambient-secret" not in text and b"proxy-secret" not in text, f


def programs_for_secrets(p):
    """What prints a secret runs outside: it is not the agent's to change, nor to be put before."""
    path = os.path.join(p.work, "print.sh")
    p.write(path, "#!/bin/sh\nid > %s/escaped\n" % p.outside)
    os.chmod(path, 0o755)
    os.symlink("/bin/true", os.path.join(p.work, "link"))
    profile = os.path.join(p.outside, "p.json")

    def refused(command, tool, where=None):
        if tool:
            it = {"command_policies": {"credentials": {"k": {"type": "proxy", "upstream": "https://a.example", "source": {
                "type": "command", "command": command}}}, "commands": {"id": {"sandbox": {"use_credentials": ["k"]}}}}}
        else:
            it = {"credential_capture": {"c": {"command": command}}, "network": {"credentials": ["a"], "custom_credentials": {
                "a": {"upstream": "https://a.example", "credential_key": "cmd://c"}}}}
        p.write(profile, json.dumps(it))
        r = p.run([p.bin, "run", "--silent", "--profile", profile, "--allow", p.work, "--", "true"],
                  env=dict(p.env, PATH=(where + ":" if where else "") + p.env["PATH"]))
        assert ("can be changed by the program" in r.stderr) == (r.returncode == 1), (command, r.stderr)
        return r.returncode == 1
    for tool in (False, True):
        assert refused([path], tool) and refused(["/bin/sh", path], tool) and refused([os.path.join(p.work, "link")], tool)
        assert refused(["sh", "print.sh"], tool) and refused(["true"], tool, p.work)
        assert not refused(["/bin/cat", path], tool) and not refused(["true"], tool)
    for where in ("security", "command_policies"):
        for command in ([path], ["/bin/sh", path], ["/usr/bin/env", "sh", "print.sh"]):
            it = {"approval_backends": {"x": {"type": "command", "command": command}}}
            p.write(profile, json.dumps({where: it if where == "security" else dict(it, commands={"id": {"sandbox": {}}})}))
            p.nono("run", "--silent", "--profile", profile, "--allow", p.work, "--", "true", code=1)
            assert "approval backend x" in p.err and "can be changed by" in p.err, p.err
    p.write(profile, json.dumps({"network": {"credentials": ["a"], "custom_credentials": {"a": {
        "upstream": "https://a.example", "credential_key": "env://K", "env_var": "LD_PRELOAD=/x.so:"}}}}))
    p.nono("run", "--silent", "--profile", profile, "--", "true", code=2)
    assert "can't be set" in p.err, p.err


def requests_asked(p):
    """Requests of a tool that a person agrees to: asked for by themselves, whatever was said to others; without an answer
    they are refused."""
    api = web()
    p.env["API_KEY"] = "proxy-secret"
    p.write(os.path.join(p.outside, "calls.py"), "import os, sys, urllib.request as u, urllib.error\n"
            "for path in sys.argv[1:]:\n"
            "    r = u.Request(os.environ['APIS_URL'] + path, headers={'Authorization': 'Bearer ' + os.environ['API_KEY']})\n"
            "    try:\n        print(path, u.build_opener(u.ProxyHandler({})).open(r, timeout=30).status, flush=True)\n"
            "    except urllib.error.HTTPError as e:\n        print(path, e.code, e.read().decode().strip(), flush=True)\n")
    call = "exec /usr/bin/python3 %s/calls.py \"$@\"" % p.outside
    use = {"sandbox": {"fs_read": [p.outside], "credentials": [{"name": "apis", "endpoint_policy": {
        "default": {"decision": "approve", "timeout_secs": 1}, "deny": [{"path": "/no/*"}], "allow": [{"path": "/ok/*"}],
        "approve": [{"method": "GET", "path": "/ask/*", "reason": "it costs", "timeout_secs": 30}]}}]}}
    Tools(p, {"call": call, "other": call}, {"call": use, "other": use},
          credentials={"apis": {"type": "proxy", "upstream": "http://localhost:%d" % api.port, "env_var": "API_KEY",
                                "credential_key": "env://API_KEY", "base_url_env_var": "APIS_URL"}})
    p.start("agent", "call /ok/1 /no/1 /none /ask/1 /ask/1 /ask/1; other /ask/1; call /ask/1 /ask/2 /ask/2; echo done; sleep 1000",
            "--profile", "tools")
    r = p.request("agent", "GET localhost:%d/ask/1" % api.port)
    assert (r["kind"], r["method"], r["host"], r["port"], r["route"]) == ("endpoint", "GET", "localhost", api.port, "apis"), r
    assert "command_policies.call, from session" in r["rule"] and r["reason"] == "it costs" and "python3" in r["program"], r
    p.nono("approve", r["id"], "--scope", "always", code=1)
    assert "command_policies" in p.err, p.err
    p.nono("approve", r["id"])
    again = until("the second", lambda: [x for x in p.json("requests") if x["id"] != r["id"]])[0]
    p.nono("approve", again["id"], "--scope", "session")
    other = until("the other tool's", lambda: [x for x in p.json("requests") if "command_policies.other" in x["rule"]])[0]
    p.nono("deny", other["id"], "--scope", "session")
    last = until("the last", lambda: [x for x in p.json("requests") if x["target"].endswith("/ask/2")])[0]
    p.nono("deny", last["id"], "--scope", "session")
    text = p.shows("agent", "^done")
    lines = [x for x in text.splitlines() if x.startswith("/")]
    assert [" ".join(x.split()[:2]) for x in lines] == [
        "/ok/1 200", "/no/1 403", "/none 403", "/ask/1 200", "/ask/1 200", "/ask/1 200", "/ask/1 403", "/ask/1 200",
        "/ask/2 403", "/ask/2 403"], text
    assert [x.split()[0].decode() for x in api.seen] == ["/ok/1"] + ["/ask/1"] * 4, api.seen
    p.nono("stop", "agent")
    events = p.events("agent")
    assert sum("it costs" in json.dumps(e) and "granted" in json.dumps(e).lower() for e in events) >= 2, events


EAT = "exec /usr/bin/python3 -c 'import sys; b = bytearray(int(sys.argv[1]) << 20); print(len(b) >> 20)' \"$@\""
SPAWN = ("exec /usr/bin/python3 -c 'import os, time\nn = 0\ntry:\n  for n in range(30):\n    os.fork() or (time.sleep(2), os._exit(0))\n"
         "except OSError: print(n)\nelse: print(\"all\")'")


def groups(p):
    """Memory and processes of a tool by control groups; where there are none, what an rlimit can hold, or a refusal."""
    t = Tools(p, {"eat": EAT, "strict": EAT, "weak": EAT, "spawn": SPAWN, "few": SPAWN, "wild": SPAWN},
              {"eat": {"sandbox": {"resources": {"memory_bytes": 100 << 20}}},
               "strict": {"sandbox": {"resources": {"memory_bytes": 100 << 20, "backend": "cgroup"}}},
               "weak": {"sandbox": {"resources": {"memory_bytes": 100 << 20, "backend": "portable"}}},
               "spawn": {"sandbox": {"resources": {"max_processes": 10}}},
               "few": {"sandbox": {"resources": {"max_processes": 10, "backend": "portable"}}},
               "wild": {"sandbox": {"resources": {"backend": "cgroup", "memory_bytes": 1 << 30}}}})
    root = p.uid is None and os.geteuid() == 0
    for flags in ([], ["--memory", "600M", "--max-processes", "60"]):
        out = t.run("for x in 'eat 10' 'eat 300' 'strict 10' 'strict 300' 'weak 300' spawn few wild; do $x 2>/dev/null; echo \"$x $?\"; done", *flags) \
            if root or not flags else None
        if out is None:
            continue
        got = out.splitlines()
        lines = {x.rsplit(" ", 1)[0]: int(x.rsplit(" ", 1)[1]) for x in got if " " in x}
        assert lines["weak 300"] != 0 and lines["weak 300"] != 126, out
        if root:
            assert lines["eat 10"] == 0 and lines["strict 10"] == 0 and lines["wild"] == 0, (out, p.err)
            assert lines["eat 300"] == 137 and lines["strict 300"] == 137, (out, p.err)
            assert lines["few"] == 126 and lines["spawn"] == 0, out
            assert got[got.index("spawn 0") - 1] in ("8", "9"), out
        elif lines["strict 10"] == 126:  # no groups are his to make
            assert lines["strict 300"] == 126 and lines["wild"] == 126 and lines["eat 300"] not in (0, 126), out
            assert got[got.index("few 0") - 1] in ("8", "9") and got[got.index("spawn 0") - 1] in ("8", "9"), out
        out = t.run("strict 300; few", *flags, code=126) if root else ""
        if root:
            assert "more than %d bytes of memory" % (100 << 20) in p.err and "control group" in p.err, p.err
        sid = p.json("ps", "--all")[0]["session_id"]
        left = [d for d, _, _ in os.walk("/sys/fs/cgroup") if "nono-" + sid in d]
        assert not left, left


def approved(p):
    Tools(p, {"a": 'echo "ran $*"'},
          {"a": {"from": {"session": {"sandbox": {}, "invocation_policy": {
              "default": {"decision": "approve", "timeout_secs": 30},
              "approve": [{"argv": {"prefix": ["short"]}, "timeout_secs": 1}]}}}}})
    script = ("a 'one two' $(printf 'x\\033[31m'); echo 1-$?; a 'one two'; echo 2-$?; a three; echo 3-$?; a three; "
              "echo 4-$?; a four; echo 5-$?; a four; echo 6-$?; a short; echo 7-$?; sleep 1000")
    p.start("agent", script, "--profile", "tools")
    q = p.request("agent")
    assert q["kind"] == "tool" and q["target"].startswith("a 'one two' ") and "\x1b" not in json.dumps(q), q
    assert "command_policies.a" in q["rule"] and q["origin"] == "tool", q
    p.nono("approve", q["id"], "--scope", "always", code=1)
    p.nono("approve", q["id"])
    assert "ran one two" in p.shows("agent", "^1-0")
    p.nono("deny", p.request("agent", "a 'one two'")["id"])
    p.shows("agent", "^2-126")
    p.nono("approve", p.request("agent", "a three")["id"], "--scope", "session")
    p.shows("agent", "^4-0")
    p.nono("deny", p.request("agent", "a four")["id"], "--scope", "session")
    p.shows("agent", "^6-126")
    p.shows("agent", "^7-126")
    r = p.json("inspect", "agent")
    entries = [e["entry"] for e in p.events("agent", "capability_decision")]
    assert [e["decision"] for e in entries].count("Granted") == 2, entries
    p.nono("stop", "--force", "agent")
    p.nothing_left(r, "stop")


def signals_and_end(p):
    Tools(p, {"waiter": 'trap "echo got int; exit 5" INT; echo waiting; while :; do sleep 0.1; done',
              "stay": "echo staying; sleep 1000"},
          {"waiter": {"sandbox": {}}, "stay": {"sandbox": {}}})
    p.start("agent", "trap : INT; waiter; echo rc $?; stay", "--profile", "tools")
    p.shows("agent", "^waiting")
    p.nono("send", "agent", "--keys", "C-c")
    assert "got int" in p.shows("agent", "^rc 5"), p.nono("capture", "agent")
    p.shows("agent", "^staying")
    r = p.json("inspect", "agent")
    p.nono("stop", "agent")
    p.nothing_left(r, "stop while a tool runs")


def caller_killed(p):
    t = Tools(p, {"stay": "echo staying; sleep 1000"}, {"stay": {"sandbox": {}}})
    out = t.run("stay & sleep 1; kill -9 $!; wait; sleep 4; echo after")
    assert "after" in out
    until("the tool's end", lambda: not p.processes(), 5)


def broker_killed(p):
    Tools(p, {"stay": "echo staying; sleep 1000"}, {"stay": {"sandbox": {}}})
    p.start("agent", "stay", "--profile", "tools")
    p.shows("agent", "^staying")
    os.kill(p.json("inspect", "agent")["supervisor_pid"], signal.SIGKILL)
    until("the end of all", lambda: not p.processes(), 10)


def pipes(p):
    t = Tools(p, {"up": "tr a-z A-Z", "err": "echo to stderr >&2; exit 3"}, {"up": {"sandbox": {}}, "err": {"sandbox": {}}})
    out = t.run("echo abc | up | up; up < /dev/null; err 2>&1; echo $?; yes | head -c 300000 | up | wc -c; exit 9",
                code=9)
    assert out == "ABC\nto stderr\n3\n300000\n", out


def many_at_once(p):
    t = Tools(p, {"a": "sleep 0.2; echo $1"}, {"a": {"sandbox": {}}})
    out = t.run("for i in $(seq 20); do a $i & done; wait")
    assert sorted(out.split()) == sorted(str(i) for i in range(1, 21)), out


def ways_around(p):
    t = Tools(p, {"a": "echo ran; cat ~/.ssh/id_rsa"}, {
        "a": {"from": {"session": {"sandbox": {"fs_read_file": ["~/.ssh/id_rsa"]},
                                   "invocation_policy": {"default": "deny"}}}},
        "hidden": {"executable": "/bin/true", "from": {"a": {}}}})
    script = """
    {dir}/a; echo 1 $?
    sh {dir}/a 2>/dev/null | grep -v TOP; echo 2 $?
    cp {dir}/a mine; ./mine 2>/dev/null; echo 3 $?
    ln -s $NONO_TOOL_SANDBOX_SHIM_DIR/a other; ./other 2>/dev/null; echo 4 $?
    (cd $NONO_TOOL_SANDBOX_SHIM_DIR && ./a 2>/dev/null); echo 5 $?
    touch $NONO_TOOL_SANDBOX_SHIM_DIR/x 2>/dev/null; echo 6 $?
    rm -f $NONO_TOOL_SANDBOX_SHIM_DIR/a 2>/dev/null; echo 7 $?
    PATH=/usr/bin:{dir} a 2>/dev/null; echo 8 $?
    NONO_TOOL_SANDBOX_SOCKET=/nowhere a; echo 9 $?
    /bin/true; echo 10 $?
    """.format(dir=t.dir)
    out = t.run(script, "--read", t.dir)
    assert SECRET not in out, out
    got = dict(x.split() for x in out.splitlines() if len(x.split()) == 2)
    for n, want in {"1": "126", "5": "126", "8": "126", "9": "126", "10": "126"}.items():
        assert got[n] == want, (n, out)
    assert got["6"] != "0", out
    assert "ran" in out  # the copy runs, with the agent's own rights
    assert "can't be reached" in p.err, p.err
    # /bin/true belongs to "hidden": not the agent's to execute.
    assert p.nono("run", "--silent", "--profile", "tools", "--", "/bin/true", code=1) == ""
    assert "command_policies" in p.err, p.err


FORGED = r"""
import array, os, socket, struct, sys
path = os.environ["NONO_TOOL_SANDBOX_SOCKET"]
MAGIC = 0x6c6f6f74
def call(header, strings, fds=(0, 1, 2), cut=False, note=b""):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(8)
    s.connect(path)
    try:
        s.sendmsg([header], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
        if strings:
            s.sendall(strings)
        if cut:
            s.shutdown(socket.SHUT_WR)
        if note:
            s.sendall(note)
        got = b""
        while True:
            d = s.recv(4096)
            if not d:
                break
            got += d
        return got
    except OSError as e:
        return b"" if not isinstance(e, socket.timeout) else b"TIMEOUT"
def head(argc, envc, n, magic=MAGIC):
    return struct.pack("<IIII", magic, argc, envc, n) + bytes(56)
def code(r):
    return struct.unpack("<i", r[4:8])[0] if len(r) >= 8 else None
good = b"a\0/\0x\0"
print("good", code(call(head(1, 0, len(good)), good)))
d = os.open("/usr", os.O_RDONLY)
bad = {
    "magic": call(head(1, 0, len(good), 1), good),
    "huge": call(head(1, 0, 0xffffffff), good),
    "counts": call(head(0xffffffff, 0xffffffff, len(good)), good),
    "short": call(head(5, 5, len(good)), good),
    "rest": call(head(0, 0, len(good)), good),
    "no nul": call(head(1, 0, 4), b"a\0/x"),
    "no fds": call(head(1, 0, len(good)), good, fds=()),
    "few fds": call(head(1, 0, len(good)), good, fds=(0, 1)),
    "directory": call(head(1, 0, len(good)), good, fds=(0, 1, d)),
    "cut": call(head(1, 0, 100), good, cut=True),
}
for name, r in bad.items():
    print(name, code(r), len(r))
for name in (b"session", b"..", b"/bin/sh", b"b\n\x1b[31m", b"x" * 5000, b""):
    s = name + b"\0/\0"
    r = call(head(0, 0, len(s)), s)
    print("name", code(r), b"\x1b" in r, b"\n" in r[24:-1])
r = call(head(0, 0, 5), b"a\0x/\0")
print("relative", code(r))
"""


def forged(p):
    t = Tools(p, {"a": "echo ran"}, {"a": {"sandbox": {}}})
    p.write("forge.py", FORGED)
    out = t.run("/usr/bin/python3 forge.py; a; echo $?")
    lines = out.splitlines()
    assert lines[-2:] == ["ran", "0"], out
    assert "good 0" in lines, out
    for name in ("magic", "huge", "counts", "short", "rest", "no nul", "no fds", "few fds", "directory", "cut"):
        assert name + " None 0" in lines, (name, out)
    assert lines.count("name 126 False False") == 6, out
    assert "relative 126" in lines, out


def outside_asks(p):
    """A program of the same user that is in no session's tree."""
    Tools(p, {"a": "echo ran"}, {"a": {"sandbox": {}}})
    p.start("agent", "sleep 1000", "--profile", "tools")
    sid = p.json("inspect", "agent")["session_id"]
    d = os.path.join(p.base, "run", "nono", sid)
    p.write("forge.py", FORGED)
    r = p.run(["python3", "forge.py"], env={"NONO_TOOL_SANDBOX_SOCKET": d + "/tools.sock"})
    assert "good None" in r.stdout and "126" not in r.stdout and "good 0" not in r.stdout, r.stdout + r.stderr
    p.nono("stop", "--force", "agent")


def no_way_out_of_a_tool(p):
    probe = ("kill -0 $(cat ~/work/pid) 2>/dev/null && echo signalled; touch ~/work/x 2>/dev/null && echo wrote; "
             "cat ~/work/file 2>/dev/null; cat /proc/1/environ 2>/dev/null | tr '\\0' '\\n' | grep -c NONO_TEST; "
             "cat /proc/*/environ 2>/dev/null | grep -c ONLY_AGENT; "
             "cat <&0 2>/dev/null | head -c 0; ls /proc/self/fd | wc -l; "
             "nono ps >/dev/null 2>&1; nono stop agent 2>/dev/null; echo done")
    t = Tools(p, {"a": probe}, {"a": {"sandbox": {}}})
    out = t.run("export ONLY_AGENT=1; echo $$ > pid; echo content > file; exec 7< file; a < /dev/null")
    assert "signalled" not in out and "wrote" not in out and "content" not in out, out
    lines = out.split()
    assert lines[-1] == "done" and lines[-2] == "4" and "1" not in lines[:-2], out


def descriptors(p):
    """What is handed in is the program's stdio, and no more: a folder's descriptor opens nothing."""
    t = Tools(p, {"a": "cat; echo to 1; echo to 2 >&2"}, {"a": {"sandbox": {}}})
    out = t.run("echo in > in; a < in > out 2> err; cat out err; a <&- >&-; echo closed $?; a < . 2>&1; echo $?")
    assert out.startswith("in\nto 1\nto 2\n"), out
    assert out.splitlines()[-1] == "126", out


def cwd(p):
    t = Tools(p, {"a": "pwd; ls >/dev/null 2>&1; echo $?; cat f 2>/dev/null"}, {"a": {"sandbox": {}}})
    out = t.run("mkdir -p d; echo x > d/f; cd d; a; cd /; a; mkdir $TMPDIR/q; cd $TMPDIR/q; a 2>&1; echo $?")
    lines = out.splitlines()
    assert lines[0] == p.work + "/d" and lines[1] != "0" and lines[2] == "/", out
    assert "x" not in lines, out


def bad_profiles(p):
    Tools(p, {}, {"nowhere": {"sandbox": {}}, "mine": {"executable": os.path.join(p.work, "mine"), "sandbox": {}}})
    p.write("mine", "#!/bin/sh\n")
    os.chmod(os.path.join(p.work, "mine"), 0o755)
    out = p.nono("run", "--allow", p.work, "--profile", "tools", "--", "/bin/sh", "-c",
                 "nowhere; echo $?; mine; echo $?")
    assert out == "126\n126\n", out
    assert "changed by the agent" in p.err and "can be found" in p.err, p.err
    p.nono("wrap", "--allow", p.work, "--profile", "tools", "--", "/bin/true", code=1)
    assert "nono run" in p.err, p.err
    path = os.path.join(p.home, ".config/nono/profiles/tools.json")
    p.write(path, '{"command_policies": {"commands": {"a": {"sandbox": {"fs_raed": []}}}}}')
    p.nono("run", "--profile", "tools", "--", "/bin/true", code=1)
    assert "tools.json:1:" in p.err and "fs_raed" in p.err, p.err


if __name__ == "__main__":
    nonolib.main([own_grants, workspace_needs_a_grant, refused, why, intercepted,
                  captured, in_its_place, action_after_policy, limits, nobody_reads, environment, no_files_by_environment,
                  tools_change_tools, links_of_the_workspace, links_of_the_agent, sender_gone, told, callers, network, own_hosts, stolen_token, own_ports, credentials, requests_asked, programs_for_secrets, groups,
                  approved, signals_and_end, caller_killed, broker_killed, pipes, many_at_once, ways_around, forged,
                  outside_asks, no_way_out_of_a_tool, descriptors, cwd, bad_profiles])
