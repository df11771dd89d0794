"""nono audit: the questions that people have about a session, asked of its record."""
import base64
import datetime
import glob
import hashlib
import http.server
import json
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import nonolib


def show(p):
    p.write("in.txt", "x")
    p.inside("cat in.txt > out.txt; mkdir d; (echo 1 > d/a); mv d/a d/b; cat %s; "
             "sh -c 'sh -c \"ls d; true\"; true'" % p.key, "--name", "s")
    sid = p.json("audit", "list")[0]["session_id"]
    text = p.nono("audit", "show", "s")
    part = dict((s.split("\n")[0], s) for s in text.split("\n\n"))
    for path in ("out.txt", "d/a", "d/b"):
        assert os.path.join(p.work, path) in part["Files written"], text
    assert p.work in part["Files read"], text
    assert p.key not in part["Files read"], text
    # By any part of the id, and not by a part of two.
    assert p.nono("audit", "show", sid[:6]) == text
    p.nono("audit", "show", "nosuch", code=1)
    p.nono("audit", "show", code=2)
    p.nono("audit", "show", sid, "--kind", "nosuch", code=2)
    assert "snapshot" in p.err, p.err
    # Programs: two shells below each other, and what the inner one ran.
    tree = p.json("audit", "show", sid, "--tree")
    assert len(tree) == 1, tree
    inner = [c for c in tree[0]["children"] if c["command"].startswith("sh -c sh")][0]
    assert [c["command"] for c in inner["children"][0]["children"]] == ["ls d"], tree
    assert "└─ ls d" in p.nono("audit", "show", sid, "--tree")
    # Those alone that touched it, and whose children they are.
    tree = p.json("audit", "show", sid, "--tree", "--path", os.path.join(p.work, "d", "b"))
    assert len(tree) == 1 and [c["command"].split()[0] for c in tree[0]["children"]] == ["mv"], tree
    assert p.json("audit", "show", sid, "--tree", "--path", "/nosuch") == []
    tree = p.json("audit", "show", sid, "--tree", "--denied")
    assert [c["command"].split()[0] for c in tree[0]["children"]] == ["cat"], tree
    # Addresses that were connected to without a proxy, and one that was not to be.
    connect = "python3 -c 'import socket; socket.socket().connect_ex((\"127.1.2.3\", 9))'"
    p.inside(connect, "--name", "open")
    assert re.search(r"^Hosts\n +1  allowed +127\.1\.2\.3:9 ", p.nono("audit", "show", "open"), re.M)
    p.inside(connect.replace("127.1.2.3", "192.0.2.1"), "--name", "closed", "--block-net")
    assert re.search(r"^Hosts\n +1  denied +192\.0\.2\.1:9 ", p.nono("audit", "show", "closed"), re.M)
    # By path, kind, decision.
    os.chdir(p.work)
    rows = [json.loads(x) for x in p.nono("audit", "show", sid, "--path", "d", "--json").splitlines()]
    assert {r["event"]["op"] for r in rows} >= {"mkdir", "create", "rename"}, rows
    assert all(p.work + "/d" in r["event"]["target"] for r in rows), rows
    rows = [json.loads(x) for x in p.nono("audit", "show", sid, "--kind", "write", "--json").splitlines()]
    assert {os.path.basename(r["event"]["target"]) for r in rows} == {"out.txt", "d", "a"}, rows
    assert [r["sequence"] for r in rows] == sorted(r["sequence"] for r in rows)
    text = p.nono("audit", "show", sid, "--timeline")
    assert re.search(r"^ +1 \d\d:\d\d:\d\d\.\d+ +sandbox", text, re.M), text[:400]
    assert len(text.splitlines()) == len(p.events(sid)), text
    value = p.json("audit", "show", sid)
    assert {x["path"] for x in value["files_written"]} >= {p.work + "/out.txt"}, value
    assert value["programs"][0]["children"], value


def listing(p):
    p.inside("true", "--name", "one")
    p.inside("true", "--name", "two")
    rows = p.json("audit", "list")
    assert len(rows) == 2 and rows[0]["started"] >= rows[1]["started"], rows
    assert len(p.json("audit", "list", "--recent", "1")) == 1
    assert len(p.json("audit", "list", "--today", "--command", "sh", "--path", p.work)) == 2
    assert p.json("audit", "list", "--command", "nosuch") == []
    assert p.json("audit", "list", "--path", "/nosuch") == []
    assert p.json("audit", "list", "--until", "2020-01-01") == []
    assert p.work in p.nono("audit", "list")
    p.nono("audit", "list", "--since", "yesterday", code=2)


def damaged(p):
    p.inside("true")
    sid = p.json("audit", "list")[0]["session_id"]
    path = os.path.join(p.base, "state/nono/audit", sid, "audit-events.ndjson")
    with open(path, "r+b") as f:
        data = f.read()
        f.seek(data.index(b"\n") + 2)
        f.write(b"\0")
    out = p.nono("audit", "show", sid, code=1)
    assert "DAMAGED" in out and "damaged" in p.err, (out, p.err)
    p.nono("audit", "verify", sid, code=1)
    # All at once: one holds, one does not.
    p.inside("true")
    other = p.json("audit", "list", "--recent", "1")[0]["session_id"]
    out = p.nono("audit", "verify", "--all", code=1)
    assert re.search(r"^%s +VERIFIED +\d+ events$" % other, out, re.M), out
    assert re.search(r"^%s +MISMATCH .*\n +\S+" % sid, out, re.M) and "2 records, 1 of them with a mismatch" in out, out
    out = json.loads(p.nono("audit", "verify", "--all", "--json", code=1))
    assert (out["checked"], out["failed"]) == (2, 1), out
    said = {s["session_id"]: s for s in out["sessions"]}
    assert said[other]["verified"] and said[other]["reason"] is None and said[sid]["reason"], out
    p.nono("audit", "cleanup", "--all", code=None)
    assert "either --all" in (p.nono("audit", "verify", "--all", other, code=2) + p.err), p.err
    p.nono("audit", "verify", code=2)


