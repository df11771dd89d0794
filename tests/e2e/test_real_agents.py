#!/usr/bin/env python3
"""Real agents in panes through their profiles: they start, draw what they draw under tmux, take
typed input; Claude Code does a task against a scripted model that makes it read a closed key."""
import json
import os
import shutil
import sys

import agents
from agentpanes import COLS, ROWS, SECRET, Home, draws, run_cases, until
from mockmodel import Model


def task(grant):
    """Claude Code is made to read a closed key: a request shows up, and is answered."""
    model = Model([{"text": "I look.", "shell": "cat ~/.ssh/id_rsa; echo done > out.txt"},
                   {"text": "Finished: MOCK_FINAL_TEXT"}])
    h = Home("claude", model.port)
    try:
        h.nono("run", "--silent", "--detached", "--name", "task", "--profile", "claude-code",
               "--open-port", str(model.port), "--allow-cwd", "--size", "%dx%d" % (COLS, ROWS), "--", agents.binary("claude"),
               "--dangerously-skip-permissions", "do the task")

        def key_request():
            for r in json.loads(h.nono("requests", "--json")):
                if r["target"].endswith(".ssh/id_rsa"):
                    return r
                h.nono("deny", r["id"], "--scope", "session", check=False)
            return None

        r = until("the request for the key", key_request)
        assert r["group"], "a key is not called sensitive"
        if grant:
            h.nono("approve", r["id"], "--scope", "once")
        else:
            h.nono("deny", r["id"], "--scope", "session")
        until("the end of the task", lambda: "MOCK_FINAL_TEXT" in h.nono("capture", "task"))
        seen = "".join(model.results)
        assert (SECRET in seen) == grant, "the model saw: %r" % seen
        if not grant:
            assert "ermission denied" in seen, seen
        assert os.path.exists(os.path.join(h.work, "out.txt")), "the allowed part was not done"
        log = h.nono("logs", "task", "--json")
        decisions = [e for e in log.splitlines() if "capability_decision" in e and "id_rsa" in e]
        assert decisions and ("Granted" in decisions[-1]) == grant, decisions
        sid = json.loads(h.nono("inspect", "task", "--json"))["session_id"]
        h.nono("stop", "task")
        h.nono("audit", "verify", sid)
    finally:
        h.close()
        model.close()


def main():
    # The slowest first.
    there = {n: agents.binary(n) for n in ("opencode", "gemini", "claude", "codex")}
    if not any(there.values()) or not shutil.which("node"):
        print("skipped: no real agent in %s (tests/install-agents.sh fetches them)" % agents.DIR)
        sys.exit(77)
    cases = [("draws " + n, lambda n=n: draws(n)) for n in there if there[n]]
    if there["claude"]:
        cases += [("task, denied", lambda: task(False)), ("task, granted", lambda: task(True))]
    run_cases(cases, there)


main()
