"""Forks worker processes that need not import anything; run as a module with a file descriptor, FD.

FD is a socket. Each byte that arrives on it comes with the worker's end of a channel; a worker is forked, its
process id and later its exit status are sent back. There is one worker at a time. This process has no
threads, because a fork copies only the thread that forks.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
from socket import recv_fds, socket, socketpair

from operators.inference.supervision.fork_protocol import END_OF_OUTPUT, NUMBER
from operators.inference.supervision.worker_process import run_worker


def serve(requests: socket) -> None:
    """Fork workers until the supervisor closes its end."""
    wakened, wake = socketpair()
    wake.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(wake.fileno())
    gc.freeze()  # a collection in a worker would copy all pages of the modules
    while True:
        _, descriptors, _, _ = recv_fds(requests, 1, 1)
        if not descriptors:
            return
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for unused in (requests, wakened, wake):
                unused.close()
            run_worker(socket(fileno=descriptors[0]))
        os.close(descriptors[0])
        requests.sendall(NUMBER.pack(pid))
        status = _await_end(pid, requests, wakened)
        print(f"{END_OF_OUTPUT}{pid}", flush=True)
        requests.sendall(NUMBER.pack(status))


def _await_end(pid: int, requests: socket, wakened: socket) -> int:
    """Return the exit status of the worker. If the supervisor ends first, kill the worker and exit."""
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        ready, _, _ = select.select([requests, wakened], [], [])
        if requests in ready:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            sys.exit(0)
        wakened.recv(1024)


if __name__ == "__main__":
    serve(socket(fileno=int(sys.argv[1])))
