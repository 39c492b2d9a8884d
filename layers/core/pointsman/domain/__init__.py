"""The rules: pure Python, no AWS, no model SDK, no clock and no environment."""
