"""Statements that are no queries: carried out by the lake in the caller's name, by no engine."""
