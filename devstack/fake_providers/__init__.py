"""Fake versions of both model providers, on loopback: no key, no cost, the real SDKs, and every fault on request.

Start it with `python -m devstack.fake_providers --port-file F`. Point google-genai at `{url}/gemini` and anthropic at
`{url}/anthropic`. An answer depends on the prompt alone and says that a stand-in gave it.

| control call | effect |
|---|---|
| `POST /_control/faults` | adds a list of rules, or `{"rules": [...], "limits": {model: {"rpm", "rpd", "tpm"}}}` |
| `GET /_control/presets` | returns the named situations and the actions that they are short for |
| `GET /_control/faults` | returns the rules, each with the uses `left` of its `times`, and the limits |
| `DELETE /_control/faults` | deletes rules, limits and what was counted against the limits |
| `GET /_control/journal` | returns every request that arrived, oldest first |
| `GET /_control/probes` | returns the model lookups and token counts, which generate nothing |
| `GET /_control/counts` | returns totals by provider, model, status, fault and outcome |
| `POST /_control/batches` | sets how long message batches take, and moves their clock: see `batches.BatchSettings` |
| `GET /_control/batches` | returns every message batch with its entries, and every request about batches |
| `DELETE /_control/batches` | forgets all of them, and the settings |
| `DELETE /_control/journal` | clears the journal and the probes (its file keeps the lines, before a `cleared` mark) |
| `GET /_control/verdict` | returns llmock's verdict on the client's behaviour (`?format=text` for people) |
| `GET /_control/health` | returns `{"status": "ok"}` |
| `/llmock/...` | llmock itself, with its own protocols, quotas, chaos and `/llmock/_llmock` control |
"""
