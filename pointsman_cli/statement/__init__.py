"""The month's statement: what was spent, what that saved, and for whom."""
