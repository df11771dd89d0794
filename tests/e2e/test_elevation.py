#!/usr/bin/env python3
"""Requests: a refused call waits for an answer, and goes on as it was answered; scopes; the log."""
import json
import os
import time

import nonolib
from nonolib import SECRET, until

ASK = "--capability-elevation"


def decisions(p, what, target):
    out = []
    for e in p.events(what, "capability_decision"):
        if e["entry"]["request"]["path"] == target:
            out.append(e["entry"]["decision"])
    return out


def deny_then_approve(p):
    r = p.start("agent", "for i in 1 2; do cat ~/.ssh/id_rsa; echo \"exit $?.\"; done; sleep 1000", ASK)
    q = p.request("agent")
    assert q["target"] == p.key and q["kind"] == "read" and q["origin"] == "call", q
    assert q["group"] and q["program"].endswith("/cat") and q["session_name"] == "agent", q
    assert SECRET not in p.nono("capture", "agent")
    p.nono("deny", q["id"][:6])
    text = p.shows("agent", "^exit 1\\.")
    assert "Permission denied" in text and SECRET not in text, text
    again = p.request("agent")
    assert again["id"] != q["id"]
    p.nono("approve", again["id"])
    assert SECRET in p.shows("agent", "^exit 0\\.")
    assert p.json("requests") == []
    p.nono("approve", again["id"], code=1)
    found = decisions(p, "agent", p.key)
    assert len(found) == 2 and "Denied" in found[0] and found[1] == "Granted", found
    p.nono("stop", "--force", "agent")
    p.nothing_left(r, "stop")


def once_is_once(p):
    p.start("agent", "cat ~/.ssh/id_rsa; cat ~/.ssh/id_rsa; echo end; sleep 1000", ASK)
    p.nono("approve", p.request("agent")["id"], "--scope", "once")
    q = p.request("agent")
    p.nono("deny", q["id"])
    assert p.shows("agent", "^end").count(SECRET) == 1
    p.nono("stop", "--force", "agent")


def session_scope(p):
    script = "read x; cat ~/.ssh/id_rsa; cat ~/.ssh/id_rsa; echo \"end $?.\"; read x"
    p.start("yes", script, ASK)
    p.start("no", script, ASK)
    p.nono("send", "yes", "--keys", "Enter")
    p.nono("approve", p.request("yes")["id"], "--scope", "session")
    assert p.shows("yes", "^end 0").count(SECRET) == 2
    # It is this session's alone.
    p.nono("send", "no", "--keys", "Enter")
    p.nono("deny", p.request("no")["id"], "--scope", "session")
    text = p.shows("no", "^end 1")
    assert SECRET not in text and text.count("Permission denied") == 2, text
    for name in ("yes", "no"):
        p.nono("stop", "--force", name)


def always(p):
    """Written to a profile of the user's own, shown first; the next session needs no question."""
    target = p.write(os.path.join(p.outside, "notes"), "the notes\n")
    p.start("agent", "cat %s; echo end; sleep 1000" % target, ASK)
    p.nono("approve", p.request("agent")["id"], "--scope", "always")
    assert "+" in p.err and target in p.err, p.err
    assert "the notes" in p.shows("agent", "^end")
    profiles = os.path.join(p.home, ".config", "nono", "profiles")
    files = os.listdir(profiles)
    assert len(files) == 1, files
    text = p.read(os.path.join(profiles, files[0]))
    assert target in text, text
    p.nono("stop", "--force", "agent")
    name = files[0].rsplit(".", 1)[0]
    assert "the notes" in p.inside("cat " + target, "--profile", name)
    p.inside("cat ~/.ssh/id_rsa", "--profile", name, code=1)


