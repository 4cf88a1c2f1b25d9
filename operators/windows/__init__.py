"""Rows → windows → reports: the rules that close a window, and its findings."""
