"""The demo (`make demo`): sends all of `events/` to a local stack, injects faults, and checks results and ledger.

It writes `build/demo/result.json` and leaves nothing running.
"""