def node(domain, left, right):
    return hashlib.sha256(domain + left + right).digest()


def fold(domain, leaf, index, size, path):
    """The root that a path of RFC 6962 leads to."""
    last, value = size - 1, leaf
    for step in map(bytes.fromhex, path):
        if index % 2 or index == last:
            value = node(domain, step, value)
            while not index % 2 and index:
                index, last = index // 2, last // 2
        else:
            value = node(domain, value, step)
        index, last = index // 2, last // 2
    assert last == 0
    return value.hex()


def prove(p):
    ids = []
    for i in range(5):
        p.inside("echo %d > f%d" % (i, i), "--name", "s%d" % i)
        ids.append(p.json("audit", "list", "--recent", "1")[0]["session_id"])
        if i == 2:
            p.write("early.json", p.nono("audit", "checkpoint"))
    rows = [json.loads(x) for x in p.nono("audit", "show", "s1", "--kind", "write", "--json").splitlines()]
    number = rows[0]["sequence"]
    text = p.nono("audit", "prove", "s1", str(number))
    proof = json.loads(text)
    # By the description alone.
    leaf = hashlib.sha256(b"nono.audit.event.alpha\n" + proof["event_json"].encode()).digest()
    assert fold(b"nono.audit.merkle.alpha\n", leaf, number, proof["event_count"],
                proof["inclusion"]) == proof["merkle_root"]
    assert json.loads(proof["event_json"])["target"].endswith("/f1")
    ledger = proof["ledger"]
    leaf = hashlib.sha256(b"\0" + ledger["entry"].encode()).digest()
    assert fold(b"\1", leaf, 1, 5, ledger["inclusion"]) == ledger["merkle_root"]
    record = hashlib.sha256(b"nono.audit.session-digest.alpha\n" + proof["session_record"].encode())
    assert json.loads(ledger["entry"])["session_digest"] == record.hexdigest()
    # By us, with nothing else there.
    p.write("proof.json", text)
    p.write("now.json", p.nono("audit", "checkpoint"))
    empty = {"XDG_STATE_HOME": os.path.join(p.base, "nothing")}
    assert "VERIFIED" in p.nono("audit", "check", "proof.json", "--checkpoint", "now.json", env=empty)
    p.nono("audit", "check", "proof.json", "--checkpoint", "early.json", env=empty, code=1)
    p.write("early-proof.json", p.nono("audit", "prove", "s1", str(number), "--checkpoint", "early.json"))
    p.nono("audit", "check", "early-proof.json", "--checkpoint", "early.json", env=empty)
    p.nono("audit", "prove", "s4", "0", "--checkpoint", "early.json", code=1)
    p.nono("audit", "prove", "s1", "99999", code=1)
    p.nono("audit", "prove", "s1", "x", code=2)
    p.write("since.json", p.nono("audit", "checkpoint", "--since", "early.json"))
    assert "VERIFIED" in p.nono("audit", "check", "since.json", "--checkpoint", "early.json", env=empty)
    # Nothing in a proof can be changed.
    for name in ("proof.json", "since.json"):
        text = p.read(name)
        for a, b in (("/f1", "/f2"), ('"event_count": ', '"event_count": 1'), (ids[1], ids[2]),
                     ('"size": 5', '"size": 4'), ('"sequence": 1', '"sequence": 2'), ('exit_code', 'exit_kode')):
            if a in text:
                p.write("changed.json", text.replace(a, b))
                assert "MISMATCH" in p.nono("audit", "check", "changed.json", env=empty, code=1), (name, a)
    # A ledger that was written anew is not the one of before.
    path = os.path.join(p.base, "state/nono/audit/ledger.ndjson")
    with open(path) as f:
        lines = f.readlines()
    with open(path, "w") as f:
        f.writelines(lines[:1])
    p.inside("true")
    p.inside("true")
    p.nono("audit", "checkpoint", "--since", "early.json", code=1)
    # One that is running is proved as far as it goes.
    p.start("live", "sleep 100")
    proof = json.loads(p.nono("audit", "prove", "live", "0"))
    assert proof["ledger"] is None and proof["event_count"] >= 2
    p.write("proof.json", json.dumps(proof))
    p.nono("audit", "check", "proof.json")


