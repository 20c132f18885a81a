"""Query executions: SQL that runs in processes of its own, under a workgroup's limits."""
