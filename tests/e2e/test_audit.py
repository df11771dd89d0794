"""nono audit: the questions that people have about a session, asked of its record."""
import json
import os

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
    # Programs: two shells below each other, and what the inner one ran.
    tree = p.json("audit", "show", sid, "--tree")
    assert len(tree) == 1, tree
    inner = [c for c in tree[0]["children"] if c["command"].startswith("sh -c sh")][0]
    assert [c["command"] for c in inner["children"][0]["children"]] == ["ls d"], tree
    assert "└─ ls d" in p.nono("audit", "show", sid, "--tree")
    # By path, kind, decision.
    os.chdir(p.work)
    rows = [json.loads(x) for x in p.nono("audit", "show", sid, "--path", "d", "--json").splitlines()]
    assert {r["event"]["op"] for r in rows} >= {"mkdir", "create", "rename"}, rows
    assert all(p.work + "/d" in r["event"]["target"] for r in rows), rows
    rows = [json.loads(x) for x in p.nono("audit", "show", sid, "--kind", "write", "--json").splitlines()]
    assert {os.path.basename(r["event"]["target"]) for r in rows} == {"out.txt", "d", "a"}, rows
    assert [r["sequence"] for r in rows] == sorted(r["sequence"] for r in rows)
    text = p.nono("audit", "show", sid, "--timeline")
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


CASES = [show, listing, damaged]

if __name__ == "__main__":
    nonolib.main(CASES)
