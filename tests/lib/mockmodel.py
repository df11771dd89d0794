"""A model API on loopback that follows a script: enough of the protocols Anthropic Messages, OpenAI Chat
Completions and OpenAI Responses for an agent to do one task. The turn is counted from the conversation, so the server
keeps no state."""
import http.server
import json
import threading
import time

import responses

# What agents call the tool that runs a shell command.
SHELLS = ("Bash", "bash", "run_shell_command", "run_command", "exec", "shell", "exec_command", "shell_command")


def last_prompt(messages):
    """Number of assistant turns with a tool call (agents put words of their own between, as the user's),
    and the last tool result."""
    turns, result = 0, ""
    for m in messages:
        content = m.get("content")
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
        if m.get("role") == "assistant":
            turns += any(b.get("type") == "tool_use" for b in blocks)
        elif any(b.get("type") == "tool_result" for b in blocks):
            for b in blocks:
                if b.get("type") == "tool_result":
                    c = b.get("content")
                    result = c if isinstance(c, str) else "".join(
                        x.get("text", "") for x in c or [] if isinstance(x, dict))
    return turns, result


def from_chat(body):
    """A request for a chat completion in the form of the other protocol."""
    messages = []
    for m in body.get("messages") or []:
        calls = [{"type": "tool_use"} for _ in m.get("tool_calls") or []]
        if m.get("role") == "tool":
            messages.append({"role": "user", "content": [{"type": "tool_result", "content": m.get("content")}]})
        elif m.get("role") == "assistant":
            messages.append({"role": "assistant", "content": calls})
        elif m.get("role") == "user":
            messages.append(m)
    tools = [dict(t.get("function") or {}) for t in body.get("tools") or []]
    for t in tools:
        t["input_schema"] = t.get("parameters") or {}
    return {"messages": messages, "tools": tools, "model": body.get("model"), "stream": body.get("stream")}


def fill(schema, command):
    """Arguments of a shell tool: the command where it belongs, the other required ones by their type."""
    props = schema.get("properties") or {}
    out = {}
    for name, p in props.items():
        kind = p.get("type") or [x.get("type") for x in p.get("anyOf") or [{}]][0]
        if name in ("command", "cmd"):
            out[name] = ["/bin/sh", "-c", command] if kind == "array" else command
        elif name in (schema.get("required") or []):
            out[name] = {"boolean": False, "integer": 10, "number": 10, "array": [], "object": {}}.get(kind, "Run a command")
    return out