def always_in_toml(p):
    """A profile of the user's own in another syntax than JSON gets the rule itself."""
    target = p.write(os.path.join(p.outside, "notes"), "the notes\n")
    profiles = os.path.join(p.home, ".config", "nono", "profiles")
    for d in (".config", ".config/nono", ".config/nono/profiles"):
        p.mkdir(os.path.join(p.home, d))
    path = p.write(os.path.join(profiles, "mine.toml"), '[meta]\nname = "mine" # mine\n')
    p.start("agent", "cat %s; echo end; sleep 1000" % target, ASK, "--profile", "mine")
    p.nono("approve", p.request("agent")["id"], "--scope", "always")
    assert "the notes" in p.shows("agent", "^end")
    p.nono("stop", "--force", "agent")
    assert os.listdir(profiles) == ["mine.toml"], os.listdir(profiles)
    text = p.read(path)
    assert text.startswith('[meta]\nname = "mine" # mine\n') and '"%s"' % target in text, text
    assert "the notes" in p.inside("cat " + target, "--profile", "mine")


def kinds(p):
    """Every family of calls becomes a request and is carried out as granted."""
    p.write(os.path.join(p.outside, "old"), "old\n")
    # words of the shell, kind of the request, what must hold afterwards
    steps = [("echo new > $D/made", "create", lambda: p.read(p.outside + "/made") == "new\n"),
             ("echo more >> $D/old", "write", lambda: p.read(p.outside + "/old") == "old\nmore\n"),
             ("mkdir $D/dir", "create", lambda: os.path.isdir(p.outside + "/dir")),
             ("mv $D/made $D/moved", "rename", lambda: p.read(p.outside + "/moved") == "new\n"),
             ("ln -s target $D/link", "create", lambda: os.readlink(p.outside + "/link") == "target"),
             ("ln $D/moved $D/hard", None, lambda: os.stat(p.outside + "/hard").st_nlink == 2),
             ("chmod 600 $D/moved", "write", lambda: os.stat(p.outside + "/moved").st_mode & 0o777 == 0o600),
             ("truncate -s 2 $D/moved", "write", lambda: p.read(p.outside + "/moved") == "ne"),
             ("rm -f $D/moved", "delete", lambda: not os.path.exists(p.outside + "/moved"))]
    p.start("agent", "D=%s; n=0; while read line; do n=$((n+1)); eval \"$line\"; echo \"exit $? of $n.\"; done" %
            p.outside, ASK)
    for number, (words, kind, holds) in enumerate(steps, 1):
        p.nono("send", "agent", "--enter", "--", words)

        def done():
            if "exit" in p.nono("capture", "agent", "--scrollback", "200") and \
                    " of %d." % number in p.nono("capture", "agent", "--scrollback", "200"):
                return True
            for q in p.json("requests", "agent"):
                assert kind is None or q["kind"] == kind or q["kind"] in ("read", "write"), (words, q)
                p.nono("approve", q["id"], code=None)
            return False
        until(words, done, 30)
        text = p.nono("capture", "agent", "--scrollback", "200")
        # What refused it stands in the log: a rule, an answer, or an errno of the call itself.
        assert "exit 0 of %d." % number in text, (words, text, [e for e in p.events("agent")[-8:]])
        assert holds(), words
    p.nono("stop", "--force", "agent")


def denied_changes(p):
    """And as denied: nothing has changed."""
    p.write(os.path.join(p.outside, "old"), "old\n")
    before = os.stat(p.outside + "/old")
    p.start("agent", "D=%s; echo x > $D/new; echo x >> $D/old; mkdir $D/dir; mv $D/old $D/b; rm -f $D/old; "
            "ln -s x $D/l; chmod 777 $D/old; echo end; sleep 1000" % p.outside, ASK)

    # One at a time: the next call comes after the answer.
    def done():
        for q in p.json("requests", "agent"):
            p.nono("deny", q["id"], code=None)
        return "end" in p.nono("capture", "agent").splitlines()
    until("the end of the script", done, 30)
    assert os.listdir(p.outside) == ["old"] and p.read(p.outside + "/old") == "old\n"
    now = os.stat(p.outside + "/old")
    assert (now.st_mode, now.st_mtime_ns, now.st_ino) == (before.st_mode, before.st_mtime_ns, before.st_ino)
    p.nono("stop", "--force", "agent")


