"""The protocol OpenAI Responses for the model of mockmodel.py: requests in the form of the other protocol, answers
as streamed events."""
import json


def offered(body):
    """All tools of a request, also those that come among its input or in groups."""
    tools = list(body.get("tools") or [])
    for item in body.get("input") if isinstance(body.get("input"), list) else []:
        if item.get("type") == "additional_tools":
            tools += item.get("tools") or []
    out = []
    for t in tools:
        out += [dict(x, namespace=t["name"]) for x in t.get("tools") or []] if t.get("type") == "namespace" else [t]
    return [t for t in out if t.get("name")]


def as_messages(body):
    messages = []
    for item in body.get("input") if isinstance(body.get("input"), list) else []:
        kind = item.get("type") or ""
        if kind.endswith("_call_output"):
            said = item.get("output")
            said = said if isinstance(said, str) else "".join(x.get("text", "") for x in said or [] if isinstance(x, dict))
            messages.append({"role": "user", "content": [{"type": "tool_result", "content": said}]})
        elif kind.endswith("_call"):
            messages.append({"role": "assistant", "content": [{"type": "tool_use"}]})
    tools = [dict(t, input_schema=t.get("parameters") or {}) for t in offered(body)]
    return {"messages": messages, "tools": tools, "stream": body.get("stream")}


def call_item(body, call, n, command):
    tool = next(t for t in offered(body) if t["name"] == call["name"])
    item = {"id": "item_%d" % n, "call_id": "call_%d" % n, "name": call["name"], "status": "completed"}
    if tool.get("namespace"):
        item["namespace"] = tool["namespace"]
    if tool.get("type") == "custom":  # a program in JavaScript that uses the other tools
        return dict(item, type="custom_tool_call", input="text(await tools.exec_command({cmd: %s}));" % json.dumps(command))
    return dict(item, type="function_call", arguments=json.dumps(call["input"]))


def events(body, n, text, call, command):
    """(name, data) of each event."""
    items = []
    if text:
        items.append({"type": "message", "id": "msg_%d" % n, "status": "completed", "role": "assistant",
                      "content": [{"type": "output_text", "text": text, "annotations": []}]})
    if call:
        items.append(call_item(body, call, n, command))
    whole = {"id": "resp_%d" % n, "object": "response", "created_at": 0, "model": body.get("model", "m"), "output": [],
             "status": "in_progress", "error": None, "incomplete_details": None, "usage": None}
    out = [("response.created", {"response": whole})]
    for i, item in enumerate(items):
        out.append(("response.output_item.added", {"output_index": i, "item": dict(item, status="in_progress")}))
        if item["type"] == "message":
            out.append(("response.output_text.delta", {"item_id": item["id"], "output_index": i, "content_index": 0, "delta": text}))
        out.append(("response.output_item.done", {"output_index": i, "item": item}))
    usage = {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 10,
             "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 20}
    out.append(("response.completed", {"response": dict(whole, status="completed", output=items, usage=usage)}))
    return [(name, {"type": name, "sequence_number": k, **data}) for k, (name, data) in enumerate(out)]
