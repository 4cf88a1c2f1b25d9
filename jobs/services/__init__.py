"""Processes that run beside the job: the HTTP gateway, the dashboard, the alert bridge."""
