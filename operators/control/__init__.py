"""The control topic (releases, heads, models, taps) and the status topic (workers, events)."""
