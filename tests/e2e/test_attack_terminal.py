#!/usr/bin/env python3
"""Attacks by what a program prints: on the terminal of the person, on the views of the log, by
dialogs that are none."""
import fcntl
import json
import os
import re
import select
import subprocess
import termios
import time

import nonolib
from nonolib import Pty, Screen, until

TOKEN = re.compile(
    rb"\x1b\[(?P<csi>[0-?]*[ -/]*[@-~])"
    rb"|\x1b(?P<string>[\]PX^_])(?P<text>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    rb"|\x1b(?P<esc>[ -/]*[0-~])"
    rb"|(?P<c0>[\x00-\x1f\x7f])"
    rb"|(?P<c1>\xc2[\x80-\x9f])"
    rb"|(?P<plain>[\x20-\x7e\x80-\xff])", re.S)


def kinds(data):
    """The kinds of control sequences in there."""
    out = set()
    at = 0
    while at < len(data):
        m = TOKEN.match(data, at)
        assert m, "not even a sequence: %r" % data[at:at + 40]
        at = m.end()
        if m["csi"]:
            s = m["csi"].decode()
            private = re.match("[<=>?]*", s)[0]
            final = re.search("[ -/]*[@-~]$", s)[0]
            # Modes by number, and what asks the terminal for something.
            numbers = s[len(private):-len(final)] if final in ("h", "l", "n", "t", "c", "p", "$p") else ""
            out.add("CSI %s%s%s" % (private, numbers, final))
        elif m["string"]:
            out.add("string %s %s" % (m["string"].decode(), re.match(rb"[0-9]*", m["text"])[0].decode()))
        elif m["esc"]:
            out.add("ESC " + m["esc"].decode())
        elif m["c0"]:
            out.add("C0 %02x" % m["c0"][0])
        elif m["c1"]:
            out.add("C1 " + m["c1"].hex())
    return out


def printing(data):
    """A Python program that prints these bytes."""
    return "import os,sys,time\nd = %r\nwhile d: d = d[os.write(1, d):]\n" % data + \
        "time.sleep(0.3)\nos.write(1, b'\\x1b[m\\x1b[?1049l\\x1b[2J\\x1b[HREADY\\r\\n')\ntime.sleep(1000)\n"


def attached(p, data):
    """Bytes on the person's terminal: attached before the program prints, and until after it."""
    p.write("print.py", printing(data))
    p.start("agent", "while [ ! -e go ]; do sleep 0.05; done; exec python3 print.py")
    t = Pty(p, "attach", "agent")
    try:
        until("the first picture", lambda: t.pump(0.1) or b"agent" in t.data)
        p.write("go", "")
        t.wait_for(b"READY", 30)
        t.pump(0.3)
        t.send(b"\x02d")
        t.ended()
        t.pump(0.2)
        return t.data
    finally:
        t.close()
        p.nono("stop", "--force", "agent")
        os.unlink(p.work + "/go")


# Cursor, clearing, colours: what a picture is made of.
DRAWING = {"CSI " + final for final in "ABCDEFGHJKLMPST@Xdmr"}
PLAIN = (b"text \x1b[1;3;4;31;48;5;20mcolours\x1b[m \xc3\xa4\xe2\x94\x80\r\n" + b"line\r\n" * 200 +
         b"\x07\x1b]0;a title\x07\x1b[5;5Hsomewhere\x1b[K\x1b[?25l\x1b[?25h\x1b[2 q\x1b[?1h\x1b[?2004h"
         b"\x1b[?1002h\x1b[?1006h\x1b[?1002l\x1b[?1006l" + b"wide \xe6\xbc\xa2\xe5\xad\x97\r\n")


