"""What was trained, for people: a page with charts, and a model card."""
