"""With keys in the environment the demo asks the providers: here a second server, built otherwise than the stand-in."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.stack

GEMINI_KEY, CLAUDE_KEY = "gemini-key-of-this-test-4711", "claude-key-of-this-test-0815"


@dataclass
class Provider:
    """Both providers' APIs on one port, as far as a plain call needs them; it takes one key each."""

    calls: list[tuple[str, str]] = field(default_factory=list)
    """Path and key of each request."""

    def serve(self) -> ThreadingHTTPServer:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                key = self.headers["x-goog-api-key"] or self.headers["authorization"].removeprefix("Bearer ")
                provider.calls.append((self.path, key))
                accepted = key == (GEMINI_KEY if ":generateContent" in self.path else CLAUDE_KEY)
                answer = (
                    (gemini(body, self.path) if ":generateContent" in self.path else claude(body)) if accepted else {}
                )
                data = json.dumps(answer).encode()
                self.send_response(200 if accepted else 401)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


def structured(text: str, schema: dict[str, Any]) -> str:
    """Return verdicts on the messages in the text, or a split answer that hands nothing out."""
    if "subtasks" in schema["properties"]:
        return json.dumps({"answer": "Indeed.", "subtasks": []})
    document = json.loads(text.partition("\n")[2])
    result = [{"id": entry["id"], "type": "documentation", "confidence": 0.9} for entry in document]
    return json.dumps({"verdicts": result})


def gemini(body: dict[str, Any], path: str) -> dict[str, Any]:
    prompt = body["contents"][0]["parts"][0]["text"]
    schema = body.get("generationConfig", {}).get("responseJsonSchema")
    return {
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"text": structured(prompt, schema) if schema else "Indeed."}]},
                "finishReason": "STOP",
            }
        ],
        "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 3, "totalTokenCount": 14},
        "modelVersion": path.rsplit("/", 1)[1].partition(":")[0],
    }


def claude(body: dict[str, Any]) -> dict[str, Any]:
    prompt, requests = body["messages"][0]["content"], body.get("output_config")
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [
            {"type": "text", "text": structured(prompt, requests["format"]["schema"]) if requests else "Certainly."}
        ],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 13, "output_tokens": 2},
    }


@pytest.fixture
def provider() -> Iterator[tuple[Provider, str]]:
    built = Provider()
    server = built.serve()
    yield built, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_demo_with_keys_calls_the_providers(provider: tuple[Provider, str], tmp_path: Path) -> None:
    seen, url = provider
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environ |= {"GEMINI_API_KEY": GEMINI_KEY, "ANTHROPIC_API_KEY": CLAUDE_KEY}
    environ |= {"GOOGLE_GEMINI_BASE_URL": url, "ANTHROPIC_BASE_URL": url}
    command = [sys.executable, "-m", "demo", "--json", "--folder", str(tmp_path)]
    with (tmp_path / "out.txt").open("w") as out, (tmp_path / "err.txt").open("w") as err:
        done = subprocess.run(command, cwd=ROOT, env=environ, stdout=out, stderr=err, timeout=300, check=False)
    assert done.returncode == 0, (tmp_path / "err.txt").read_text()[-3000:]
    result = json.loads((tmp_path / "out.txt").read_text())
    assert result["stand_in"] is False
    assert {key for _, key in seen.calls} == {GEMINI_KEY, CLAUDE_KEY}
    finished = [task for task in result["tasks"] if task["outcome"] == "completed"]
    assert {task["answer_excerpt"] for task in finished} == {"Indeed.", "Certainly."}
    assert len(seen.calls) == result["report"]["totals"]["attempts"]
    for file in tmp_path.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert GEMINI_KEY.encode() not in content, file
            assert CLAUDE_KEY.encode() not in content, file
