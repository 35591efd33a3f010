"""The items of a recommender, found by what somebody writes and ordered by what they like."""
