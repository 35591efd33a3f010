"""Judging search: graded by a language model, by simulated users, and by interleaving."""
