"""Evaluate a ruleset: compile it, fetch its figures, mark its rows."""
