"""Count the operators that a step of training dispatches.

A small net on a GPU waits for launches, and each operator is one or a few of
them. Views and allocations are not counted. Nothing is computed or timed: the
tensors are torch's fake tensors, without values.

    python tools/benchmarks/count_operators.py --arch tiny
    python tools/benchmarks/count_operators.py --arch tiny --most 20
"""

import sys
from argparse import Namespace
from collections import Counter
from types import SimpleNamespace

from options import ARCHS

from mmmap import cli


def parse_args(argv=None) -> Namespace:
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument('--arch', choices=ARCHS, default='tiny')
    parser.add_argument('--bf16', action='store_true', help='autocast')
    parser.add_argument(
        '--most', type=int, default=0, help='names that occur most'
    )
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import torch
from bench_model import pretraining
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

NOT_LAUNCHED = (
    *('empty', 'empty_like', 'empty_strided', 'new_empty', 'detach', 'alias'),
    *('_unsafe_view', 'lift_fresh', 'new_empty_strided', 'result_type'),
    *('promote_types', '_local_scalar_dense'),
)


class Count(TorchDispatchMode):
    """Counts operators by name while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.by_name = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Count one."""
        name = func._schema.name.removeprefix('aten::')
        # Operators of prim:: and profiler:: only query and record.
        launched = '::' not in name or name.startswith('mmmap::')
        if launched and not func.is_view and name not in NOT_LAUNCHED:
            self.by_name[name] += 1
        return func(*args, **(kwargs or {}))


def count(arch: str, bf16: bool) -> dict[str, Counter]:
    """Operators by name of the parts of a step of MAP."""
    settings = SimpleNamespace(with_cp=False)
    model = pretraining(arch, 224, settings).train()
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    for module in model.modules():
        for tensors in (module._parameters, module._buffers):
            for name, x in tensors.items():
                tensors[name] = None if x is None else fake.from_tensor(x)
    optimizer = torch.optim.AdamW(model.parameters(), foreach=True)
    parts = {}
    with fake, Count() as counted:
        images = torch.empty(2, 3, 224, 224)
        with torch.autocast('cpu', torch.bfloat16, enabled=bf16):
            loss = model.loss(images, [])['loss']
        parts['forward'] = Counter(counted.by_name)
        loss.backward()
        parts['backward'] = counted.by_name - parts['forward']
        optimizer.step()  # allocates its state
        before = Counter(counted.by_name)
        optimizer.step()
        parts['optimizer'] = counted.by_name - before
    return parts


def run(args: Namespace) -> None:
    """Count and print."""
    parts = count(args.arch, args.bf16)
    print(f'operators of a step of MAP, HybridNet {args.arch}:')
    for part, names in parts.items():
        print(f'  {part:10} {names.total():6}')
        for name, number in names.most_common(args.most):
            print(f'    {number:6} {name}')


main = cli.command(parse_args, run)

if __name__ == '__main__':
    sys.exit(main())
