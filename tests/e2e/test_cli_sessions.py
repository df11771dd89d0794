#!/usr/bin/env python3
"""Sessions from scripts: ps, inspect, wait, capture, send, stop, prune, logs, events, requests.
Runs as whoever starts it and, started by root, as an ordinary user too."""
import json
import os
import re
import select
import signal
import time

from clienv import main, until

# ---- sessions ----------------------------------------------------------------------------------

RECORD = {"session_id": str, "name": str, "supervisor_pid": int, "child_pid": int, "started": str,
          "started_epoch": int, "status": str, "attachment": str, "exit_code": (int, type(None)),
          "command": list, "profile": (str, type(None)), "workdir": str, "network": str,
          "rollback_session": type(None)}


def check_record(r, **want):
    for key, kind in RECORD.items():
        assert isinstance(r[key], kind), (key, r[key])
    assert re.fullmatch("[0-9a-f]{16}", r["session_id"])
    for key, v in want.items():
        assert r[key] == v, (key, r[key], v)


def background(c):
    out = c.nono("run", "--detached", "--name", "bg", "--size", "60x12", "--allow", ".",
                 "--block-net", "--",
                 "sh", "-c",
                 "echo hello from inside; while read line; do echo \"got <$line>\"; done; exit 6")
    sid = out.strip()
    assert re.fullmatch("[0-9a-f]{16}", sid) and "nono attach bg" in c.err, (out, c.err)
    text = c.nono("ps", "--json")
    assert text.startswith('[\n  {\n    "session_id": "%s"' % sid), text
    check_record(json.loads(text)[0], session_id=sid, name="bg", status="running",
                 attachment="detached",
                 exit_code=None, profile=None, workdir=c.work, network="blocked")
    one = json.loads(c.nono("inspect", sid[:6], "--json"))
    check_record(one, session_id=sid)
    assert one["state"]["activity"] in ("starting", "working", "waiting", "idle"), one
    text = c.nono("inspect", "bg")
    for word in ("Session:", "Name:", "Status:", "Attached:", "PID:        %d (supervisor: %d)" %
                 (one["child_pid"], one["supervisor_pid"]), "Started:", "Command:", "Profile:",
                 "Workdir:",
                 "Network:    blocked"):
        assert word in text, (word, text)
    table = c.nono("ps", env={"COLUMNS": "90"}).splitlines()
    assert table[0].split() == "SESSION NAME STATUS ATTACH PID UPTIME PROFILE COMMAND".split(), \
    table
    assert table[1].startswith(sid) and len(table[1]) <= 90, table
    c.nono("run", "--detached", "--name", "bg", "--", "true", code=1)
    assert "bg" in c.err

    c.await_output("bg", "hello from [a-z]+")
    c.nono("wait", "bg", "--until", "blocked", "--timeout", "20")
    c.nono("wait", "bg", "--until", "idle", "--timeout", "20")
    c.nono("wait", "bg", "--until", "output=never", "--timeout", "1", code=1)
    assert "timed out" in c.err
    c.nono("wait", "bg", "--timeout", "1", code=1)
    c.nono("send", "bg", "--enter", "two", "words")
    c.await_output("bg", "^got <two words>$")
    c.nono("send", "bg", "--keys", "a", "Space", "b", "BSpace", "c", "Enter")
    c.await_output("bg", "^got <a c>$")
    c.nono("send", "bg", "--enter", "--", "-dash")
    c.await_output("bg", "got <-dash>")
    screen = c.nono("capture", "bg")
    assert len(screen.splitlines()) == 12 and "got <two words>" in screen, screen
    shot = json.loads(c.nono("capture", "bg", "--json"))
    assert shot["session_id"] == sid and (shot["cols"], shot["rows"]) == (60, 12), shot
    assert len(shot["lines"]) == 12 and "hello from inside" in shot["lines"][0], shot
    assert set(shot["cursor"]) == {"x", "y", "visible"} and shot["scrollback"] == [], shot

    c.nono("send", "bg", "--keys", "C-d")
    c.nono("wait", "bg", "--timeout", "20")
    r = c.inspect("bg")
    check_record(r, status="exited", exit_code=6)
    assert r["state"] is None or r["state"]["activity"] == "exited", r
    assert json.loads(c.nono("ps", "--json")) == []
    assert "exited(6)" in c.nono("ps", "--all")
    c.nono("wait", "bg", "--until", "idle", code=1)
    c.nono("attach", "bg")
    assert "exit code 6" in c.err
    c.nono("stop", "bg")
    assert "ended already" in c.err
    c.nono("audit", "verify", sid)


