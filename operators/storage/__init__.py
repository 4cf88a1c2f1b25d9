"""storageUri → a private, digested copy of a model's folder, from a folder or a store that is trusted."""
