"""The use cases: each takes the ports that it needs."""
