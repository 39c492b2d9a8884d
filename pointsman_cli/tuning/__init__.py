"""`pointsman tune`: what the books and people's corrections say of the classifier's threshold and of where types go."""
