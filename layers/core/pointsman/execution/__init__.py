"""How a task runs: workflow state, outcomes, budget, model health, records and events. Pure."""
