"""The ledger against what the providers charged: pure comparison, and what is kept of it."""
