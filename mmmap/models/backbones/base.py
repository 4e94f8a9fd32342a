"""The interface of every backbone, for pretraining and the libraries.

Letters: B batch, H W pixels, h w grid of units, V visible units, C channels.
"""

from abc import abstractmethod
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from mmengine.model import BaseModule
from torch import Tensor, nn

from ...checkpoints import CheckpointError
from ...checkpoints.recorded import check_equal, recorded_model
from ...errors import InputError
from .pretrained import compare, load_pretrained, pretrained_cfg, shorten


class Encoder(BaseModule):
    """A module with checked loading of weights and freezable parts.

    Args:
        init_cfg: mmengine's; ``dict(type='Pretrained', checkpoint=...,
            prefix='backbone.')`` must fit, or raises.
    """

    out_type: str
    # Of this encoder, see implicit_settings_in; set by the constructor.
    implicit_settings: Mapping[str, object] = MappingProxyType({})

    @classmethod
    def implicit_settings_in(cls, **config) -> dict[str, object]:
        """What of a config changes the network and no weight's shape."""
        return {}

    @classmethod
    def check_recorded(
        cls, settings: Mapping, checkpoint: Mapping, source: str | Path
    ) -> None:
        """Compare settings with those that a checkpoint was trained with.

        Checkpoints without a config, or of another kind of backbone, pass.

        Args:
            settings: What ``implicit_settings_in`` finds in the config.
            checkpoint: The content of the file.
            source: Its name.

        Raises:
            CheckpointError: They differ.
        """
        trained = recorded_model(checkpoint).get('backbone')
        trained = trained if isinstance(trained, dict) else {}
        if str(trained.get('type')).split('.')[-1] != cls.__name__:
            return
        theirs = cls.implicit_settings_in(**trained)
        for name, value in settings.items():
            check_equal(source, f'backbone.{name}', theirs[name], value)

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
        load_pretrained(
            self,
            cfg['checkpoint'],
            cfg.get('prefix'),
            may_miss=self._may_miss,
            may_leave=self._may_leave,
            resizable=self._is_resized,
            check=partial(
                self.check_recorded,
                self.implicit_settings,
                source=cfg['checkpoint'],
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
        place = f'{type(self).__name__} at {prefix or "the top"!r}'
        weights = {
            key.removeprefix(prefix): value
            for key, value in state_dict.items()
            if key.startswith(prefix)
        }
        report = compare(self, weights, 'the weights', self._is_resized)
        if report.mismatched:
            raise CheckpointError(
                f'the weights do not fit the {place}: '
                f'{len(report.mismatched)} of other shapes '
                f'({shorten(report.mismatched)}). They are of another arch; '
                'build the model with that of the checkpoint'
            )
        if not report.matched:
            raise CheckpointError(
                f'the weights have nothing for the {place}: none of them has '
                'one of its names. They are probably of another library, or '
                'lack this prefix; convert them (tools/model_converters), or '
                "load a backbone by init_cfg=dict(type='Pretrained', "
                "checkpoint=..., prefix='backbone.')"
            )
        super()._load_from_state_dict(state_dict, prefix, *arguments)

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
