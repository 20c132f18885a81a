"""Find out what lies in folders and buckets, and note it in the data catalog."""
