"""A ``python`` that has the fork server run its command line.

    python -IS client.py SOCKET [-u] (FILE | -m MODULE | -c CODE) [ARGUMENTS]

It passes on its folder, environment and standard streams, forwards signals,
and ends as the command does. It imports little, so it starts quickly.
"""

import json
import os
import signal
import socket
import sys

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main():
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.connect(sys.argv[1])
    request = dict(
        argv=sys.argv[2:], cwd=os.getcwd(), environment=dict(os.environ)
    )
    text = json.dumps(request).encode()
    head = len(text).to_bytes(8, 'little')
    socket.send_fds(server, [head], [0, 1, 2])
    server.sendall(text)
    for number in FORWARDED:
        signal.signal(number, lambda n, _: server.sendall(bytes([n])))
    answer = server.recv(8)
    if not answer:
        sys.exit('error: the fork server of the tests is gone')
    status = int.from_bytes(answer, 'little', signed=True)
    if status < 0:
        if -status in FORWARDED:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


main()
