"""Model folders in MLServer's layout, loaded as steps of a pipeline.

`formats` reads the files of a folder and `runtimes` computes. `load.py` selects both by
`model-settings.json`.
"""
