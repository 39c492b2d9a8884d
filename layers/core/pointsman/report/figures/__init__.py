"""What the ledger adds up to: figures of a day, a range and a month, exact in nano-dollars."""
