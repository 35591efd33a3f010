"""Search for language models: a collection made fit for pre-training."""
