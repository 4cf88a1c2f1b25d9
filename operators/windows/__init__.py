"""Rows → windows → reports: chunks, panes, the rules that close a window, and its findings."""
