"""Model folders as MLServer reads them → steps that can be run.

`storage` finds and fetches a folder, `settings` reads its model-settings.json, `loading` hands it to the
runtime that its implementation names (`sklearn_folder`, `alibi_detect_folder`, `boosted_folder`,
`quality_folder`, `python_folder`), `probes` compares its answers with recorded ones. Nothing is unpickled or
imported unless the folder lies below a trusted root and still has the digest that its release recorded
(`trust`).
"""
