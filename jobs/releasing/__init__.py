"""Manifests ⇄ releases on the control topic: apply, delete, go back, and what differs between two.

Every change is one transaction of one fenced producer: of two at once, one is refused.
"""
