"""Names of topics, readers of whole topics, and records that cannot be used."""
