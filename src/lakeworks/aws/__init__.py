"""Lakeworks on AWS and on Spark clusters: what is shipped, where to, and what runs there."""
