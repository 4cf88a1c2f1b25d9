"""Commands on releases and the control topic: apply, diff, delete, roll back, explain, repair."""
