"""The report as people and programs read it: web page, text, JSON, CSV."""
