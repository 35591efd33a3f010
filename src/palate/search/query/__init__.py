"""The query side: completing, correcting and rewriting what is asked."""
