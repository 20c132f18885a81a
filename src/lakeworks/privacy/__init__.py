"""Find a person in a lake, erase or export the data, and keep data no longer than declared."""
