"""Files that arrive: found, landed byte for byte, read once, and nothing of them lost."""
