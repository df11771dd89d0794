"""A model API on loopback that follows a script: enough of the Anthropic Messages protocol for an
agent to do one task. The turn is counted from the conversation, so the server keeps no state."""
import http.server
import json
import threading


def last_prompt(messages):
    """Number of assistant turns with a tool call since the user's last own words, and the last
    tool result."""
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
        elif any(b.get("type") == "text" for b in blocks):
            turns = 0
    return turns, result


class Model:
    """turns: list of {"text", "shell"?}. The n-th turn of the conversation gets the n-th entry."""

    def __init__(self, turns):
        self.turns = turns
        self.results = []
        self.requests = 0
        model = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, body, status=200):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                self.reply({})

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
                    model.requests += 1
                    self.answer(body, *model.choose(body))
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

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

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
        if "shell" not in turn or "Bash" not in tools:
            return turn["text"], None
        return turn["text"], {"name": "Bash", "input": {"command": turn["shell"],
                                                        "description": "Run a command"}}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
