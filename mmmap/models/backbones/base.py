"""The interface of every backbone, for pretraining and the libraries.

Letters: B batch, H W pixels, h w grid of units, V visible units, C channels.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar

from mmengine.model import BaseModule
from torch import Tensor, nn

from ...checkpoints.fit import Policy, always, compare, load
from ...checkpoints.recorded import check_recorded
from ...errors import InputError
from ..layers.points import PointGroups
from ..masking import Layout
from .checks import absolute_indices, check_frozen

# What an encoder can encode a part of: images, or groups of points.
Units = Tensor | PointGroups


class Encoder(BaseModule):
    """A module with checked loading of weights and freezable parts.

    Args:
        init_cfg: mmengine's; ``dict(type='Pretrained', checkpoint=...,
            prefix='backbone.')`` must fit, or raises.
    """

    # Arguments that change the network but no weight's shape; see
    # mmmap/checkpoints/recorded.py.
    implicit_settings: ClassVar[dict[str, str]] = {}
    # Children and parameters before the first block.
    embedding: ClassVar[tuple[str, ...]]
    # Beginnings of keys that only pretraining or only fine-tuning has.
    optional: ClassVar[tuple[str, ...]] = ()
    # Keys of tensors that are resampled while they are loaded.
    resized: ClassVar[tuple[str, ...]] = ()

    # Set by the constructor: the values of the implicit settings, the depth
    # that ``out_indices`` and ``frozen_stages`` count in, and those two.
    settings: Mapping[str, object]
    depth: int
    out_indices: tuple[int, ...]
    frozen_stages: int
    out_type: str

    def _set_outputs(
        self,
        depth: int,
        out_indices: int | Sequence[int],
        frozen_stages: int,
        unit: str = 'blocks',
    ) -> None:
        """Check and set the depth, the outputs and what is frozen."""
        check_frozen(frozen_stages, depth)
        self.depth = depth
        self.out_indices = absolute_indices(out_indices, depth, unit)
        self.frozen_stages = frozen_stages

    @abstractmethod
    def units(self, inputs: Tensor) -> Units:
        """What of a batch can be hidden or kept; ``forward`` takes it."""

    @abstractmethod
    def layout(self, units: Units) -> Layout:
        """Where the tokens of units are."""

    def init_weights(self) -> None:
        """Load the checkpoint of ``init_cfg``, or apply another ``init_cfg``.

        Without ``init_cfg`` the weights stay as constructed.

        Raises:
            CheckpointError: The checkpoint is unreadable or does not fit.
        """
        cfg = pretrained_cfg(self.init_cfg)
        if cfg is None:
            super().init_weights()
            return
        source = cfg['checkpoint']
        own = dict(self.settings, type=type(self).__name__)
        load(
            self,
            source,
            cfg.get('prefix'),
            self.policy,
            partial(
                check_recorded,
                dict(backbone=own),
                source=source,
                use='initialising',
            ),
        )
        self._is_init = True

    def train(self, mode: bool = True) -> 'Encoder':
        """Set the mode; frozen parts stay in evaluation mode."""
        super().train(mode)
        for part in self._frozen():
            if isinstance(part, nn.Module):
                part.eval()
        return self

    def _load_from_state_dict(self, state_dict, prefix, *arguments) -> None:
        """Refuse weights that do not belong to this backbone.

        mmengine, the inferencers and ``get_model`` load with
        ``strict=False``, which would leave a random backbone.
        """
        weights = {
            key.removeprefix(prefix): value
            for key, value in state_dict.items()
            if key.startswith(prefix)
        }
        policy = Policy(always, always, resized=self.resized.__contains__)
        fit = compare(self, weights, 'the checkpoint', policy)
        advice = (
            'it is of another arch; build the model with that of the '
            'checkpoint'
            if fit.shapes
            else 'none of its tensors has one of these names. It is probably '
            'of another library, or lacks this prefix; convert it '
            '(tools/model_converters), or load a backbone by '
            "init_cfg=dict(type='Pretrained', checkpoint=..., "
            "prefix='backbone.')"
        )
        fit.check(f'{type(self).__name__} at {prefix or "the top"!r}', advice)
        super()._load_from_state_dict(state_dict, prefix, *arguments)

    @property
    def policy(self) -> Policy:
        """What need not agree when a checkpoint is loaded.

        Norms of outputs and optional keys may be missing; those, and blocks
        that are not built here, may be left.
        """
        own = ('out_norms.', *self.optional)
        return Policy(
            may_miss=lambda key: key.startswith(own),
            may_leave=lambda key: (
                key.startswith(('norm.', *own)) or self._is_beyond(key)
            ),
            resized=self.resized.__contains__,
        )

    def _is_beyond(self, key: str) -> bool:
        """Whether a key belongs to a block after those that are built."""
        part, *place = key.split('.')
        return part == 'layers' and (
            len(self.layers) <= int(place[0]) < self.depth
        )

    def _add_norms(
        self,
        last: Callable[[], nn.Module],
        other: Callable[[int], nn.Module],
    ) -> None:
        """Add a norm for each output.

        Pretraining trains the norm of the last block; the others start from
        scratch.
        """
        final = self.depth - 1
        if final in self.out_indices:
            self.norm = last()
        others = (index for index in self.out_indices if index != final)
        self.out_norms = nn.ModuleDict({str(i): other(i) for i in others})

    def _norm_of(self, index: int) -> nn.Module:
        final = index == self.depth - 1
        return self.norm if final else self.out_norms[str(index)]

    def get_layer_depth(
        self, param_name: str, prefix: str = ''
    ) -> tuple[int, int]:
        """Depth of a parameter, for layer-wise learning rate decay.

        Args:
            param_name: Name of the parameter.
            prefix: Prefix of this backbone in the model, e.g. ``'backbone.'``.

        Returns:
            The depth (0 for the embedding, i + 1 for block i, the largest
            for the norms of the outputs) and the number of depths.
        """
        num_layers = self._num_blocks() + 2
        part, *place = param_name.removeprefix(prefix).split('.')
        if part in self.embedding:
            return 0, num_layers
        block = self._block_of(part, place)
        return num_layers - 1 if block is None else block + 1, num_layers

    def _num_blocks(self) -> int:
        return self.depth

    def _block_of(self, part: str, place: list[str]) -> int | None:
        """The number of the block that has a parameter."""
        return int(place[0]) if part == 'layers' else None

    def _frozen(self) -> list[nn.Module | nn.Parameter]:
        """The parts that ``frozen_stages`` freezes."""
        if self.frozen_stages < 0:
            return []
        frozen = [getattr(self, name) for name in self.embedding]
        frozen += self._stages(self.frozen_stages)
        if self.frozen_stages == self.depth:
            frozen += [self.out_norms, getattr(self, 'norm', None)]
        return [part for part in frozen if part is not None]

    def _stages(self, count: int) -> list[nn.Module]:
        """The first of what ``frozen_stages`` counts."""
        return list(self.layers[:count])

    def _freeze(self) -> None:
        for part in self._frozen():
            part.requires_grad_(False)
        self.train(self.training)

    def _check_keep(self, keep: Tensor) -> None:
        if self.out_type != 'raw':
            raise InputError(
                "encoding a part of the tokens needs out_type='raw', "
                f'this backbone has {self.out_type!r}'
            )
        if keep.shape[1] == 0:
            raise InputError('keep names no token; at least one is needed')


class Backbone(Encoder):
    """An encoder that can encode a part of an image.

    Masking hides or keeps whole units, squares of ``patch_size`` pixels. With
    ``out_type='raw'``, ``forward(images, keep)`` returns one vector for each
    unit in ``keep``. The backbone decides whether to drop hidden units or
    to replace them.
    """

    @property
    @abstractmethod
    def patch_size(self) -> int:
        """Edge of a unit in pixels."""

    @abstractmethod
    def grid(self, images: Tensor) -> tuple[int, int]:
        """Rows and columns of units of images (B, 3, H, W)."""

    def units(self, inputs: Tensor) -> Tensor:
        """The images themselves."""
        return inputs

    def layout(self, units: Tensor) -> Layout:
        """The grid of images (B, 3, H, W)."""
        return Layout(self.grid(units), len(units), units.device)

    @abstractmethod
    def forward(
        self, images: Tensor, keep: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Encode images (B, 3, H, W), or the units ``keep`` (B, V) of them."""


def pretrained_cfg(init_cfg: dict | list | None) -> dict | None:
    """Return the ``Pretrained`` entry of an ``init_cfg``, or None.

    Raises:
        InputError: It names no checkpoint, or another init stands beside it.
    """
    cfg = init_cfg or {}
    if isinstance(cfg, list | tuple) and len(cfg) == 1:
        cfg = cfg[0]
    if isinstance(cfg, list | tuple):
        if any(part.get('type') == 'Pretrained' for part in cfg):
            raise InputError(
                "init_cfg of type 'Pretrained' must stand alone, got "
                f'{init_cfg}'
            )
        return None
    if cfg.get('type') != 'Pretrained':
        return None
    if not cfg.get('checkpoint'):
        raise InputError(
            "init_cfg=dict(type='Pretrained', ...) needs checkpoint="
            f'FILE, got {init_cfg}'
        )
    return dict(cfg)
