"""Search for language models: instructions mined from what people searched and clicked."""
