"""torchrun for dist_train.sh and dist_test.sh, on one machine or several.

python tools/launch.py PROCESSES SCRIPT [arguments of the script]

On several machines, NNODES, NODE_RANK, MASTER_ADDR and PORT identify this one
and the meeting point. The network interface that reaches MASTER_ADDR is used,
unless GLOO_SOCKET_IFNAME or NCCL_SOCKET_IFNAME names another. If one machine
fails or becomes unreachable, the others end too.
"""

import fcntl
import logging
import os
import signal
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path


def check_arguments(arguments: list[str]) -> None:
    """Answer ``--help``, and end with status 2 if the arguments are wrong."""
    if arguments[:1] in (['--help'], ['-h']):
        print(__doc__.strip())
        sys.exit()
    processes = (arguments + [''])[0]
    if len(arguments) < 2 or not processes.isdecimal() or int(processes) < 1:
        print(
            'error: expected the number of processes and a script, got '
            f"'{' '.join(arguments)}'; see --help",
            file=sys.stderr,
        )
        sys.exit(2)


if __name__ == '__main__':
    check_arguments(sys.argv[1:])  # before the imports, which take seconds

from torch.distributed import DistError, TCPStore
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main as torchrun

_INTERVAL = 3.0  # seconds between heartbeats
_MISSED = 8  # missed heartbeats after which a machine counts as lost
_DONE, _FAILED = 'done', 'failed'
_INTERFACES = ('GLOO_SOCKET_IFNAME', 'NCCL_SOCKET_IFNAME')
_SIOCGIFADDR = 0x8915  # of Linux: the IPv4 address of an interface


class NetworkError(Exception):
    """The machines cannot connect; the message says what to set."""


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as trial:
        trial.bind(('', 0))
        return trial.getsockname()[1]


def addresses() -> dict[str, str]:
    """The interface of each address of this machine."""
    found = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack('256s', name.encode()[:15])
            with suppress(OSError):  # it has none
                answer = fcntl.ioctl(probe, _SIOCGIFADDR, request)
                found[socket.inet_ntoa(answer[20:24])] = name
    with suppress(OSError):  # no IPv6
        for line in Path('/proc/net/if_inet6').read_text().splitlines():
            digits, *_, name = line.split()
            packed = bytes.fromhex(digits)
            found[socket.inet_ntop(socket.AF_INET6, packed)] = name
    return found


def interface_to(address: str) -> str | None:
    """The interface by which this machine reaches another.

    Args:
        address: A name or an address.

    Returns:
        None for an interface with several addresses, if it is not the first.

    Raises:
        NetworkError: There is no route to it.
    """
    try:
        family, kind, *_, place = socket.getaddrinfo(
            address, 9, type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind) as trial:
            # Nothing is sent: the kernel looks up the route.
            trial.connect(place)
            own = trial.getsockname()[0]
    except OSError as error:
        known = ', '.join(f'{n} {a}' for a, n in addresses().items())
        raise NetworkError(
            f'MASTER_ADDR={address} cannot be reached from here '
            f'({error.strerror}); set it to the address of the machine with '
            f'NODE_RANK=0. This machine has {known}'
        ) from error
    return addresses().get(own)


def choose_interface(address: str) -> None:
    """Set the interface in the environment, unless it is set."""
    if all(name in os.environ for name in _INTERFACES):
        return
    found = interface_to(address)
    if found is None:
        print(
            'note: no interface has the address that reaches MASTER_ADDR='
            f'{address}; set {" and ".join(_INTERFACES)} if the machines '
            'cannot connect',
            file=sys.stderr,
        )
        return
    os.environ.setdefault('GLOO_SOCKET_IFNAME', found)
    # Without "=" it would match all names with this prefix.
    os.environ.setdefault('NCCL_SOCKET_IFNAME', f'={found}')


