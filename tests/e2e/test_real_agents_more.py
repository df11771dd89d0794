#!/usr/bin/env python3
"""More real agents in panes through their profiles, all on a model that speaks the OpenAI API: they start,
draw what they draw under tmux, take what is typed, and do a task in which they read a closed key:
that is asked, refused, and the rest of the task is done."""
import json
import os
import sys

import agents
from agentpanes import COLS, ROWS, SECRET, Home, draws, run_cases, until
from mockmodel import Model

TASK = "cat ~/.ssh/id_rsa; echo done > out.txt"
# What is typed instead of a task: this one leaves commands to the person.
TYPED = {"aider": "/run " + TASK}
# Where it works when nothing else is said.
WORKS_IN = {"openclaw": "../.openclaw/workspace"}


def task(name):
    model = Model([{"text": "I look.", "shell": TASK}, {"text": "Finished: MOCK_FINAL_TEXT"}])
    h = Home(name, model.port)
    try:
        h.nono("run", "--silent", "--detached", "--name", "task", "--profile", agents.PROFILE[name], "--allow-cwd", "--allow-net",
               "--size", "%dx%d" % (COLS, ROWS), "--", agents.binary(name), *agents.ARGS.get(name, []))
        until("%s in a pane" % name, lambda: agents.READY[name] in h.nono("capture", "task"))
        typed = TYPED.get(name, "do the task")
        h.nono("send", "task", typed)
        until("what was typed", lambda: typed[:11] in h.nono("capture", "task"), 30)
        h.nono("send", "--keys", "task", "Enter")

        def key_request():
            found = json.loads(h.nono("requests", "--json"))
            assert all(r["target"].endswith(".ssh/id_rsa") for r in found), "%s asks for %r" % (name, found)
            return found

        r = until("the request for the key of %s" % name, key_request)[0]
        assert r["group"], "a key is not called sensitive"
        h.nono("deny", r["id"], "--scope", "session")
        out = os.path.join(h.work, WORKS_IN.get(name, ""), "out.txt")
        until("the allowed part of the task", lambda: os.path.exists(out), 30)
        if name not in TYPED:
            until("the end of the task", lambda: "MOCK_FINAL_TEXT" in h.nono("capture", "task"), 60)
            seen = "".join(model.results)
            assert SECRET not in seen and "ermission denied" in seen, "the model saw: %r" % seen
        sid = json.loads(h.nono("inspect", "task", "--json"))["session_id"]
        h.nono("stop", "--force", "task")
        h.nono("audit", "verify", sid)
    finally:
        h.close()
        model.close()


def main():
    there = {n: agents.binary(n) for n in ("openclaw", "qwen", "swival", "aider", "crush")}
    if not any(there.values()):
        print("skipped: none of %s in %s (tests/install-agents.sh)" % (", ".join(there), agents.DIR))
        sys.exit(77)
    cases = [("task " + n, lambda n=n: task(n)) for n in there if there[n]]
    # The one that is left out takes half a minute to start, and shows how long it took.
    cases += [("draws " + n, lambda n=n: draws(n)) for n in there if there[n] and n != "openclaw"]
    run_cases(cases, there)


main()