def scrollback_and_colours(c):
    c.start("long", "--size", "40x10",
            script="seq 1 5000; printf '\\033[1;31mred\\033[0m end\\n'; sleep 1000")
    # Long gone from the screen.
    c.await_output("long", "^17$")
    c.await_output("long", "red end")
    lines = c.nono("capture", "long", "--scrollback", "4500").splitlines()
    assert len(lines) == 4510, len(lines)
    first = int(lines[0])
    assert lines[:4500] == [str(n) for n in range(first, first + 4500)]
    assert "5000" in lines and "red end" in lines
    assert "\x1b[" in c.nono("capture", "long", "--ansi")
    assert "\x1b" not in c.nono("capture", "long")
    shot = json.loads(c.nono("capture", "long", "--json", "--scrollback", "3"))
    assert len(shot["scrollback"]) == 3 and shot["scrollback_lines"] > 4900, shot
    c.nono("stop", "long")


def stop_and_prune(c):
    c.start("stubborn", script="trap '' TERM HUP INT; echo up; while :; do sleep 0.1; done")
    c.await_output("stubborn", "up")
    begin = time.monotonic()
    c.nono("stop", "stubborn", "--timeout", "1")
    assert 0.8 < time.monotonic() - begin < 8, "%.1f s" % (time.monotonic() - begin)
    assert "Stopped session stubborn" in c.err
    assert c.inspect("stubborn")["status"] == "exited"
    c.start("soft", script="exec sleep 1000")
    begin = time.monotonic()
    c.nono("stop", "--force", "soft")
    assert time.monotonic() - begin < 3
    # A supervisor that is stopped itself does not hold the command up.
    c.start("frozen", script="exec sleep 1000")
    r = c.inspect("frozen")
    os.kill(r["supervisor_pid"], signal.SIGSTOP)
    until("paused", lambda: [x for x in json.loads(c.nono("ps", "--json"))
                             if x["status"] == "paused"])
    c.nono("send", "frozen", "x", code=1)
    c.nono("stop", "--force", "frozen")
    assert c.inspect("frozen")["status"] == "exited"

    assert c.nono("prune", "--dry-run") == "3 records would be removed\n"
    assert len(json.loads(c.nono("ps", "--all", "--json"))) == 3
    c.nono("prune", "--keep", "2")
    assert [x["name"] for x in json.loads(c.nono("ps", "--all", "--json"))] == ["frozen", "soft"]
    c.nono("prune", "--older-than", "1")
    assert len(json.loads(c.nono("ps", "--all", "--json"))) == 2
    c.nono("session", "cleanup")
    assert json.loads(c.nono("ps", "--all", "--json")) == []
    assert len(json.loads(c.nono("audit", "list", "--json"))) >= 3, "audit logs stay"


def inside(c):
    """What decides over others does not work from inside."""
    for args in (["stop", "x"], ["attach"], ["detach", "x"], ["prune"], ["approve", "x"], ["deny",
                                                                                           "x"],
                 ["send", "x", "y"]):
        c.nono(*args, env={"NONO_CAP_FILE": "/tmp/some-file"}, code=1)
        assert "inside a sandbox" in c.err, (args, c.err)


# ---- records -----------------------------------------------------------------------------------

