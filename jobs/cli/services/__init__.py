"""Verbs that start what runs beside the job."""
