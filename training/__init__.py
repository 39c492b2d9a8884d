"""Trains and measures the local classifier. Not shipped in a layer."""
