"""The command `lake`: one file a noun; each parses, calls and prints."""
