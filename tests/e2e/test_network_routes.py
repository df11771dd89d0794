#!/usr/bin/env python3
"""What sessions get without saying much: hosts of the built-in profiles, stand-ins for the keys of AWS."""
import hashlib
import hmac
import json
import os

import nonolib
import proxylib

HOSTS = {"claude-code": "api.anthropic.com", "codex": "api.openai.com", "opencode": "openrouter.ai",
         "gemini": "generativelanguage.googleapis.com", "qwen": "dashscope.aliyuncs.com", "crush": "api.anthropic.com",
         "openclaw": "api.openai.com", "swival": "openrouter.ai", "aider": "api.deepseek.com"}
TOOLS = ["python-dev", "node-dev", "bun-dev", "rust-dev", "go-dev", "java-dev", "mise-dev"]


def of_profiles(p):
    """Agents reach the hosts of their models; what is not listed is asked for, or refused."""
    def why(profile, host, *more):
        return json.loads(p.run([p.bin, "why", "--json", "--profile", profile, "--host", host, *more]).stdout)["status"]
    for profile, host in HOSTS.items():
        assert why(profile, host) == "allowed", (profile, host)
        assert why(profile, "evil.test") == "approval_required", (profile, why(profile, "evil.test"))
    for profile in TOOLS:
        assert why(profile, "github.com") == "allowed" and why(profile, "evil.test") == "denied", (profile, why(profile, "evil.test"))
    out = p.nono("run", "--silent", "--profile", "claude-code", "--allow-cwd", "--", "/bin/sh", "-c", "echo ${HTTPS_PROXY:+proxy}")
    assert out.split() == ["proxy"], out
    out = p.nono("run", "--silent", "--profile", "claude-code", "--allow-net", "--allow-cwd", "--", "/bin/sh", "-c",
                 "echo [${HTTPS_PROXY:+proxy}]")
    assert out.split() == ["[]"], out
    p.nono("run", "--silent", "--profile", "claude-code", "--block-net", "--allow-cwd", "--", "true")


SIGNS = r"""
import os, urllib.request
key = os.environ["AWS_ACCESS_KEY_ID"]
print(key, os.environ["AWS_SECRET_ACCESS_KEY"], os.environ.get("AWS_SESSION_TOKEN"), os.environ.get("AWS_PROFILE"), os.environ["AWS_REGION"])
r = urllib.request.Request(os.environ["BEDROCK_BASE_URL"] + "/model/m/invoke", data=b"{}", headers={
    "Content-Type": "application/json",
    "Authorization": "AWS4-HMAC-SHA256 Credential=%s/20260101/eu-west-1/bedrock/aws4_request, SignedHeaders=host, Signature=00" % key})
print(urllib.request.urlopen(r).status)
"""


def signature(secret, method, path, head, body):
    names = head["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    text = "\n".join([method, path, "", "".join("%s:%s\n" % (n, head[n]) for n in names), ";".join(names), hashlib.sha256(body).hexdigest()])
    scope = head["x-amz-date"][:8] + "/eu-west-1/bedrock/aws4_request"
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join(["AWS4-HMAC-SHA256", head["x-amz-date"], scope, hashlib.sha256(text.encode()).hexdigest()])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def of_aws(p):
    """The program signs by keys that are good for nothing; what arrives is signed by the real ones."""
    w = proxylib.Web(lambda m, t, h, b: proxylib.simple())
    secret = "wJalr-REAL-" + os.urandom(8).hex()
    os.mkdir(os.path.join(p.home, ".aws"), 0o700)
    p.own(os.path.join(p.home, ".aws"))
    p.write(os.path.join(p.home, ".aws/credentials"), "[work]\naws_access_key_id = AKIAREAL\naws_secret_access_key = %s\n" % secret)
    profile = p.write(os.path.join(p.outside, "own.json"), json.dumps({"meta": {"name": "own"}, "network": {
        "credentials": ["bedrock"], "custom_credentials": {"bedrock": {
            "upstream": "http://127.0.0.1:%d" % w.port, "aws_auth": {"profile": "work", "region": "eu-west-1", "service": "bedrock"}}}}}))
    p.write("signs.py", SIGNS)
    p.env.update(AWS_SESSION_TOKEN="REALTOKEN", AWS_PROFILE="work", AWS_ACCESS_KEY_ID="AKIAOTHERREAL", AWS_SECRET_ACCESS_KEY=secret)
    out = p.nono("run", "--silent", "--name", "aws", "--allow", p.work, "--profile", profile, "--", "python3", "signs.py").split()
    assert out[0].startswith("AKIANONO") and out[1] == out[0] and out[2:5] == ["None", "None", "eu-west-1"], out
    assert out[5] == "200", (out, p.err)
    m, t, head, body, raw = w.seen[-1]
    assert (m, t, body) == ("POST", "/model/m/invoke", b"{}") and "AKIANONO" not in raw, raw
    assert "Credential=AKIAREAL/" in head["authorization"], head
    assert head["authorization"].endswith("Signature=" + signature(secret, m, t, head, body)), head
    log = p.nono("logs", "aws", "--json")
    assert secret not in log and "REALTOKEN" not in log and "AKIANONO" not in log


nonolib.main([of_profiles, of_aws])
