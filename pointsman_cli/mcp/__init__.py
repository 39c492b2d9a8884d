"""Pointsman as an MCP server: what an agent's tools may ask of one stack."""
