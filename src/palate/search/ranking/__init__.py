"""Putting found documents in a better order with language models, and learning to do so."""
