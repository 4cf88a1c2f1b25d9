"""Open Inference Protocol V2: JSON requests ⇄ columns of a micro-batch."""
