"""What is wrong with a ruleset, told before any data is looked at."""
