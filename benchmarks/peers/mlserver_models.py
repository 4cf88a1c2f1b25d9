"""Custom models of MLServer, which compute as the hand-written loop does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hand import Answerer
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class _Model(MLModel):
    async def load(self) -> bool:
        """Load the models of `weir train`, whose folder is the model's URI."""
        self._answerer = Answerer(Path(self.settings.parameters.uri))
        return True

    def _response(self, **outputs: Any) -> InferenceResponse:
        encoded = [
            NumpyCodec.encode_output(name, np.asarray(values).reshape(-1, 1))
            for name, values in outputs.items()
        ]
        return InferenceResponse(model_name=self.name, outputs=encoded)


class AllModel(_Model):
    """Preprocessor, classifier and outlier detector in one call."""

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Return classes, flags and scores of the request's rows."""
        labels, flags, scores = self._answerer.compute(NumpyCodec.decode_input(payload.inputs[0]))
        return self._response(predict=labels, is_outlier=flags, instance_score=scores)


class OutlierModel(_Model):
    """The outlier detector of preprocessed rows."""

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Return flags and scores of the request's rows."""
        flags, scores = self._answerer.outliers(NumpyCodec.decode_input(payload.inputs[0]))
        return self._response(is_outlier=flags, instance_score=scores)
