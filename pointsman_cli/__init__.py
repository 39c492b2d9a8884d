"""The operator's commands: not shipped in any layer."""
