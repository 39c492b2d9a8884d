"""The steps of `pointsman init`: prompt, store the keys, set the budget, build and deploy."""
