"""Training with weights, gradients and optimizer sharded over processes.

For models whose optimizer state does not fit on one GPU. A strategy for
MMEngine's ``FlexibleRunner`` with torch's ``fully_shard``, which runs on GPUs
and, with gloo, on CPUs; MMEngine's own ``FSDPStrategy`` uses the older
``FullyShardedDataParallel``, which does not support CPUs.
"""

from mmengine._strategy import DDPStrategy
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import get_world_size
from mmengine.registry import STRATEGIES
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from ..errors import InputError
from .launch import is_main_rank

# These copy or run the whole model in one process.
_IMPOSSIBLE = ('EMAHook', 'FeatureMonitorHook', 'ReconstructionHook')
_WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)


def shard(config: Config) -> None:
    """Make a config train with ``FullyShardedStrategy``.

    Hooks that need the whole model in one process are removed, with a note.

    Raises:
        InputError: There is only one process.
    """
    if config.get('launcher', 'none') == 'none':
        raise InputError(
            '--sharded spreads a model over processes; start several with '
            'tools/dist_train.sh CONFIG N --sharded'
        )
    config.runner_type = 'FlexibleRunner'
    config.strategy = dict(type='FullyShardedStrategy')
    hooks = config.get('custom_hooks') or []
    config.custom_hooks = [h for h in hooks if h.type not in _IMPOSSIBLE]
    gone = {hook.type for hook in hooks} & set(_IMPOSSIBLE)
    if gone and is_main_rank():
        print(f'sharded: without {", ".join(sorted(gone))}')


@STRATEGIES.register_module()
class FullyShardedStrategy(DDPStrategy):
    """Shard a model over all processes, block by block.

    Each process keeps its part of every block (the items of the model's
    ``ModuleList``) and of the rest, and gathers a block while it computes.
    Checkpoints are complete, like those of other runs: they can be used for
    fine-tuning, and resumed with another number of processes.
    """

    def _wrap_model(self, model: nn.Module) -> nn.Module:
        model = self.convert_model(model.to(get_device()))
        kind = str(get_device()).split(':')[0]
        mesh = init_device_mesh(kind, (get_world_size(),))
        blocks = [
            block
            for module in model.modules()
            if isinstance(module, nn.ModuleList)
            for block in module
        ]
        # Deeper modules come later in the list, and are sharded first.
        for block in reversed(blocks):
            fully_shard(block, mesh=mesh)
        return fully_shard(model, mesh=mesh)

    def save_checkpoint(self, filename: str, **kwargs) -> None:
        """Gather in all processes, write in the first; see the base class."""
        self._weights = get_model_state_dict(self.model, options=_WHOLE)
        self._state = get_optimizer_state_dict(
            self.model, self.optim_wrapper.optimizer, options=_WHOLE
        )
        super().save_checkpoint(filename, **kwargs)
        del self._weights, self._state

    def model_state_dict(self) -> dict:
        """The weights that ``save_checkpoint`` gathered."""
        return self._weights

    def optim_state_dict(self) -> dict:
        """The optimizer state that ``save_checkpoint`` gathered."""
        return self._state

    def load_model_state_dict(
        self, state_dict: dict, *, strict: bool = False, **kwargs
    ) -> None:
        """Load each process's part of complete weights."""
        options = StateDictOptions(full_state_dict=True, strict=strict)
        set_model_state_dict(self.model, state_dict, options=options)

    def load_optim_state_dict(self, state_dict: dict) -> None:
        """Load each process's part of a complete state."""
        set_optimizer_state_dict(
            self.model,
            self.optim_wrapper.optimizer,
            state_dict,
            options=StateDictOptions(full_state_dict=True),
        )
