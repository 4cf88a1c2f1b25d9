"""What a supervisor and its fork server agree on."""

from __future__ import annotations

import struct

# A process id, or an exit status as `os.waitpid` returns it.
NUMBER = struct.Struct("!q")
# Begins the line that follows all output of a worker process that has ended.
END_OF_OUTPUT = "worker process ended: "
# The exit code of a worker process that has no memory left.
OUT_OF_MEMORY = 137
