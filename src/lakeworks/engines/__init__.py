"""Where SQL runs: one protocol, and the engines behind it."""