def cleanup(p):
    for i in range(6):
        p.inside("true", "--name", "s%d" % i)
    live = p.start("live", "echo ready; sleep 100")["session_id"]
    ids = [r["session_id"] for r in p.json("audit", "list")]
    root = os.path.join(p.base, "state/nono/audit")
    would = p.json("audit", "cleanup", "--keep", "3", "--dry-run")
    assert len(would["would_remove"]) == 4 and len(p.json("audit", "list")) == 7, would
    gone = p.json("audit", "cleanup", "--keep", "3")
    assert sorted(gone["removed"]) == sorted(ids[3:]), (gone, ids)
    # A day old is not older than a day.
    assert p.json("audit", "cleanup", "--older-than", "1")["removed"] == []
    left = p.json("audit", "list")
    size = sum(r["disk_size"] for r in left)
    gone = p.json("audit", "cleanup", "--max-size", "%d" % (size - 1))
    assert gone["removed"] == [ids[2]], (gone, ids)
    assert p.json("audit", "cleanup", "--max-size", "1G")["removed"] == []
    # A damaged one is kept for whoever wants to know what happened.
    with open(os.path.join(root, ids[1], "session.json"), "w") as f:
        f.write("{")
    gone = os.path.join(root, ".gone-x-1")
    shutil.copytree(os.path.join(root, ids[1]), gone)
    for name in [gone] + [os.path.join(gone, x) for x in os.listdir(gone)]:
        p.own(name)
    out = p.nono("audit", "cleanup")
    assert "removed 0" in out and ids[1] + " stays: it is damaged" in out, out
    assert not os.path.exists(gone)
    assert os.path.isdir(os.path.join(root, live))
    # One that is just being made has no events yet.
    os.mkdir(os.path.join(root, "fresh"))
    p.own(os.path.join(root, "fresh"))
    p.nono("audit", "cleanup", "--all")
    assert sorted(d for d in os.listdir(root) if "." not in d) == sorted(["fresh", live])
    old = time.time() - 3600
    os.utime(os.path.join(root, "fresh"), (old, old))
    p.nono("audit", "cleanup", "--all")
    assert sorted(d for d in os.listdir(root) if "." not in d) == [live]
    p.nono("stop", live)
    p.nono("audit", "verify", live)
    # The ledger remembers them all.
    with open(os.path.join(root, "ledger.ndjson")) as f:
        assert sorted(json.loads(x)["session_id"] for x in f) == sorted(ids)
    p.nono("audit", "cleanup", "--keep", "x", code=2)
    p.nono("audit", "cleanup", "--max-size", "1X", code=2)


def write_config(p, text):
    folder = os.path.join(p.home, ".config/nono")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "config.toml")
    with open(path, "w") as f:
        f.write(text)
    for name in (os.path.dirname(folder), folder, path):
        p.own(name)


def retention(p):
    """[audit] in config.toml: what is beyond it goes when a session ends."""
    root = os.path.join(p.base, "state/nono/audit")

    def config(text):
        write_config(p, text)

    def there():
        return sorted(d for d in os.listdir(root) if os.path.isdir(os.path.join(root, d)))

    def ledger():
        with open(os.path.join(root, "ledger.ndjson")) as f:
            return [json.loads(x)["session_id"] for x in f]

    def some(n):
        for _ in range(n):
            p.inside("true")
        return [r["session_id"] for r in p.json("audit", "list")]

    for bad in ("max_session = 3", "max_sessions = -1", 'max_age_days = "x"'):
        config("[audit]\n%s\n" % bad)
        p.inside("echo ran > ran", code=2)
        assert "config.toml" in p.err, p.err
    assert not os.path.exists(os.path.join(p.work, "ran"))
    config("[ui]\n")
    all_ids = some(5)
    assert len(there()) == 5
    live = p.start("live", "echo ready; sleep 100")["session_id"]
    # By count: of those that ended; the live one, older than the next ones, is none of them.
    config("[audit]\nmax_sessions = 2\n")
    ids = some(1)
    nonolib.until("two and the live one", lambda: there() == sorted([live, ids[0], all_ids[0]]))
    # Two sessions end at once.
    both = [p.popen("run", "--allow", p.work, "--", "true") for _ in range(2)]
    assert [x.wait(timeout=20) for x in both] == [0, 0]
    ids = [r["session_id"] for r in p.json("audit", "list")]
    nonolib.until("two new ones and the live one", lambda: len(there()) == 3 and live in there())
    for sid in there():
        if sid != live:
            p.nono("audit", "verify", sid)
    # By age.
    config("[audit]\nmax_age_days = 0.00003\n")
    time.sleep(3)
    new = some(1)[0]
    nonolib.until("the young one and the live one", lambda: there() == sorted([new, live]))
    # By size: the newest stays, however large it is.
    config("[audit]\nmax_storage_gb = 0\n")
    new = some(1)[0]
    nonolib.until("the newest and the live one", lambda: there() == sorted([new, live]))
    # Stopped in the middle: what it left is nobody's record, and the next one removes it.
    config("[ui]\n")
    some(3)
    half = os.path.join(root, ".gone-%s-1" % new)
    os.rename(os.path.join(root, new), half)
    os.unlink(os.path.join(half, "session.json"))
    assert new not in [r["session_id"] for r in p.json("audit", "list")]
    config("[audit]\nmax_sessions = 1\n")
    new = some(1)[0]
    nonolib.until("all else removed", lambda: sorted(there()) == sorted([new, live]))
    # Damaged ones are kept for whoever wants to know what happened.
    with open(os.path.join(root, new, "session.json"), "w") as f:
        f.write("{")
    last = some(1)[0]
    nonolib.until("the end of it", lambda: not [x for x in p.processes() if "retention" in comm(x)])
    assert there() == sorted([new, last, live]), there()
    p.nono("stop", live)
    # The ledger holds every session that was, and is whole.
    found = ledger()
    assert set(all_ids) | {live, new, last} <= set(found) and len(found) == len(set(found)) == 16, found
    assert "VERIFIED" in p.nono("audit", "verify", last)
    p.nono("audit", "verify", all_ids[2], code=1)
    assert "was removed" in p.err and all_ids[2] in p.err, p.err
    p.nono("audit", "verify", "nosuch", code=1)
    assert "there is no audit record" in p.err, p.err


def comm(pid):
    try:
        with open("/proc/%d/comm" % pid) as f:
            return f.read()
    except OSError:
        return ""


