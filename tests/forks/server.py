"""A process that has imported the stack, and forks for each command line.

    python server.py SOCKET [MODULE ...]

Of a command that takes a second, five more go into imports. A process forked
from this one has them done; all else is as in a process of its own.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import warnings

# What most tools import.
STACK = (
    'mmmap',
    'mmdet.apis',
    'mmseg.apis',
    'matplotlib.figure',
    'torch.distributed.run',
    'torch.distributed.fsdp',
)


def main(path, *modules):
    """Serve until standard input ends, which is when the tests do."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        for name in modules or STACK:
            importlib.import_module(name)
    gc.freeze()  # what is imported stays in memory that all share
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen()
    print('ready', flush=True)
    ready = selectors.DefaultSelector()
    ready.register(0, selectors.EVENT_READ, None)
    ready.register(listener, selectors.EVENT_READ, lambda: accept())

    def accept():
        client, _ = listener.accept()
        pid = start(client)
        ended = os.pidfd_open(pid)
        ready.register(
            client, selectors.EVENT_READ, lambda: forward(client, pid)
        )
        ready.register(
            ended, selectors.EVENT_READ, lambda: finish(client, pid, ended)
        )

    def forward(client, pid):
        """Signals, one byte each; a client that is gone was killed."""
        numbers = client.recv(8)
        for number in numbers or (signal.SIGKILL,):
            os.kill(pid, number)
        if not numbers:
            ready.unregister(client)

    def finish(client, pid, ended):
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        with contextlib.suppress(KeyError):
            ready.unregister(client)
        ready.unregister(ended)
        os.close(ended)
        with contextlib.suppress(OSError):
            client.sendall(code.to_bytes(8, 'little', signed=True))
        client.close()

    while True:
        for key, _ in ready.select():
            if key.data is None:
                return
            # Of two events of a client the first may end it.
            if key.fileobj in ready.get_map():
                key.data()


def start(client):
    """Fork for one command line; the process id."""
    head, streams, _, _ = socket.recv_fds(client, 8, 3)
    size, text = int.from_bytes(head, 'little'), b''
    while len(text) < size:
        text += client.recv(size - len(text))
    pid = os.fork()
    if pid:
        for stream in streams:
            os.close(stream)
        return pid
    status = 1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        # No descriptor of the server or of another client stays open.
        os.closerange(3, 4096)
        status = run(**json.loads(text))
    finally:
        os._exit(status)


def run(argv, cwd, environment):
    """Run a command line as Python does; its exit status."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    forget_chance()
    # What this process starts is forked too.
    sys.executable = environment['FORKED_PYTHON']
    try:
        execute(argv[argv[:1] == ['-u'] :])
        status = 0
    except SystemExit as end:
        status = end.code
        if status is None:
            status = 0
        elif not isinstance(status, int):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def forget_chance():
    """Random states that a new process would not share with others."""
    import numpy as np
    import torch

    np.random.seed()
    torch.seed()


def execute(argv):
    """A file, ``-m MODULE`` or ``-c CODE``, with its arguments."""
    first, *rest = argv
    if first == '-c':
        sys.argv = ['-c', *rest[1:]]
        sys.path.insert(0, '')
        exec(rest[0], {'__name__': '__main__'})
    elif first == '-m':
        sys.argv = rest
        sys.path.insert(0, '')
        runpy.run_module(rest[0], run_name='__main__', alter_sys=True)
    else:
        sys.argv = argv
        sys.path.insert(0, os.path.dirname(os.path.realpath(first)))
        runpy.run_path(first, run_name='__main__')


if __name__ == '__main__':
    # Its own folder is no place to import from.
    del sys.path[0]
    main(*sys.argv[1:])
