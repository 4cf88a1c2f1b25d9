"""Model folders as MLServer reads them → steps of a pipeline.

`formats` read the files of a folder, `runtimes` compute; `load.py` chooses both by `model-settings.json`.
"""
