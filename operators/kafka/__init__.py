"""Names of topics, reading topics from start to end, and records that could not be used."""
