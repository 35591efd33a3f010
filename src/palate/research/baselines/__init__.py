"""The published systems that ResearchArena compares, as one file each."""
