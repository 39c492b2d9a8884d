"""The report: `figures` adds up the ledger, `render` writes it for people and programs. Pure."""
