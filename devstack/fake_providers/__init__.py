"""A stand-in for the two model providers, on loopback: no key, no cost, the real SDKs, and every fault on request.

Start it with `python -m devstack.fake_providers --port-file F`. Point google-genai at `{url}/gemini` and anthropic at
`{url}/anthropic`. Its answers depend on the text, are the same for the same text, and say that a stand-in gave them.

| control call | effect |
|---|---|
| `POST /_control/faults` | a list of rules, or `{"rules": [...], "limits": {model: {"rpm", "rpd", "tpm"}}}`: added |
| `GET /_control/faults` | rules with what is `left` of their `times`, and limits |
| `DELETE /_control/faults` | forgets rules, limits and what was counted against the limits |
| `GET /_control/journal` | every request that arrived, oldest first |
| `GET /_control/counts` | totals by provider, model, status, fault and outcome |
| `DELETE /_control/journal` | starts an empty journal (its file keeps the lines, behind a `cleared` mark) |
| `GET /_control/verdict` | llmock's judgement of how the client behaved (`?format=text` for people) |
| `GET /_control/health` | `{"status": "ok"}` |
| `/llmock/...` | llmock itself, with its own protocols, quotas, chaos and `/llmock/_llmock` control |
"""
