#!/usr/bin/env python3
"""A small agent that speaks the OpenAI API (chat completions, one tool that runs shell commands).

    openai_agent.py TASK

It knows what such agents know: OPENAI_BASE_URL and OPENAI_API_KEY. In a session with `--credential openai`
both lead to nono's proxy, the second is a stand-in, and the key stays outside."""
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request

TURNS = 20
OUTPUT = 20000  # characters of a command's output that the model gets
TOOL = {"type": "function", "function": {
    "name": "shell", "description": "Run a command in the project.",
    "parameters": {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}}}


def ask(messages):
    base = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1").rstrip("/")
    body = {"model": os.environ.get("OPENAI_MODEL", "gpt-5"), "messages": messages, "tools": [TOOL]}
    request = urllib.request.Request(base + "/chat/completions", json.dumps(body).encode(), {
        "Content-Type": "application/json", "Authorization": "Bearer " + os.environ.get("OPENAI_API_KEY", "")})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["choices"][0]["message"]
    except urllib.error.HTTPError as e:
        sys.exit("the model answers %d: %s" % (e.code, e.read(500).decode(errors="replace").strip()))
    except OSError as e:
        sys.exit("the model can't be reached: %s" % e)


def run(call):
    try:
        command = json.loads(call["function"]["arguments"])["command"]
    except (ValueError, KeyError):
        return "these are no arguments of the tool"
    print("$ " + command, flush=True)
    done = subprocess.run(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode(errors="replace")[:OUTPUT]
    print(text.rstrip(), flush=True)
    return "%sexit code %d" % (text, done.returncode)


def main():
    messages = [{"role": "user", "content": " ".join(sys.argv[1:]) or "Say hello."}]
    for _ in range(TURNS):
        answer = ask(messages)
        messages.append(answer)
        if answer.get("content"):
            print(answer["content"], flush=True)
        calls = answer.get("tool_calls") or []
        if not calls:
            return
        for call in calls:
            messages.append({"role": "tool", "tool_call_id": call.get("id"), "content": run(call)})
    sys.exit("the task takes too many turns")


main()