def logs(c):
    c.start("log", "--allow", ".",
            script="echo a > one; cat /etc/hostname; read x; echo b > two; mkdir dir; exit 2")
    follow = c.popen("logs", "-f", "--json", "log")
    c.nono("wait", "log", "--until", "blocked", "--timeout", "20")
    first = [json.loads(line) for line in c.nono("logs", "log", "--json").splitlines()]
    assert first[0]["type"] == "session_started" and first[1]["type"] == "sandbox_runtime", \
    first[:2]
    assert any(e.get("target", "").endswith("/work/one") for e in first), first
    assert len(c.nono("logs", "log", "--json", "--tail", "3").splitlines()) == 3
    assert c.nono("logs", "log", "--tail", "0") == ""
    time.sleep(0.2)
    c.nono("send", "log", "--keys", "Enter")
    out, err = follow.communicate(timeout=30)
    assert follow.returncode == 0 and not err, (follow.returncode, err)
    events = [json.loads(line) for line in out.decode().splitlines()]
    assert events[0]["type"] == "session_started" and events[-1]["type"] == "session_ended", \
    events[-1]
    assert events[-1]["exit_code"] == 2
    assert any(e.get("op") == "mkdir" and e["target"].endswith("/work/dir") for e in events)
    sid = c.inspect("log")["session_id"]
    assert out.decode() == c.nono("logs", sid[:8], "--json"), "live and afterwards differ"
    text = c.nono("logs", "log")
    assert len(text.splitlines()) == len(events) and "/work/two" in text
    c.nono("prune")
    assert out.decode() == c.nono("logs", sid, "--json"), "the log outlives the record"
    c.nono("run", "-s", "--no-audit", "--name", "silent", "--", "true")
    assert c.nono("logs", "silent") == "" and "--no-audit" in c.err
    # The reader of a pipe goes away.
    c.start("busy", script="while :; do cat /etc/hostname; done")
    p = c.popen("logs", "-f", "busy")
    p.stdout.readline()
    p.stdout.close()
    assert p.wait(timeout=20) != 1 or not p.stderr.read()
    p.stderr.close()
    c.nono("stop", "--force", "busy")


def follow_killed(c):
    """logs -f ends too when the supervisor was killed."""
    c.start("victim", script="exec sleep 1000")
    r = c.inspect("victim")
    p = c.popen("logs", "-f", "--json", "victim")
    assert b"session_started" in p.stdout.readline()
    os.kill(r["supervisor_pid"], signal.SIGKILL)
    out, _ = p.communicate(timeout=20)
    last = json.loads(out.decode().splitlines()[-1])
    assert last["type"] == "session_ended" and last["exit_code"] == -1, last
    c.nono("audit", "verify", r["session_id"])


class Stream:
    def __init__(self, p):
        self.p, self.lines, self.rest = p, [], b""

    def find(self, what, f, timeout=20):
        end = time.monotonic() + timeout
        while True:
            for line in self.lines:
                if f(line):
                    return line
            assert time.monotonic() < end, "%s: not in %r" % (what, self.lines[-20:])
            if select.select([self.p.stdout], [], [], 0.1)[0]:
                data = os.read(self.p.stdout.fileno(), 65536)
                assert data, "%s: the stream ended: %r" % (what, self.p.stderr.read())
                self.rest += data
                *whole, self.rest = self.rest.split(b"\n")
                self.lines += [json.loads(x) for x in whole]


