"""Runs the worker in a process of its own, and finds the requests on which that process ends or hangs."""