def killed_retention(p):
    """kill -9 at any moment of a removal: the ledger holds, and the next one ends it."""
    root = os.path.join(p.base, "state/nono/audit")
    for i in range(8):
        p.inside("true")
    before = [r["session_id"] for r in p.json("audit", "list")]
    for delay in (0.001, 0.003, 0.006, 0.01):
        q = p.popen("audit", "cleanup", "--keep", "5")
        time.sleep(delay)
        q.kill()
        q.wait()
        p.json("audit", "list")
        for r in p.json("audit", "list"):
            p.nono("audit", "verify", r["session_id"])
    write_config(p, "[audit]\nmax_sessions = 2\n")
    for _ in range(3):
        p.inside("true")
        deadline = time.time() + 0.5
        while time.time() < deadline:
            for pid in p.processes():
                if "retention" in comm(pid):
                    os.kill(pid, 9)
                    deadline = 0
    p.inside("true")
    nonolib.until("two", lambda: len([d for d in os.listdir(root) if os.path.isdir(os.path.join(root, d))]) == 2)
    with open(os.path.join(root, "ledger.ndjson")) as f:
        found = [json.loads(x)["session_id"] for x in f]
    assert set(before) <= set(found) and len(found) == 12, found
    for r in p.json("audit", "list"):
        p.nono("audit", "verify", r["session_id"])


def new_key(p, name, *how):
    """A private key outside of what the program may read, and its public half."""
    path = os.path.join(p.outside, name)
    p.run(["openssl", "genpkey", *how, "-out", path])
    with open(path + ".pub", "w") as f:
        f.write(p.run(["openssl", "pkey", "-in", path, "-pubout"]).stdout)
    os.chmod(path, 0o600)
    p.own(path)
    p.own(path + ".pub")
    return path


