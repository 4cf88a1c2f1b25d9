"""Milliseconds from request to response at fixed rates, of the job and of what it is compared with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Numbers
from benchmarks.harness import PIPELINE, Harness
from benchmarks.peers import mlserver

_RATE = 500.0
_SATURATED_SECONDS = 8.0
# MLServer sustains a rate at which its requests do not wait longer and longer: their median is below this.
_SUSTAINED_MS = 200.0


def measure(harness: Harness, name: str, seconds: float) -> Numbers:
    """Measure the job and a pipeline that passes requests through, then MLServer and the job at its rate."""
    numbers: dict[str, float] = {}
    for pipeline, shown in ((PIPELINE, "job"), ("floor", "floor")):
        p50, p90, p99 = np.percentile(
            _delays(harness, f"{name}-{shown}", pipeline, _RATE, seconds), [50, 90, 99]
        )
        numbers |= {f"{shown}, p50 ms": p50, f"{shown}, p90 ms": p90, f"{shown}, p99 ms": p99}
    rate, delays = _highest_rate(harness, seconds)
    at_rate = _delays(harness, f"{name}-at-rate", PIPELINE, rate, seconds)
    return {
        **numbers,
        "MLServer's highest rate, requests/s": rate,
        "mlserver, p50 ms": float(np.median(delays)),
        "job at MLServer's rate, p50 ms": float(np.median(at_rate)),
    }


def _delays(harness: Harness, name: str, pipeline: str, rate: float, seconds: float) -> NDArray[np.float64]:
    with harness.filled(f"{name}-latency", 0, pipeline) as workload, harness.job(workload, 1):
        delays: NDArray[np.float64] = harness.delays(workload, rate, seconds)[:, 1]
    return delays


def _highest_rate(harness: Harness, seconds: float) -> tuple[float, NDArray[np.float64]]:
    """Return the highest rate that MLServer sustains, to a tenth, and its latencies at that rate."""
    with mlserver.running(harness.models) as port:
        rate = mlserver.throughput(port, harness.bodies, mlserver.ONE_MODEL, _SATURATED_SECONDS)
        while True:
            delays = mlserver.latencies(port, harness.bodies, rate, seconds)
            if np.median(delays) < _SUSTAINED_MS:
                return rate, delays
            rate *= 0.9
