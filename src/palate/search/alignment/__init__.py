"""Search for language models: graded results as preferences."""
