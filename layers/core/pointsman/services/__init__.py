"""The use cases: each one takes the ports it needs and the domain's types."""
