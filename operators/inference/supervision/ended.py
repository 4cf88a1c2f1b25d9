"""The end of a worker process, and what it was doing."""

from __future__ import annotations

from typing import NamedTuple

from operators.core.errors import Reason, RecordError, WeirError
from operators.inference.supervision.messages import Calling, Loading


class Ending(NamedTuple):
    """How a worker process ended, and the last lines that it wrote."""

    how: str
    output: str


class WorkerEndedError(WeirError):
    """The worker process has ended, or was killed because it did not return in time.

    `call` is the call of a step during which that happened, None outside a call. `loading` is the release
    that was being loaded meanwhile, None if none was.
    """

    def __init__(self, ending: Ending, call: Calling | None, loading: Loading | None, hung: float) -> None:
        super().__init__(ending.how)
        self.how = ending.how
        self.output = ending.output
        self.call = call
        self.loading = loading
        self.hung = hung

    @property
    def reason(self) -> Reason:
        """The reason of a request on which it ends."""
        return Reason.MODEL_TIMEOUT if self.hung else Reason.MODEL_CRASHED

    def error(self) -> RecordError:
        """Return the error of the request on which it ends."""
        step = self.call.step if self.call else ""
        where = f"in step {step}" if step else "outside a step"
        if self.hung:
            message = f"no answer {where} within {self.hung:g} s (--step-timeout)"
        else:
            message = f"the process that computes the request ended {where}: {self.how}"
        return RecordError(self.reason, message, step)
