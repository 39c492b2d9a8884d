"""Sets each LLM task on the cheapest model that can do it, and keeps the books."""
