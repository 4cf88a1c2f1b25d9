"""Processes that run next to the job: the HTTP gateway, the dashboard and the alert bridge."""
