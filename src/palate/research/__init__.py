"""ResearchArena: collecting, ranking and organising the literature of a topic."""
