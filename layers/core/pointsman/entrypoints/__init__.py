"""From Lambda to the use cases: environment, wiring, handlers."""