def sign(p):
    p256 = new_key(p, "p256", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    ed = new_key(p, "ed", "-algorithm", "ed25519")
    rsa = new_key(p, "rsa", "-algorithm", "RSA")
    for key in (p256, ed):
        name = os.path.basename(key)
        p.inside("echo hello", "--name", name, "--audit-sign-key", key)
        assert "self-attested" in p.nono("audit", "verify", name)
        out = p.nono("audit", "verify", name, "--public-key-file", key + ".pub")
        assert "the one given" in out and "VERIFIED" in out, out
        found = p.json("audit", "verify", name, "--public-key-file", key + ".pub")["attestation"]
        assert all(found[k] for k in ("present", "signature_verified", "key_id_matches", "merkle_root_matches",
                                      "session_id_matches", "expected_public_key_matches")), found
        out = p.nono("audit", "verify", name, "--public-key-file", (ed if key == p256 else p256) + ".pub", code=1)
        assert "MISMATCH" in out and "another key" in out, out
    # By OpenSSL alone: what is signed is the bundle's pre-authentication encoding.
    sid = [r["session_id"] for r in p.json("audit", "list")][1]
    folder = os.path.join(p.base, "state/nono/audit", sid)
    bundle_path = os.path.join(folder, "audit-attestation.bundle")
    with open(bundle_path) as f:
        text = f.read()
    envelope = json.loads(text)["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    with open(os.path.join(p.outside, "pae"), "wb") as f:
        f.write(b"DSSEv1 %d %s %d " % (len(kind), kind, len(payload)) + payload)
    with open(os.path.join(p.outside, "sig"), "wb") as f:
        f.write(base64.b64decode(envelope["signatures"][0]["sig"]))
    assert p.run(["openssl", "dgst", "-sha256", "-verify", p256 + ".pub", "-signature", p.outside + "/sig",
                  p.outside + "/pae"]).stdout == "Verified OK\n"
    assert json.loads(payload)["subject"][0]["name"] == "audit-session:" + sid
    # The broker of a session in the background works in another directory than its user.
    p.inside("true", "--name", "away", "--detached", "--audit-sign-key", os.path.relpath(p256, p.work))
    p.nono("wait", "away")
    assert "VERIFIED" in p.nono("audit", "verify", "away", "--public-key-file", p256 + ".pub")
    # Another session's bundle, a changed one, none.
    other = os.path.join(p.base, "state/nono/audit", p.json("audit", "list")[0]["session_id"])
    shutil.copy(os.path.join(other, "audit-attestation.bundle"), bundle_path)
    assert "MISMATCH" in p.nono("audit", "verify", "p256", code=1)
    with open(bundle_path, "w") as f:
        f.write(text.replace(envelope["payload"], base64.b64encode(payload.replace(b"hello", b"howdy")).decode()))
    assert "MISMATCH" in p.nono("audit", "verify", "p256", code=1)
    os.unlink(bundle_path)
    assert "MISMATCH" in p.nono("audit", "verify", "p256", code=1)
    # Keys that are none, or that the program could read: nothing is started.
    p.inside("echo ran > ran", "--audit-sign-key", rsa, code=1)
    assert "neither ECDSA P-256 nor Ed25519" in p.err, p.err
    p.inside("echo ran > ran", "--audit-sign-key", p.outside + "/nosuch", code=1)
    p.inside("echo ran > ran", "--audit-sign-key", ed, "--read", p.outside, code=1)
    assert "could read" in p.err, p.err
    p.inside("echo ran > ran", "--audit-sign-key", "pkcs11:object=nosuch", code=1)
    with open(ed) as f:
        p.inside("echo ran > ran", "--audit-sign-key", "env://KEY", code=1, env={"KEY": f.read()})
    p.inside("echo ran > ran", "--audit-sign-key", ed, "--no-audit", code=2)
    assert not os.path.exists(os.path.join(p.work, "ran"))
    # Wanted, and not there.
    p.inside("true", "--name", "bare")
    assert "not signed" in p.nono("audit", "verify", "bare", "--public-key-file", ed + ".pub", code=1)
    p.nono("audit", "verify", "bare")


def sign_by_token(p):
    """A key that no file holds: PKCS#11 by a provider or OpenSSL's engine, played by SoftHSM."""
    module = "/usr/lib/softhsm/libsofthsm2.so"
    if not shutil.which("softhsm2-util") or not os.path.exists(module):
        raise nonolib.Skip("no softhsm2")
    if not glob.glob("/usr/lib/*/engines-3/pkcs11.so"):
        raise nonolib.Skip("no libengine-pkcs11-openssl")
    key = new_key(p, "p256", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    tokens, pin = os.path.join(p.outside, "tokens"), os.path.join(p.outside, "pin")
    conf = os.path.join(p.outside, "softhsm2.conf")
    os.mkdir(tokens)
    for path, text in ((pin, "1234"), (conf, "directories.tokendir = %s\nobjectstore.backend = file\n" % tokens)):
        with open(path, "w") as f:
            f.write(text)
    for path in (tokens, pin, conf):
        p.own(path)
    p.env.update(SOFTHSM2_CONF=conf, PKCS11_MODULE_PATH=module)
    for argv in (["--init-token", "--free", "--label", "t", "--pin", "1234", "--so-pin", "4321"],
                 ["--import", key, "--token", "t", "--label", "signer", "--id", "a1", "--pin", "1234"]):
        done = p.run(["softhsm2-util", *argv])
        assert done.returncode == 0, done.stderr
    uri = "pkcs11:token=t;object=signer?pin-source=file:" + pin
    p.inside("true", "--name", "signed", "--audit-sign-key", uri)
    assert "the one given" in p.nono("audit", "verify", "signed", "--public-key-file", key + ".pub")
    p.nono("audit", "checkpoint", "--sign-key", uri, "-o", "point.json")
    # No such key, no PIN, another one, and one that the program could read: nothing is started.
    wrong = p.write("wrong", "9999")
    for bad in (uri.replace("signer", "nosuch"), uri.split("?")[0], uri.replace("file:" + pin, "file:" + wrong),
                uri.replace("file:" + pin, "file://" + wrong.replace("wrong", "%77rong"))):
        p.inside("echo ran > ran", "--audit-sign-key", bad, code=1)
    assert "could read" in p.err, p.err
    assert not os.path.exists(os.path.join(p.work, "ran"))


def sign_by_keyring(p):
    """A key in the Secret Service, on a bus of the test's own."""
    python = "/usr/bin/python3"
    probe = subprocess.run([python, "-c", "import dbus, gi.repository.GLib"], capture_output=True)
    if not shutil.which("dbus-daemon") or probe.returncode:
        raise nonolib.Skip("no dbus-daemon, or no python3-dbus and python3-gi")
    try:
        pwd.getpwuid(os.getuid() if p.uid is None else p.uid)
    except KeyError:
        raise nonolib.Skip("dbus-daemon takes no user without a name") from None
    key = new_key(p, "ed", "-algorithm", "ed25519")
    address = "unix:path=" + os.path.join(p.home, ".bus")
    started = []
    try:
        started.append(subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--nopidfile", "--address=" + address],
                                        env=p.env, stderr=subprocess.DEVNULL, **p.who()))
        nonolib.until("the bus", lambda: os.path.exists(os.path.join(p.home, ".bus")))
        p.env["DBUS_SESSION_BUS_ADDRESS"] = address
        fake = os.path.join(os.path.dirname(os.path.abspath(nonolib.__file__)), "fake_secrets.py")
        with open(fake) as f:
            code = f.read()  # the place's user may not be able to read the file
        started.append(subprocess.Popen([python, "-c", code, "tests", "signer", key], env=p.env, text=True,
                                        stdout=subprocess.PIPE, **p.who()))
        assert started[-1].stdout.readline() == "ready\n"
        p.inside("true", "--name", "signed", "--audit-sign-key", "keyring://tests/signer")
        assert "the one given" in p.nono("audit", "verify", "signed", "--public-key-file", key + ".pub")
        p.inside("echo ran > ran", "--audit-sign-key", "keyring://tests/nobody", code=1)
        assert not os.path.exists(os.path.join(p.work, "ran"))
    finally:
        for x in reversed(started):
            x.kill()
            x.wait()
    p.inside("echo ran > ran", "--audit-sign-key", "keyring://tests/signer", code=1)
    assert not os.path.exists(os.path.join(p.work, "ran"))


TSA = """
[tsa]
default_tsa = one
[one]
serial = {d}/serial
crypto_device = builtin
signer_cert = {d}/tsa.crt
signer_key = {d}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
[ext]
extendedKeyUsage = critical,timeStamping
"""


class Stamps(http.server.BaseHTTPRequestHandler):
    folder, broken = "", False

    def do_POST(self):
        query = os.path.join(self.folder, "query")
        with open(query, "wb") as f:
            f.write(self.rfile.read(int(self.headers["Content-Length"])))
        answer = subprocess.run(["openssl", "ts", "-reply", "-queryfile", query, "-config",
                                 self.folder + "/tsa.cnf"], capture_output=True).stdout
        if self.broken:
            answer = answer[:-20] + bytes(20)
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def anchor(p):
    ed = new_key(p, "ed", "-algorithm", "ed25519")
    d = p.mkdir("tsa")
    with open(d + "/tsa.cnf", "w") as f:
        f.write(TSA.format(d=d))
    with open(d + "/serial", "w") as f:
        f.write("01\n")
    for name in ("tsa", "other"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", d + "/%s.key" % name, "-out", d + "/%s.crt" % name, "-subj", "/CN=" + name,
                        "-addext", "extendedKeyUsage=critical,timeStamping"], check=True, capture_output=True)
        os.chmod(d + "/%s.crt" % name, 0o644)
    Stamps.folder = d
    server = http.server.HTTPServer(("127.0.0.1", 0), Stamps)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = "http://127.0.0.1:%d/" % server.server_port
    p.inside("true")
    p.nono("audit", "checkpoint", "--sign-key", ed, "--timestamp", url, "--timestamp-ca", d + "/tsa.crt",
           "-o", "point.json")
    point = json.loads(p.read("point.json"))
    assert point["size"] == 1
    # The stamp is of the bundle, the bundle of the checkpoint.
    check = p.run(["openssl", "ts", "-verify", "-in", "point.json.tsr", "-data", "point.json.bundle", "-CAfile",
                   d + "/tsa.crt"])
    assert "Verification: OK" in check.stdout + check.stderr, check
    payload = json.loads(base64.b64decode(json.loads(p.read("point.json.bundle"))["dsseEnvelope"]["payload"]))
    assert payload["predicate"] == point
    p.nono("audit", "checkpoint", "--timestamp", url, "--timestamp-ca", d + "/other.crt", "-o", "x.json", code=1)
    Stamps.broken = True
    p.nono("audit", "checkpoint", "--timestamp", url, "--timestamp-ca", d + "/tsa.crt", "-o", "x.json", code=1)
    server.shutdown()
    server.server_close()
    p.nono("audit", "checkpoint", "--timestamp", url, "-o", "x.json", code=1)
    p.nono("audit", "checkpoint", "--timestamp", url, code=2)
    p.nono("audit", "checkpoint", "--command", "cat > %s/kept.json" % p.work)
    assert json.loads(p.read("kept.json"))["merkle_root"] == point["merkle_root"]
    p.nono("audit", "checkpoint", "--command", "exit 3", code=1)


def integrity(p):
    p.write("a", "1")
    p.inside("echo 2 > b", "--name", "one", "--audit-integrity")
    p.inside("cat a", "--name", "two", "--audit-integrity")
    p.inside("cat a", "--name", "three")
    roots = {}
    for name in ("one", "two", "three"):
        roots[name] = p.json("audit", "show", name)["merkle_roots"]
        p.nono("audit", "verify", name)
    assert len(roots["one"]) == 2 and roots["one"][0] != roots["one"][1], roots
    assert roots["two"] == [roots["one"][1]] * 2, roots
    assert roots["three"] == [], roots
    trees = p.events("one", "tree_state")
    assert [t["op"] for t in trees] == ["before", "after"], trees
    mine = [t for t in trees[1]["trees"] if t["path"] == p.work]
    assert mine[0]["files"] == 2 and mine[0]["bytes"] == 3, trees
    # Modes and links count; the name of the profile's member.
    os.chmod(os.path.join(p.work, "a"), 0o755)
    p.write(p.outside + "/p.json", json.dumps({"meta": {"name": "p"}, "extends": "default", "audit": {"evidence_fs": True}}))
    p.inside("true", "--name", "four", "--profile", p.outside + "/p.json")
    assert p.json("audit", "show", "four")["merkle_roots"][0] != roots["two"][0]


def redaction(p):
    def config(text):
        write_config(p, text)
    config('[redaction]\nextra_flags = ["--pin-code"]\nextra_query_keys = ["q"]\nextra_env_vars = ["FOO"]\n')
    p.inside("/bin/echo --pin-code w4711 'http://h/?q=w4712' FOO=w4713 --other w4714 PASSWORD=w4715; true", "--name", "s")
    events = p.events("s")
    text = json.dumps(events)
    assert "w4714" in text and events[0]["redaction_policy"]["extra_names"] == ["pincode", "foo"], events[0]
    for secret in ("w4711", "w4712", "w4713", "w4715"):
        assert secret not in text, text
    config('[redaction]\nallow_unredacted_defaults = ["PASSWORD"]\n')
    p.inside("true", code=2)
    assert "unsafe_redaction_overrides" in p.err, p.err
    config('[redaction]\nunsafe_redaction_overrides = true\nallow_unredacted_defaults = ["PASSWORD"]\n')
    p.inside("/bin/echo PASSWORD=4716; true", "--name", "t")
    assert "4716" in json.dumps(p.events("t"))
    config("[redaction]\nextra_flags = 3\n")
    p.inside("true", code=2)


def exports(p):
    p.inside("echo hi > 'a]b=c|d'; cat %s; ls /" % p.key, "--name", "s", code=None)
    sid = p.json("audit", "list")[0]["session_id"]
    events = p.events("s")
    rows = [json.loads(x) for x in p.nono("audit", "export", "s").splitlines()]
    assert [r["event"] for r in rows] == events and rows[3]["sequence"] == 3 and rows[0]["session_id"] == sid
    value = json.loads(p.nono("audit", "export", "s", "--format", "otlp"))
    logs = value["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    assert len(logs) == len(events), (len(logs), len(events))
    for record, event in zip(logs, events):
        if "timestamp" in event:
            whole = datetime.datetime.fromisoformat(event["timestamp"][:26] + event["timestamp"][29:])
            assert abs(int(record["timeUnixNano"]) / 1e9 - whole.timestamp()) < 1e-5, (record, event)
    refused = [r for r in logs if r["severityText"] == "WARN"]
    assert len(refused) == len([e for e in events if e.get("decision") == "denied"]) > 0
    lines = p.nono("audit", "export", "s", "--format", "syslog", "--kind", "write").splitlines()
    assert any(re.match(r'<110>1 \d{4}-\d\d-\d\dT[\d:]+\.\d{6}\S+ \S+ nono \d+ open \[nono@32473 session="%s" '
                        r'sequence="\d+" op="create" .*a\\\]b=c\|d' % sid, x) for x in lines), lines
    lines = p.nono("audit", "export", "s", "--format", "cef", "--kind", "write").splitlines()
    assert any(x.startswith("CEF:0|nono|nono|") and "a]b\\=c|d" in x and "externalId=" + sid in x
               for x in lines), lines
    assert "NONO_SESSION_ID=" + sid in p.nono("audit", "export", "s", "--format", "journald")
    path = os.path.join(p.work, "journal")
    journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    journal.bind(path)
    p.own(path)
    p.nono("audit", "export", "s", "--to", "journald://" + path, "--kind", "session")
    journal.settimeout(5)
    assert b"NONO_TYPE=session_started" in journal.recv(65536)
    for bad in (["--format", "x"], ["--to", "gopher://x"], ["--kind", "x"], ["--pending"]):
        p.nono("audit", "export", "s", *bad, code=2)
    p.nono("audit", "export", "s", "--to", "http://127.0.0.1:1/", code=1)
    p.nono("audit", "export", "s", "--to", "file:///dev/full", code=1)


class Sink(http.server.BaseHTTPRequestHandler):
    got, status = [], 200

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.status == 200:
            self.got.extend(json.loads(x) for x in body.splitlines())
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def spool(p):
    server = http.server.HTTPServer(("127.0.0.1", 0), Sink)
    port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = "http://127.0.0.1:%d/events" % port
    # Live: before the session ends.
    r = p.start("live", "echo x > a; sleep 100", "--audit-sink", url)
    nonolib.until("live events", lambda: any(e["event"].get("target", "").endswith("/a") for e in Sink.got))
    # The sink refuses; nothing waits for it.
    Sink.status = 503
    p.nono("stop", "live")
    assert "not deliv" in json.dumps(p.json("audit", "cleanup", "--dry-run")["kept"])
    Sink.status = 200
    want = len(p.events(r["session_id"]))
    nonolib.until(lambda: "all of %d, %d there" % (want, len(Sink.got)), lambda: len(Sink.got) >= want)
    assert sorted({e["sequence"] for e in Sink.got}) == list(range(want))
    nonolib.until("delivered", lambda: p.json("audit", "cleanup", "--dry-run")["kept"] == [])
    server.shutdown()
    server.server_close()
    # Killed with the sink away: what is left is delivered when somebody says so.
    Sink.got.clear()
    p.inside("echo y > b", "--name", "away", "--audit-sink", url)
    for pid in nonolib.until("the exporter", lambda: [x for x in p.processes()
                                                      if "nono-export" in nonolib.command_of(x)]):
        os.kill(pid, 9)
    server = http.server.HTTPServer(("127.0.0.1", port), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    assert "delivered" in p.nono("audit", "export", "--pending")
    got = [e["sequence"] for e in Sink.got]
    assert got == list(range(len(p.events("away")))), (got, len(p.events("away")))
    assert p.nono("audit", "export", "--pending") == ""
    # TCP syslog, octet counting.
    listener = socket.create_server(("127.0.0.1", 0))
    p.nono("audit", "export", "away", "--to", "syslog://127.0.0.1:%d" % listener.getsockname()[1])
    data, peer = b"", listener.accept()[0]
    while True:
        more = peer.recv(65536)
        if not more:
            break
        data += more
    count = 0
    while data:
        n, data = data.split(b" ", 1)
        assert re.match(rb"<1\d\d>1 ", data), data[:80]
        data, count = data[int(n):], count + 1
    assert count == len(p.events("away")), count
    p.inside("echo ran > ran", "--audit-sink", "gopher://x", code=2)
    p.inside("echo ran > ran", "--audit-sink", url, "--no-audit", code=2)
    assert not os.path.exists(os.path.join(p.work, "ran"))
    server.shutdown()
    server.server_close()


class TlsSyslog:
    """A server of RFC 5425 on loopback: the messages it got."""

    def __init__(self, folder, name, port=0):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(folder, name + ".crt"), os.path.join(folder, name + ".key"))
        self.got, self.handshakes_failed, self.open = [], 0, True
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.context, self.peers = context, []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while self.open:
            try:
                peer = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.read, args=(peer,), daemon=True).start()

    def read(self, raw):
        try:
            peer = self.context.wrap_socket(raw, server_side=True)
        except OSError:
            self.handshakes_failed += 1
            return
        self.peers.append(peer)
        data = b""
        while self.open:
            try:
                more = peer.recv(65536)
            except OSError:
                return
            data += more
            while b" " in data and len(data) >= int(data.split(b" ", 1)[0]) + data.index(b" ") + 1:
                n, rest = data.split(b" ", 1)
                self.got.append(rest[:int(n)].decode())
                data = rest[int(n):]
            if not more:
                return

    def sequences(self):
        return sorted({int(re.search(r'sequence="(\d+)"', x).group(1)) for x in self.got})

    def close(self):
        self.open = False
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for peer in self.peers:
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            peer.close()


def syslog_tls(p):
    d = p.mkdir("tls")
    for name, host in (("good", "IP:127.0.0.1"), ("elsewhere", "DNS:elsewhere.example"), ("stranger", "IP:127.0.0.1")):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", d + "/%s.key" % name, "-out", d + "/%s.crt" % name, "-subj", "/CN=" + name,
                        "-addext", "subjectAltName=" + host], check=True, capture_output=True)
        os.chmod(d + "/%s.crt" % name, 0o644)
    with open(d + "/ca.pem", "w") as f:
        for name in ("good", "elsewhere"):
            f.write(p.read("tls/%s.crt" % name))
    trust = {"SSL_CERT_FILE": d + "/ca.pem"}
    p.inside("echo hi > a", "--name", "s")
    want = list(range(len(p.events("s"))))
    for name, ok in (("good", True), ("elsewhere", False), ("stranger", False)):
        server = TlsSyslog(d, name)
        p.nono("audit", "export", "s", "--to", "syslog+tls://127.0.0.1:%d" % server.port, env=trust, code=0 if ok else 1)
        if ok:
            nonolib.until("all of it", lambda: server.sequences() == want)
            assert all(re.match(r"<1\d\d>1 ", x) for x in server.got), server.got[:2]
        else:
            assert not server.got and "certificate" in p.err.lower(), p.err
        server.close()
    # One that speaks no TLS.
    plain = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lambda: plain.accept()[0].sendall(b"hello\n" * 9), daemon=True).start()
    p.nono("audit", "export", "s", "--to", "syslog+tls://127.0.0.1:%d" % plain.getsockname()[1], env=trust, code=1)
    # Live; away for a while, in the middle and back on the same port.
    server = TlsSyslog(d, "good")
    port = server.port
    p.env.update(trust)
    r = p.start("live", "echo x > a; while [ ! -e go ]; do sleep 0.1; done; echo y > b; sleep 100",
                "--audit-sink", "syslog+tls://127.0.0.1:%d" % port)
    nonolib.until("live events", lambda: any('/a"' in x for x in server.got))
    first = server.sequences()
    server.close()
    p.write("go", "")
    time.sleep(0.5)
    server = TlsSyslog(d, "good", port)
    nonolib.until("what came meanwhile", lambda: any('/b"' in x for x in server.got))
    p.nono("stop", "live")
    want = list(range(len(p.events(r["session_id"]))))
    nonolib.until(lambda: "all: %s" % server.sequences(), lambda: sorted(set(first + server.sequences())) == want)
    server.close()


