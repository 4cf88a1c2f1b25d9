"""Conversion of topic records to the figures and tables of the dashboard and the HTML report."""