def hostile():
    s = b""
    for text in (b"52;c;c3RvbGVu", b"52;c;?", b"52;p;?", b"4;1;?", b"10;?", b"11;?", b"12;?", b"4;1;rgb:00/00/00",
                 b"104", b"7;file://host/etc", b"1337;File=name=eA==;inline=0:AAAA", b"1337;SetMark", b"50;x", b"51;A",
                 b"9;9;C:\\", b"99;;x", b"777;notify;a;b", b"133;A", b"633;P;Cwd=/", b"3;x=y", b"I;icon", b"l", b"L",
                 b"8;;file:///etc/passwd", b"8;;javascript:x", b"5522;type=read", b"7501;x", b"66;s=2;big"):
        s += b"\x1b]" + text + b"\x07" + b"\x1b]" + text + b"\x1b\\" + b"\xc2\x9d" + text + b"\xc2\x9c" + b"\x9d" + text + b"\x9c"
    for kind in b"PX^_k":
        for text in (b"+q544e", b"$qm", b"q#0;2;0;0;0~~", b"1$r", b"=1s", b"Gi=1,a=q;AAAA", b"Gf=100,t=f;L2V0Yy9wYXNzd2Q=",
                     b"tmux;\x1b\x1b]52;c;c3RvbGVu\x07", b"\x1b\x1b]52;c;c3RvbGVu\x07", b"@kitty-cmd{}", b"+pAAAA"):
            s += b"\x1b" + bytes([kind]) + text + b"\x1b\\"
    for csi in (b"c", b">c", b"=c", b"5n", b"6n", b"?6n", b"?15n", b"?996n", b"x", b"21t", b"20t", b"14t", b"18t", b"11t", b"3;0;0t",
                b"8;5;5t", b"9;1t", b"2t", b"22;0t", b"23;0t", b">q", b"?u", b">1u", b"=5;1u", b"?1049h", b"?47h", b"?1h",
                b"?1000h", b"?1003h", b"?1015h", b"?1016h", b"?1004h", b"?2026h", b"?2027h", b"?2031h", b"?5h", b"?3h", b"?40h", b"?9001h",
                b"?69h", b"4h", b"20h", b"12h", b"?1$p", b"4$p", b">4;2m", b">4m", b"?4m", b"5i", b"4i", b"?5i", b"!p", b"1\"q",
                b"62;1\"p", b"0\"v", b"1;1;5;5*y", b"#{", b"#}", b"#P", b"?1;1;0S", b"$w", b"1 t", b"1;2 ~", b"'z", b"1|",
                b"s", b"?1s", b"?1r", b"3g", b"2 A", b"1;1H", b"999999999999;9H", b"38;2;1;2;3;48:2::9:9:9m", b"10m", b"58:5:1m"):
        s += b"\x1b[" + csi + b"\x9b" + csi + b"\xc2\x9b" + csi
    for esc in (b"c", b"#8", b"#3", b"(0", b")0", b"*0", b"%G", b"%@", b"n", b"o", b"~", b"}", b"|", b"=", b">", b"N", b"O", b"Z",
                b"V", b"W", b"6", b"9", b"l", b"m", b" F", b" G", b"H", b"D", b"E", b"M", b"7", b"8"):
        s += b"\x1b" + esc
    s += bytes(b for b in range(32) if b not in (0x1b,)) + b"\x7f" + bytes(range(0x80, 0xa0))
    s += b"".join(b"\xc2" + bytes([b]) for b in range(0x80, 0xa0) if b not in (0x90, 0x98, 0x9d, 0x9e, 0x9f)) + b"\x1b\\\x1b(B\x0f"
    s += "a\u202eb\u2066c\u200bd\u2028e\ufeff\U000e0041\u0301\u0301".encode() * 3
    return s + b"\x1b]52;c;unfinished\x18\x1bP unfinished\x1a\x1b[31"


def sequences(p):
    """What a program prints reaches the terminal in kinds that plain output has too."""
    plain = kinds(attached(p, PLAIN))
    assert "string ] 52" not in plain and not any(k.startswith("C1") for k in plain), plain
    got = attached(p, hostile())
    extra = {k for k in kinds(got) - plain if k not in DRAWING}
    assert not extra, "new on the terminal: %s" % sorted(extra)
    for char in "\u202e\u2066\u2028":
        assert char.encode() not in got, "U+%04X on the terminal" % ord(char)


def fake_dialog(p):
    """A picture of a dialog inside a pane answers nothing: keys go to the program that drew it, and a
    request opens in front of it all the same."""
    p.write("fake.py", r"""
import os, sys, termios, tty
tty.setraw(0)
os.write(1, b"\x1b[?1049h\x1b[2J\x1b[5;10H+-- agent asks to read ~/.ssh/id_rsa --+\x1b[6;10H| o once  d deny |\x1b[9;1HFAKE")
k = os.read(0, 1)
os.write(1, b"\x1b[12;1Hgot " + k)
fd = os.open(os.path.expanduser("~/.ssh/id_rsa"), os.O_RDONLY)
""")
    p.start("agent", "python3 fake.py; sleep 1000", "--capability-elevation")
    s = Screen(p, "attach", "agent")
    s.sees("FAKE")
    time.sleep(0.7)
    s.type("o")
    s.sees("got o")
    # Now a true one: the key that went before it does not answer it.
    q = p.request("agent")
    assert q["target"] == p.key, q
    time.sleep(0.3)
    assert [r["id"] for r in p.json("requests", "agent")] == [q["id"]], "an answer that nobody gave"
    p.nono("deny", q["id"])
    p.nono("stop", "--force", "agent")


