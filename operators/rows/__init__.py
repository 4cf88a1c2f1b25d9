"""The rows of batched steps on their way to a window: chunks of rows, then counts, with their lineage."""