class Model:
    """turns: list of {"text", "shell"?}. The n-th turn of the conversation gets the n-th entry.
    results: what its tools gave the model; keys: the keys that requests came with."""

    def __init__(self, turns, where=("127.0.0.1", 0), tls=None):
        self.turns = turns
        self.results = []
        self.keys = set()
        self.requests = 0
        self.command = ""
        model = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def finish(self):
                """An answer that ends with the connection ends with TLS's own word for it: else it is cut off."""
                super().finish()
                if tls:
                    self.connection.settimeout(2)
                    try:
                        self.connection.unwrap()
                    except OSError:
                        pass

            def reply(self, body, status=200):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                self.reply({}, 426 if self.headers.get("upgrade") else 200)  # no WebSocket

            do_HEAD = do_GET

            def do_POST(self):
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                path = self.path.split("?")[0]
                try:
                    body = json.loads(raw or b"{}")
                except ValueError:
                    body = {}
                if path.endswith("/count_tokens"):
                    self.reply({"input_tokens": 10})
                elif path.endswith("/messages"):
                    model.asked(self.headers)
                    self.answer(body, *model.choose(body))
                elif path.endswith("/chat/completions"):
                    model.asked(self.headers)
                    self.complete(body, *model.choose(from_chat(body)))
                elif path.endswith("/responses"):
                    model.asked(self.headers)
                    self.respond(body, *model.choose(responses.as_messages(body)))
                else:
                    self.reply({})

            def answer(self, body, text, call):
                blocks = [{"type": "text", "text": text}] if text else []
                if call:
                    blocks.append({"type": "tool_use", "id": "toolu_%d" % model.requests, **call})
                message = {"id": "msg_%d" % model.requests, "type": "message", "role": "assistant",
                           "model": body.get("model", "m"), "content": blocks,
                           "stop_reason": "tool_use" if call else "end_turn",
                           "stop_sequence": None,
                           "usage": {"input_tokens": 10, "output_tokens": 10}}
                if not body.get("stream"):
                    self.reply(message)
                    return
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                self.close_connection = True

                def send(kind, **rest):
                    self.wfile.write(("event: %s\ndata: %s\n\n" % (
                        kind, json.dumps({"type": kind, **rest}))).encode())
                    self.wfile.flush()

                send("message_start", message=dict(message, content=[], stop_reason=None))
                for i, b in enumerate(blocks):
                    if b["type"] == "text":
                        send("content_block_start", index=i,
                             content_block={"type": "text", "text": ""})
                        send("content_block_delta", index=i,
                             delta={"type": "text_delta", "text": b["text"]})
                    else:
                        send("content_block_start", index=i, content_block=dict(b, input={}))
                        send("content_block_delta", index=i,
                             delta={"type": "input_json_delta",
                                    "partial_json": json.dumps(b["input"])})
                    send("content_block_stop", index=i)
                send("message_delta", delta={"stop_reason": message["stop_reason"],
                                             "stop_sequence": None}, usage={"output_tokens": 10})
                send("message_stop")

            def respond(self, body, text, call):
                """The protocol Responses, streamed: nobody asks for it otherwise."""
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                self.close_connection = True
                for name, data in responses.events(body, model.requests, text, call, model.command):
                    self.wfile.write(b"event: %s\ndata: %s\n\n" % (name.encode(), json.dumps(data).encode()))
                    self.wfile.flush()

            def complete(self, body, text, call):
                """A chat completion."""
                message = {"role": "assistant", "content": text}
                if call:
                    message["tool_calls"] = [{"index": 0, "id": "call_%d" % model.requests, "type": "function", "function": {
                        "name": call["name"], "arguments": json.dumps(call["input"])}}]
                usage = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}
                whole = {"id": "c%d" % model.requests, "created": int(time.time()), "model": body.get("model", "m")}
                end = "tool_calls" if call else "stop"
                if not body.get("stream"):
                    self.reply(dict(whole, object="chat.completion", usage=usage,
                                    choices=[{"index": 0, "message": message, "finish_reason": end}]))
                    return
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                self.close_connection = True
                for delta, reason in ((message, None), ({}, end)):
                    self.wfile.write(b"data: %s\n\n" % json.dumps(dict(
                        whole, object="chat.completion.chunk", usage=usage if reason else None,
                        choices=[{"index": 0, "delta": delta, "finish_reason": reason}])).encode())
                self.wfile.write(b"data: [DONE]\n\n")

        self.server = http.server.ThreadingHTTPServer(where, Handler)
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def asked(self, headers):
        self.requests += 1
        self.keys.add((headers.get("x-api-key") or headers.get("authorization") or "").removeprefix("Bearer "))

    def choose(self, body):
        """(text, tool call or None) for one request."""
        tools = {t.get("name"): t for t in body.get("tools") or []}
        system = json.dumps(body.get("system") or "")
        if not tools:
            if "security monitor" in system:
                return "<block>no</block>", None
            return json.dumps({"title": "A task", "isNewTopic": False}), None
        n, result = last_prompt(body.get("messages") or [])
        if n and result:
            self.results.append(result)
        turn = self.turns[min(n, len(self.turns) - 1)]
        shell = [n for n in SHELLS if n in tools]
        if "shell" not in turn or not shell:
            return turn["text"], None
        self.command = turn["shell"]
        return turn["text"], {"name": shell[0], "input": fill(tools[shell[0]].get("input_schema") or {}, turn["shell"])}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
