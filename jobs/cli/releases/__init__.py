"""Verbs that validate, publish, show and delete releases."""
