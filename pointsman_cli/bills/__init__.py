"""Reads what the providers charged."""
