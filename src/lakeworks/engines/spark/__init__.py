"""Spark as an engine: local, on a cluster, or reached by Spark Connect."""
