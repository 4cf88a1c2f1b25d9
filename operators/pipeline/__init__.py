"""A release → a compiled plan: its steps in order, their inputs, and the handling of failures."""
