"""Manifests ⇄ releases on the control topic: apply, diff, delete, roll back, explain, repair."""
