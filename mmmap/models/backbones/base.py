"""The interface of every backbone, for pretraining and the libraries.

Letters: B batch, H W pixels, h w grid of units, V visible units, C channels.
"""

from abc import abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from mmengine.model import BaseModule
from torch import Tensor, nn

from ...checkpoints.fit import Policy, always, compare, load
from ...checkpoints.recorded import check_recorded
from ...errors import InputError


class Encoder(BaseModule):
    """A module with checked loading of weights and freezable parts.

    Args:
        init_cfg: mmengine's; ``dict(type='Pretrained', checkpoint=...,
            prefix='backbone.')`` must fit, or raises.
    """

    out_type: str
    # Arguments that change the network but no weight's shape; see
    # mmmap/checkpoints/recorded.py.
    implicit_settings: ClassVar[dict[str, str]] = {}
    # The values of those, set by the constructor.
    settings: Mapping[str, object]

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
        for module in self._frozen_modules():
            module.eval()
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
        policy = Policy(always, always, resized=self._is_resized)
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
        """What need not agree when a checkpoint is loaded."""
        return Policy(
            self._may_miss, self._may_leave, resized=self._is_resized
        )

    def _may_miss(self, key: str) -> bool:
        """Whether a checkpoint need not have a key of this backbone."""
        return False

    def _may_leave(self, key: str) -> bool:
        """Whether a checkpoint's key may stay unused."""
        return False

    def _is_resized(self, key: str) -> bool:
        """Whether a tensor is resampled while it is loaded."""
        return False

    def _frozen_modules(self) -> list[nn.Module]:
        return []

    def _freeze(self) -> None:
        for module in self._frozen_modules():
            module.eval()
            module.requires_grad_(False)

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
