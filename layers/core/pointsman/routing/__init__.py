"""Which model serves a task: the catalog, `openclaw.json`, the policy and the decision. Pure."""
