#!/usr/bin/env python3
"""Attacks on a yes: the call becomes another one while the person is asked."""
import json
import subprocess
import threading
import time

from attackenv import main


def answers(scene, stop):
    """Says yes to reading what may be asked for, half a second late, and no to all else."""
    def nono(*args):
        return subprocess.run([scene.nono, *args], env=scene.env, cwd=scene.work, text=True,
                              preexec_fn=scene._become, capture_output=True).stdout

    allowed = [scene.asked(f) for f in (scene.key, scene.closed)]
    while not stop.is_set():
        for q in json.loads(nono("requests", "--json") or "[]"):
            mine = q["target"] in allowed and q["access"] == "read"
            if mine:
                time.sleep(0.5)
            nono("approve" if mine else "deny", q["id"])
        time.sleep(0.05)


class Person:
    """Answers while an attack runs."""

    def __init__(self, scene):
        self.stop = threading.Event()
        self.thread = threading.Thread(target=answers, args=(scene, self.stop), daemon=True)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


main("requests", ["--capability-elevation"], secrets=("key", "closed"), beside=Person)
