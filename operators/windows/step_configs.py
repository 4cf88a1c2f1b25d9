"""The configurations of batched steps, loaded from the releases that chunks name."""

from __future__ import annotations

from operators.control.release_cache import ReleaseCache
from operators.models.runtimes.batched import WindowRules
from operators.pipeline.load import BatchedStepConfig, ModelCache, batched_step_config
from operators.rows.counted_rows import Arrived
from operators.storage.trusted_roots import ArtifactPolicy


class StepConfigs:
    """Loads the configuration of a step once per epoch.

    `rules` are the job's defaults for values that a Monitor omits.
    """

    def __init__(self, releases: ReleaseCache, site: ArtifactPolicy, rules: WindowRules) -> None:
        self._releases = releases
        self._site = site
        self._rules = rules
        self._configs: dict[str, tuple[int, BatchedStepConfig]] = {}

    def load(self, chunk: Arrived) -> BatchedStepConfig:
        """Return the step's configuration in the release of a chunk or of counted rows.

        DeploymentError if the release is unknown or its model cannot be loaded.
        """
        epoch, config = self._configs.get(chunk.key, (0, None))
        if config is None or epoch != chunk.epoch:
            release = self._releases.get(chunk.pipeline, chunk.generation)
            config = batched_step_config(release, chunk.step, ModelCache(self._site), self._rules)
            self._configs[chunk.key] = (chunk.epoch, config)
        return config

    def loaded(self, key: str) -> BatchedStepConfig | None:
        """Return the configuration that was loaded last for a key, None before the first."""
        return self._configs.get(key, (0, None))[1]

    def loaded_for(self, key: str, epoch: int) -> BatchedStepConfig | None:
        """Return the configuration of a key's epoch, None if another one or none was loaded last."""
        loaded, config = self._configs.get(key, (0, None))
        return config if loaded == epoch else None
