"""A release → a compiled plan: its steps in order, what each reads, and what happens where one fails."""
