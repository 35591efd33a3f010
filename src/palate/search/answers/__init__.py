"""Search for language models: answers with checked citations."""