class Watch:
    """Heartbeats between the machines of a run.

    Each machine increases a counter in torchrun's store on the first machine.
    If the counter of another stops, or says that it failed, this process is
    ended by SIGTERM, and torchrun ends its children.

    Args:
        node: Number of this machine.
        nodes: Number of machines.
        address: Address of the first machine.
        port: Port of the store.
    """

    def __init__(self, node: int, nodes: int, address: str, port: int):
        self.node, self.address, self.port = node, address, port
        self.others = [other for other in range(nodes) if other != node]
        self.heard: dict[int, str] = {}
        self.reason = ''
        self._store: TCPStore | None = None
        self._over = threading.Event()
        for work in (self._exchange, self._judge):
            threading.Thread(target=work, daemon=True).start()

    def _exchange(self) -> None:
        count = 0
        while not self._over.is_set():
            # The store does not exist yet, or no longer.
            with suppress(DistError, RuntimeError):
                self._store = self._store or TCPStore(
                    self.address,
                    self.port,
                    is_master=False,
                    timeout=timedelta(seconds=20),
                )
                count += 1
                self._store.set(_key(self.node), str(count))
                for other in self.others:
                    if self._store.check([_key(other)]):
                        status = self._store.get(_key(other))
                        self.heard[other] = status.decode()
            self._over.wait(_INTERVAL)

    def _judge(self) -> None:
        last, missed = {}, {}
        while not self._over.wait(_INTERVAL):
            for other, status in dict(self.heard).items():
                stands = status == last.get(other) and status != _DONE
                missed[other] = missed.get(other, 0) + 1 if stands else 0
                last[other] = status
                if status == _FAILED:
                    self._end(f'machine {other} failed; see its output')
                elif missed[other] >= _MISSED:
                    seconds = round(_MISSED * _INTERVAL)
                    self._end(
                        f'no signal from machine {other} for {seconds} s: it '
                        'or the network failed'
                    )

    def _end(self, reason: str) -> None:
        if not self._over.is_set():
            self._over.set()
            self.reason = reason
            os.kill(os.getpid(), signal.SIGTERM)

    def leave(self, failed: bool) -> None:
        """Report to the others how this machine ended."""
        told_already = self.reason != ''
        self._over.set()
        if self._store is None or told_already:
            return
        with suppress(DistError, RuntimeError):
            self._store.set(_key(self.node), _FAILED if failed else _DONE)
        if failed and self.node == 0:
            # The store ends with this process: give the others time to read
            # it.
            time.sleep(2 * _INTERVAL)


def _key(node: int) -> str:
    return f'mmmap/alive/{node}'


def meeting_point(nodes: int, node: int) -> tuple[str, int]:
    """Address and port at which the machines meet.

    Raises:
        NetworkError: A variable is missing or invalid.
    """
    address = os.environ.get('MASTER_ADDR')
    port = os.environ.get('PORT')
    if nodes == 1:
        return address or '127.0.0.1', int(port or free_port())
    if not 0 <= node < nodes:
        raise NetworkError(
            f'NODE_RANK={node} with NNODES={nodes}: number the machines from '
            f'0 to {nodes - 1}, each with another number'
        )
    if not address or not port:
        raise NetworkError(
            f'NNODES={nodes} needs MASTER_ADDR, the address of the machine '
            'with NODE_RANK=0, and PORT, a free port of it, the same on every '
            'machine'
        )
    return address, int(port)


def run(arguments: list[str], watch: Watch | None) -> str | int | None:
    """Run torchrun; return the exit status.

    The process that failed says why; torchrun's own lines would hide it.
    """
    elastic = logging.getLogger('torch.distributed.elastic')
    elastic.setLevel(logging.CRITICAL)
    try:
        torchrun(arguments)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode > 0:
            return failure.exitcode
        name = failure.signal_name()
        return f'error: process {rank} was ended by {name}'
    except SignalException as error:
        if error.sigval == signal.SIGINT:
            return 130  # the first process has said how to continue
        reason = watch and watch.reason
        return f'error: {reason or f"ended by {error.sigval.name}"}'
    except DistError as error:
        lines = str(error).splitlines() or [type(error).__name__]
        return (
            f'error: the machines cannot connect ({lines[0]}): run the '
            'command on each, with the same MASTER_ADDR and a PORT that is '
            'free and not behind a firewall'
        )
    return None


def main() -> str | int | None:
    """Launch; return the exit status."""
    processes, script, *rest = sys.argv[1:]
    nodes = int(os.environ.get('NNODES', 1))
    node = int(os.environ.get('NODE_RANK', 0))
    watch = None
    try:
        address, port = meeting_point(nodes, node)
        if nodes > 1:
            choose_interface(address)
            watch = Watch(node, nodes, address, port)
    except NetworkError as error:
        return f'error: {error}'
    options = dict(
        nnodes=nodes,
        node_rank=node,
        master_addr=address,
        master_port=port,
        nproc_per_node=processes,
    )
    arguments = [f'--{name}={value}' for name, value in options.items()]
    status = run([*arguments, script, *rest, '--launcher', 'pytorch'], watch)
    if watch:
        watch.leave(failed=status is not None)
    return status


if __name__ == '__main__':
    sys.exit(main())
