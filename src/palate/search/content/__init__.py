"""The content side: what a language model adds to documents before they are indexed."""
