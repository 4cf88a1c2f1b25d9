"""Training new detectors from recent traffic and comparing them with the live ones."""
