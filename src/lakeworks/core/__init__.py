"""Names, types, errors, the clock and events: what every other package stands on."""
