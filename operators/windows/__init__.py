"""Rows → windows → reports: chunks, panes, what closes a window, what is found in it."""
