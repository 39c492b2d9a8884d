"""How well decisions are made: labelled texts in, figures with their uncertainty, baselines and pictures out."""
