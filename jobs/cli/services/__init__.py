"""Verbs about alerts and reports, and verbs that start the processes next to the job."""
