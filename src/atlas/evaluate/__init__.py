"""Honest measures of a predictions file, and the report that shows them."""
