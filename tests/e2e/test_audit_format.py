"""Recomputes every hash of a log, its record and the ledger, with nothing but the description."""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile


def digest(domain, *parts):
    return hashlib.sha256(b"nono.audit." + domain + b".alpha\n" + b"".join(parts)).digest()


def merkle(nodes):
    if not nodes:
        return hashlib.sha256(b"").digest()
    while len(nodes) > 1:
        above = [digest(b"merkle", nodes[i], nodes[i + 1]) for i in range(0, len(nodes) - 1, 2)]
        if len(nodes) % 2:
            above.append(nodes[-1])
        nodes = above
    return nodes[0]


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def check_events(path):
    """(count, chain head, Merkle root, events) of a log; every line must fit."""
    chain, leaves, events = bytes(32), [], []
    with open(path, "rb") as f:
        data = f.read()
    assert data.endswith(b"\n"), "the last line is torn"
    for number, line in enumerate(data.decode("utf-8").split("\n")[:-1]):
        row = json.loads(line)
        assert list(row) == ["sequence", "prev_chain", "leaf_hash", "chain_hash", "event_json",
                             "event"], row.keys()
        assert row["sequence"] == number
        assert row["prev_chain"] == (chain.hex() if number else None)
        leaf = digest(b"event", row["event_json"].encode())
        chain = digest(b"chain", chain, leaf)
        leaves.append(leaf)
        assert row["leaf_hash"] == leaf.hex() and row["chain_hash"] == chain.hex(), number
        assert json.loads(row["event_json"]) == row["event"], number
        events.append(row["event"])
    return len(leaves), chain.hex(), merkle(leaves).hex(), events


def session_digest(record):
    identity = record["executable_identity"]
    if identity:
        identity = {"resolved_path": list(identity["resolved_path"].encode()),
                    "sha256": identity["sha256"]}
    ordered = {
        "session_id": record["session_id"], "started": record["started"],
        "ended": record["ended"], "command": record["command"],
        "executable_identity": identity,
        "tracked_paths": [list(p.encode()) for p in record["tracked_paths"]],
        "snapshot_count": record["snapshot_count"], "exit_code": record["exit_code"],
        "merkle_roots": record["merkle_roots"], "network_events": record["network_events"],
        "audit_event_count": record["audit_event_count"],
        "audit_integrity": {k: record["audit_integrity"][k] for k in
                            ("hash_algorithm", "event_count", "chain_head", "merkle_root")},
        "audit_attestation": record["audit_attestation"],
    }
    return digest(b"session-digest", compact(ordered)).hex()


def check_ledger(path):
    chain, found = bytes(32), {}
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f):
            row = json.loads(line)
            assert row["sequence"] == number
            assert row["prev_chain"] == (chain.hex() if number else None)
            entry = {k: row[k] for k in ("sequence", "session_id", "session_digest",
                                         "completed_at")}
            chain = digest(b"ledger.chain", chain, compact(entry))
            assert row["chain_hash"] == chain.hex(), number
            found[row["session_id"]] = row["session_digest"]
    return found


def check_state(state):
    """Every finished session below a state directory; how many there were."""
    audit = os.path.join(state, "nono", "audit")
    ledger = check_ledger(os.path.join(audit, "ledger.ndjson"))
    count = 0
    for name in sorted(os.listdir(audit)):
        if not os.path.isdir(os.path.join(audit, name)):
            continue
        with open(os.path.join(audit, name, "session.json"), encoding="utf-8") as f:
            text = f.read()
        record = json.loads(text)
        n, chain, root, events = check_events(os.path.join(audit, name, "audit-events.ndjson"))
        assert record["audit_integrity"] == {"hash_algorithm": "sha256", "event_count": n,
                                             "chain_head": chain, "merkle_root": root}
        assert record["audit_event_count"] == n
        assert events[0]["type"] == "session_started"
        assert events[0]["command"] == record["command"]
        assert events[1]["type"] == "sandbox_runtime"
        assert events[-1] == {"type": "session_ended", "ended": record["ended"],
                              "exit_code": record["exit_code"]}
        assert '"exit_code": %d' % record["exit_code"] in text
        identity = record["executable_identity"]
        with open(identity["resolved_path"], "rb") as f:
            assert hashlib.sha256(f.read()).hexdigest() == identity["sha256"]
        assert ledger[name] == session_digest(record), name
        assert os.stat(os.path.join(audit, name)).st_mode & 0o777 == 0o700
        count += 1
    return count


def run(argv, state):
    env = dict(os.environ, XDG_STATE_HOME=state)
    subprocess.run(argv, env=env, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, timeout=60)


def main():
    state = tempfile.mkdtemp(prefix="nono-audit-format-")
    try:
        run([os.path.join(os.environ["NONO_ATTACKS"], "test_audit_log"), "emit"], state)
        assert check_state(state) == 2
        nono = os.environ.get("NONO", "")
        if os.path.exists(nono):
            run([nono, "run", "--", "sh", "-c", "cat /etc/hostname; true"], state)
            assert check_state(state) == 3
    finally:
        shutil.rmtree(state)
    print("every hash recomputed")


if __name__ == "__main__":
    sys.exit(main())
