"""The demo: a local stack, all of `events/` sent to it, faults on the way, and the books checked; `make demo`.

It writes `build/demo/result.json` and leaves nothing running.
"""