def missing_stays_missing(p):
    """What does not exist is ENOENT, asked or not; nobody is bothered."""
    for flags in ((), (ASK,)):
        out = p.inside("cat %s/nothing 2>&1; cat ~/.ssh/nothing 2>&1; cat nothing 2>&1; true" % p.outside, *flags)
        lines = out.strip().split("\n")
        assert len(lines) == 3 and "No such file" in lines[0] and "No such file" in lines[2], out
        assert "No such file" in lines[1] or "Permission denied" in lines[1], out


def no_elevation(p):
    """Without it a denial is an error at once, no request."""
    begin = time.monotonic()
    out = p.inside("cat ~/.ssh/id_rsa 2>&1; echo \"exit $?.\"")
    assert "Permission denied" in out and "exit 1." in out and SECRET not in out, out
    assert time.monotonic() - begin < 5 * nonolib.SLOW
    sid = p.json("ps", "--all")[0]["session_id"]
    denied = [e for e in p.events(sid, "open") if e["decision"] == "denied"]
    assert [e["target"] for e in denied] == [p.key], denied


def request_inside(p):
    p.start("agent", "%s request --read ~/.ssh/id_rsa --reason 'the deploy step'; echo \"one $?.\"; "
            "%s request --read %s --json; echo \"two $?.\"; cat ~/.ssh/id_rsa; sleep 1000" %
            (p.inner, p.inner, p.key), ASK, "--read-file", p.bin)
    q = p.request("agent")
    assert q["origin"] == "request" and q["reason"] == "the deploy step" and q["target"] == p.key, q
    p.nono("deny", q["id"])
    text = p.shows("agent", "^one [0-9]")
    assert "one 1." in text, text
    p.nono("approve", p.request("agent")["id"], "--scope", "session")
    p.shows("agent", "^two 0")
    p.shows("agent", SECRET)
    p.nono("stop", "--force", "agent")
    # A hostile reason is shown, not obeyed.
    p.start("liar", "%s request --read ~/.ssh/id_rsa --reason \"$(printf 'ok\\033[2J\\n\\342\\200\\256gpj')\"; "
            "echo end; sleep 1000" % p.inner, ASK, "--read-file", p.bin)
    q = p.request("liar")
    text = p.nono("requests")
    assert "\x1b" not in text and "\u202e" not in text, repr(text)
    p.nono("deny", q["id"])
    p.nono("stop", "--force", "liar")
    # Outside, and where nobody may ask, it says so.
    p.nono("request", "--read", "/etc", code=1)
    out = p.inside("%s request --read ~/.ssh/id_rsa 2>&1; echo \"exit $?.\"" % p.inner, "--read-file", p.bin)
    assert "exit 1." in out and "--capability-elevation" in out, out


def never_its_own_state(p):
    """No request reaches a person for nono's own files, and none is granted."""
    p.write(os.path.join(p.home, "x"), "")
    out = p.inside("cat %s/nono/audit/ledger.ndjson 2>&1; ls %s/nono 2>&1; %s request --read %s/nono 2>&1; "
                   "echo \"exit $?.\"" % ((p.base + "/state", p.base + "/run", p.inner, p.base + "/state")),
                   ASK, "--read-file", p.bin)
    assert "exit 1." in out and "session_digest" not in out, out
    sid = p.json("ps", "--all")[0]["session_id"]
    assert not [e for e in p.events(sid, "capability_decision") if "Granted" == e["entry"]["decision"]]


def many_wait(p):
    """Several calls for one thing are one question."""
    p.start("agent", "for i in 1 2 3 4; do cat ~/.ssh/id_rsa & done; wait; echo end; sleep 1000", ASK)
    q = p.request("agent")
    until("all four", lambda: [r for r in p.json("requests") if r["waiting"] == 4])
    assert len(p.json("requests")) == 1
    p.nono("approve", q["id"])
    assert p.shows("agent", "^end").count(SECRET) == 4
    p.nono("stop", "--force", "agent")