def confined(p):
    """Who sends, and who notes how far it is, are confined while they do (what that takes: unit.sandbox_helper)."""
    server = http.server.HTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Sink.status = 200
    Sink.got.clear()
    sinks = ["http://localhost:%d/events" % server.server_port, "file://" + os.path.join(p.outside, "events")]
    for i, sink in enumerate(sinks):
        name = "s%d" % i
        p.start(name, "echo x > a; sleep 100", "--audit-sink", sink)

        def confined_now():
            n = []
            for pid in p.processes():
                if "nono-export" in nonolib.command_of(pid):
                    with open("/proc/%d/status" % pid) as f:
                        text = f.read()
                    n.append("Seccomp:\t2" in text and "NoNewPrivs:\t1" in text and "CapEff:\t0000000000000000" in text)
            return sorted(n) == [False, True, True]  # the first waits for the others, and reads nothing of theirs
        nonolib.until("its confinement", confined_now)
        if i == 0:
            nonolib.until("events", lambda: any(e["event"].get("target", "").endswith("/a") for e in Sink.got))
        else:
            nonolib.until("events", lambda: '/a"' in open(os.path.join(p.outside, "events")).read())
        p.nono("stop", name)
        nonolib.until("its end", lambda: not [x for x in p.processes() if "nono-export" in nonolib.command_of(x)])
    assert p.json("audit", "cleanup", "--dry-run")["kept"] == []
    server.shutdown()
    server.server_close()


