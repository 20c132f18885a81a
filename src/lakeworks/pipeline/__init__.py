"""Check, plan, run, publish and roll back a project."""