def asker_dies(p):
    """A killed program takes its request along."""
    p.start("agent", "cat ~/.ssh/id_rsa & while [ ! -e now ]; do sleep 0.05; done; kill -9 $!; wait; echo gone; "
            "sleep 1000", ASK)
    p.request("agent")
    p.write("now", "")
    p.shows("agent", "^gone")
    until("the request's end", lambda: not p.json("requests"))
    # And stop does not wait for an answer.
    p.start("other", "cat ~/.ssh/id_rsa; sleep 1000", ASK)
    p.request("other")
    begin = time.monotonic()
    p.nono("stop", "other")
    assert time.monotonic() - begin < 8 * nonolib.SLOW
    p.nono("stop", "--force", "agent")


def deadline(p):
    """Nobody answers: refused when the time is over, never a hang; and the log says so."""
    r = p.start("agent", "cat ~/.ssh/id_rsa; echo \"exit $?.\"; sleep 1000", ASK)
    q = p.request("agent")
    left = (int(q["deadline_ns"]) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)) / 1e9
    assert 20 < left <= 61, left
    text = p.shows("agent", "^exit 1\\.", left + 10)
    assert "Permission denied" in text and SECRET not in text, text
    assert p.json("requests") == []
    found = decisions(p, "agent", p.key)
    assert found and found[-1] != "Granted" and "imeout" in json.dumps(found[-1]), found
    p.nono("stop", "--force", "agent")
    p.nothing_left(r, "stop")


def nobody_there(p):
    """In a pipe nobody can answer but another terminal; the call ends all the same."""
    q = p.popen("run", "--silent", ASK, "--allow", p.work, "--", "/bin/sh", "-c",
                "cat ~/.ssh/id_rsa; echo \"exit $?.\"")
    try:
        r = p.request()
        p.nono("deny", r["id"])
        out, err = q.communicate(timeout=30 * nonolib.SLOW)
        assert "exit 1." in out and SECRET not in out and "Permission denied" in err, (out, err)
    finally:
        q.kill()


def logged_before_seen(p):
    """What was granted stands in the log when the program sees it, also after kill -9."""
    r = p.start("agent", "cat ~/.ssh/id_rsa > copy; kill -9 %s 2>/dev/null; echo seen; sleep 1000" % "$PPID", ASK)
    p.nono("approve", p.request("agent")["id"])
    until("the copy", lambda: os.path.exists(p.work + "/copy") and p.read("copy"))
    os.kill(r["supervisor_pid"], 9)
    p.nothing_left(r, "kill -9 of the supervisor")
    assert decisions(p, r["session_id"], p.key) == ["Granted"]


def granted_in_vain(p):
    """What a person granted and the kernel refuses all the same is no success in the log."""
    if p.uid is None and os.geteuid() == 0:
        return  # the kernel refuses root nothing here
    r = p.start("vain", "cat /etc/shadow; echo \"exit $?.\"; sleep 1000", ASK)
    p.nono("approve", p.request("vain")["id"])
    p.shows("vain", "^exit 1")
    until("its line", lambda: "failed: Permission denied" in p.nono("logs", "vain"))
    p.nono("stop", "--force", r["session_id"])


def hostile_path(p):
    """Control and bidi characters in a name are visible to the person."""
    name = os.path.join(p.outside, "a\u202eb\x1b[2Jc\nd")
    p.write(name, "x")
    p.start("agent", "cat \"$(printf '%s/a\\342\\200\\256b\\033[2Jc\\nd')\"; echo end; sleep 1000" % p.outside, ASK)
    q = p.request("agent")
    assert q["target"].startswith(p.outside + "/a"), q

    def deny_all():
        for q in p.json("requests", "agent"):
            text = p.nono("requests")
            assert "\x1b" not in text and "\u202e" not in text, repr(text)
            p.nono("deny", q["id"], code=None)
        return "end" in p.nono("capture", "agent").splitlines()
    until("the end", deny_all, 30)
    p.nono("stop", "--force", "agent")


nonolib.main([granted_in_vain, deadline, deny_then_approve, once_is_once, session_scope, always, always_in_toml, kinds, denied_changes,
              missing_stays_missing, no_elevation, request_inside, never_its_own_state, many_wait, asker_dies,
              nobody_there, logged_before_seen, hostile_path], jobs=3, timeout=150)
