"""What `pointsman init` does: asks, stores the keys, sets the budget, builds and deploys."""
