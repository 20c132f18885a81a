"""Describe a table, and suggest rules from what is found."""