def mixed(p, script, user_tty=True, stdin=None, stdout=subprocess.PIPE, control=False):
    """A program of which the terminal is some descriptors: what it wrote to others, what the
    terminal got."""
    master, slave = os.openpty()
    try:
        termios.tcsetwinsize(slave, (33, 77))
        if user_tty and p.uid is not None:
            os.chown(os.ttyname(slave), p.uid, -1)
        proc = subprocess.Popen([p.bin, "run", "--silent", "--allow", p.work, "--", "/bin/sh", "-c", script],
                                env=p.env, cwd=p.work, stdin=slave if stdin is None else stdin,
                                stdout=slave if stdout is None else stdout, stderr=slave,
                                start_new_session=True, **p.who(),
                                preexec_fn=(lambda: fcntl.ioctl(2, termios.TIOCSCTTY, 0)) if control else None)
        os.write(master, b"typed\n")
        out, data, ends = b"", b"", [master] + ([proc.stdout] if proc.stdout else [])
        while True:
            ended = proc.poll() is not None
            ready = select.select(ends, [], [], 0.2)[0]
            if ended and not ready:
                break
            if master in ready:
                data += os.read(master, 65536)
            if proc.stdout in ready:
                more = os.read(proc.stdout.fileno(), 65536)
                out += more
                if not more:
                    ends.remove(proc.stdout)
        code = proc.returncode
        return code, out, data
    finally:
        os.close(master)
        os.close(slave)


def partly_a_terminal(p):
    """`nono run x | tee`: what is left of descriptors 0-2 as the person's terminal takes no byte
    unparsed, and can't be written to by reading it."""
    p.write("hostile", "")
    with open(os.path.join(p.work, "hostile"), "wb") as f:
        f.write(hostile() + PLAIN)
    code, out, data = mixed(p, "read x; echo got $x; echo no >&0; cat hostile >&2; test -t 2 && "
                            "stty size <&2; seq 1 20000 >&2; echo last >&2; exit 7")
    assert code == 7, (code, out, data)
    assert out == b"got typed\n33 77\n", out
    assert data.rstrip().endswith(b"19999\r\n20000\r\nlast"), data[-200:]
    assert b"\r\nno\r\n" not in data, data[:200]
    assert b"\x1b[1;3;4;31;48;5;20mcolours\x1b[m \xc3\xa4\xe2\x94\x80\r\r\n" in data, data[:3000]
    seen = kinds(data)
    assert seen <= {"CSI m", "CSI K", "CSI C", "CSI D", "CSI G", "C0 07", "C0 08", "C0 09", "C0 0a", "C0 0d"}, seen
    # The same with input from elsewhere.
    code, out, data = mixed(p, "cat hostile; echo err >&2", stdin=subprocess.DEVNULL, stdout=None)
    assert code == 0 and b"\r\nerr\r\n" in data, (code, data[-200:])
    assert kinds(data) <= seen, kinds(data)
    if p.uid is not None:
        code, out, data = mixed(p, "cat; echo end", user_tty=False)
        assert (code, out) == (0, b"end\n") and b"another user's" in data, (code, out, data)
        # After su(1) it is another's by name, and the user's as the controlling one.
        code, out, data = mixed(p, "read x; echo got $x; echo no >&0", user_tty=False, control=True)
        assert (code, out) == (1, b"got typed\n") and b"\r\nno\r\n" not in data, (code, out, data)
    until("the end of what filters", lambda: not p.processes(), 10)


def log_views(p):
    """Names with control bytes are no control bytes in any view of the log."""
    evil = "e\x1b]52;c;c3RvbGVu\x07\x1b[2J\u202e\u2066\r\n{\"type\":\"x\"}\x9b31m\x7f"
    p.write("evil.py", "import os, subprocess\nn = %r\n"
            "for base in (os.environ['HOME'] + '/.ssh/', os.getcwd() + '/.git/hooks/', os.getcwd() + '/'):\n"
            "    for f in (lambda q: open(q), lambda q: open(q, 'w'), os.mkdir):\n"
            "        try: f(base + n)\n"
            "        except OSError: pass\n"
            "subprocess.run(['true', n], check=True)\n" % evil)
    p.nono("run", "--silent", "--name", "evil", "--audit-level", "all", "--allow", p.work, "--", "/usr/bin/python3", "evil.py", evil)
    sid = p.json("ps", "--all")[0]["session_id"]
    views = [("logs", sid), ("logs", sid, "--json"), ("audit", "show", sid), ("audit", "show", sid, "--json"),
             ("audit", "list"), ("audit", "list", "--json"), ("inspect", sid), ("inspect", sid, "--json"), ("ps", "--all"),
             ("ps", "--all", "--json"), ("audit", "verify", sid)]
    views += [("audit", "export", sid, "--format", f) for f in ("ndjson", "otlp", "syslog", "cef")]
    shown = ""
    for view in views:
        text = p.nono(*view)
        shown += text
        for char in "\x1b\x07\r\x7f\x9b\u202e\u2066":
            assert char not in text, "%s shows %r" % (view, char)
        if "--json" in view:
            for line in text.splitlines() if view[0] == "logs" else [text]:
                json.loads(line)
    assert "c3RvbGVu" in shown, "the name is in no view: nothing was tried"
    for line in p.nono("logs", sid, "--json").splitlines():
        assert json.loads(line)["type"] != "x", "a line of the log that the program wrote"


nonolib.main([sequences, fake_dialog, log_views, partly_a_terminal])
