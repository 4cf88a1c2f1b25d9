"""Tables of reference data: reading, describing and encoding them as rows of numbers."""
