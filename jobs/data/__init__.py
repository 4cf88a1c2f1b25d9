"""Tables of reference data: read, described, encoded as rows of numbers."""