def events(c):
    c.start("one", "--allow", ".",
            script="cat /etc/hostname; while read x; do echo $x > \"$x\"; done")
    c.nono("wait", "one", "--until", "blocked", "--timeout", "20")
    s = Stream(c.popen("events", "--follow"))
    s.find("status of one", lambda e: e["session_name"] == "one" and e["event"]["type"] == "status")
    assert not any(e["event"]["type"] == "session_started" for e in s.lines), "not from now on"
    c.start("two", script="cat /etc/hostname; exit 3")
    s.find("start of two",
           lambda e: e["session_name"] == "two" and e["event"]["type"] == "session_started")
    c.nono("send", "one", "--enter", "file1")
    e = s.find("an open of one", lambda e: e["session_name"] == "one" and
               e["event"].get("target", "").endswith("/work/file1"))
    assert set(e) == {"session_id", "session_name", "sequence",
                      "event"} and len(e["session_id"]) == 16
    e = s.find("end of two",
               lambda e: e["session_name"] == "two" and e["event"]["type"] == "session_ended")
    assert e["event"]["exit_code"] == 3
    c.nono("stop", "one")
    s.find("end of one",
           lambda e: e["session_name"] == "one" and e["event"]["type"] == "session_ended")
    s.p.kill()
    s.p.communicate()
    assert c.nono("events") == ""
    old = [json.loads(line) for line in c.nono("events", "--all").splitlines()]
    assert {e["session_name"] for e in old} == {"one", "two"}
    assert [e["sequence"] for e in old if e["session_name"] == "two"] == \
        list(range(sum(e["session_name"] == "two" for e in old)))


# ---- requests ----------------------------------------------------------------------------------

def requests(c):
    secret = os.path.join(c.base, "outside", "secret")

    def write():
        with open(secret, "w") as f:
            f.write("the secret\n")
    c.as_user(write)
    assert json.loads(c.nono("requests", "--json")) == []
    c.start("asks", "--capability-elevation", "--allow", ".",
            script="for i in 1 2 3 4; do cat %s; echo \"done $i\"; done; read x" % secret)

    def only():
        r = json.loads(c.nono("requests", "--json"))
        return r[0] if r else None
    stream = Stream(c.popen("events", "-f"))
    c.nono("wait", "asks", "--until", "blocked", "--timeout", "20")
    r = until("a request", only)
    assert r["target"] == secret and r["kind"] == "read" and r["session_name"] == "asks", r
    assert r["program"].endswith("/cat") and r["deadline_ns"], r
    text = c.nono("requests")
    assert r["id"] in text and secret in text, text
    c.nono("approve", "zzz", code=1)
    stream.find("status", lambda e: e["event"].get("activity") == "asks")
    c.nono("deny", r["id"])
    assert "Denied once: read %s (session asks)" % secret in c.err, c.err
    c.await_output("asks", "done 1")
    assert "the secret" not in c.nono("capture", "asks")
    r = until("the second request", only)
    c.nono("approve", r["id"][:8])
    c.await_output("asks", "done 2")
    assert c.nono("capture", "asks").count("the secret") == 1
    r = until("the third request", only)
    c.nono("approve", r["id"], "--scope", "session", "--session", "asks")
    c.await_output("asks", "done 4")
    assert c.nono("capture", "asks").count("the secret") == 3
    c.nono("approve", r["id"], code=1)
    stream.find("the answer",
                lambda e: e["event"]["type"] == "answered" and e["event"]["state"] == "granted")
    stream.p.kill()
    stream.p.communicate()
    c.nono("stop", "asks")
    log = c.nono("logs", "asks", "--json")
    assert log.count('"capability_decision"') >= 3, log


def request_inside(c):
    # A leak checker stops its own threads by ptrace, which takes its time.
    target = os.path.join(c.base, "outside")
    c.start("polite", "--capability-elevation", "--read-file", c.path, "--allow", ".",
            script="ASAN_OPTIONS=detect_leaks=0 %s request --read %s --reason 'to look'; "
                   "echo \"answer $?\"; read x" % (c.path, target))
    r = until("a request", lambda: json.loads(c.nono("requests", "--json")))[0]
    assert r["origin"] == "request" and r["reason"] == "to look" and r["target"] == target, r
    c.nono("approve", r["id"], "--scope", "session")
    c.await_output("polite", "answer 0")
    c.nono("stop", "polite")
    c.nono("request", "--read", "/etc", code=1)
    assert c.err.startswith("nono: "), c.err


main([background, scrollback_and_colours, stop_and_prune, inside, logs, follow_killed, events,
      requests, request_inside])