def replay(p):
    p.start("rec", "printf '\\033[31mr\\303\\251d\\033[0m\\n'; touch made; cat %s; sleep 0.5; echo second; sleep 0.3" % p.key,
            "--record")
    nonolib.until("its end", lambda: p.json("inspect", "rec")["status"] == "exited")
    lines = [json.loads(x) for x in p.nono("replay", "rec", "--cast").splitlines()]
    assert lines[0]["version"] == 2 and lines[0]["width"] == 80 and lines[0]["height"] == 24, lines[0]
    out = "".join(x[2] for x in lines[1:] if x[1] == "o")
    assert out.startswith("\x1b[31mr\u00e9d\x1b[0m\r\n") and out.endswith("second\r\n"), out
    marks = [x for x in lines[1:] if x[1] == "m"]
    assert any("touch" in m[2] and "/made" in m[2] for m in marks), marks
    times = [x[0] for x in lines[1:]]
    assert times == sorted(times) and 0.5 < times[-1] < 10, times
    p.nono("audit", "verify", "rec")
    s = nonolib.Screen(p, "replay", "rec", "--speed", "2")
    text = s.sees("second")
    assert "r\u00e9d" in text, text
    s.sees("create .*/made")
    # Where all was shown the clock stands.
    bar = re.search(r"\d:\d\d +2x +END", s.sees("END")).group()
    time.sleep(1.2)
    assert bar in s.sees("END"), bar
    s.keys("q")
    assert s.ended() == 0
    # A signal ends it, and the terminal is as it was before.
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        s = nonolib.Screen(p, "replay", "rec")
        s.sees("q end")
        os.kill(s.client(), number)
        assert s.ended() == 128 + number, number
    t = nonolib.Pty(p, "replay", "rec")
    t.wait_for(b"q end")
    t.p.kill()
    t.ended()
    t.restored("kill -9")
    t.close()
    # A recording that was cut off is shown as far as it goes; what is none, is not.
    sid = p.json("audit", "list")[0]["session_id"]
    path = os.path.join(p.base, "state/nono/audit", sid, "screen.rec")
    size = os.path.getsize(path)
    os.truncate(path, size - 3)
    cut = "".join(json.loads(x)[2] for x in p.nono("replay", "rec", "--cast").splitlines()[1:] if '"o"' in x)
    assert "r\u00e9d" in cut and "second" not in cut, cut
    os.truncate(path, 3)
    p.nono("replay", "rec", "--cast", code=1)
    p.inside("true", "--name", "bare")
    p.nono("replay", "bare", "--cast", code=1)
    p.nono("replay", "rec", code=2)
    p.nono("replay", "rec", "--cast", "--speed", "fast", code=2)
    p.inside("echo ran > ran", "--record", code=2)
    assert not os.path.exists(os.path.join(p.work, "ran"))


CASES = [replay, exports, spool, syslog_tls, confined, integrity, redaction, show, listing, damaged, prove, cleanup, retention,
         killed_retention, sign, sign_by_token, sign_by_keyring,
         anchor]

if __name__ == "__main__":
    nonolib.main(CASES)
