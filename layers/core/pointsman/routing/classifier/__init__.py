"""The local classifier: a text to a task type and a probability, without a model. Pure."""
