"""DQDL as text and as a tree: read it, find it in files, lay it out."""
