"""Layer-wise learning rates and exact rules for weight decay."""

from mmengine.logging import MMLogger
from mmengine.optim import DefaultOptimWrapperConstructor
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from ...errors import InputError

# Parts of the names of parameters with several dimensions that never decay.
# Parameters of one dimension (norms, biases, D) never decay either.
NO_DECAY = frozenset(
    {'A_log', 'pos_embed', 'mask_token', 'cls_token', 'cls_position'}
)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """Lower learning rates for earlier layers, and exact weight decay.

    Works for any model whose ``backbone`` has ``get_layer_depth``:
    classifier, segmentor, detector. Parameters outside the backbone have the
    full rate. ``paramwise_cfg`` may have

    - ``layer_decay_rate``: the rate of a layer divided by that of the next
      (default 1.0, which works for any model);
    - ``custom_keys``: for parameters whose name contains the key, a dict with
      additional factors ``lr_mult`` and ``decay_mult``.

    Registered in mmengine's root registry, so every scope finds it.

    Raises:
        InputError: Another key in ``paramwise_cfg``, a rate outside (0, 1],
            or a rate below 1 for a backbone without ``get_layer_depth``.
    """

    def __init__(
        self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None
    ) -> None:
        paramwise_cfg = {'layer_decay_rate': 1.0, **(paramwise_cfg or {})}
        super().__init__(optim_wrapper_cfg, paramwise_cfg)
        unknown = set(paramwise_cfg) - {'layer_decay_rate', 'custom_keys'}
        if unknown:
            raise InputError(
                f'{type(self).__name__}: unknown paramwise_cfg '
                f'{sorted(unknown)}; it takes layer_decay_rate and '
                'custom_keys, and its no-decay rules need no options'
            )
        self.rate = paramwise_cfg['layer_decay_rate']
        if not 0 < self.rate <= 1:
            raise InputError(
                f'layer_decay_rate must be in (0, 1], got {self.rate}'
            )

    def add_params(
        self, params: list[dict], module: nn.Module, **kwargs
    ) -> None:
        """Append groups for all trainable parameters of a model."""
        backbone = getattr(module, 'backbone', None)
        depth_of = getattr(backbone, 'get_layer_depth', None)
        if self.rate < 1 and depth_of is None:
            raise InputError(
                'layer-wise learning rate decay needs a backbone with '
                f'get_layer_depth; {type(module).__name__} has '
                f'{type(backbone).__name__}. Set layer_decay_rate=1.0'
            )
        groups: dict[tuple[float, float], dict] = {}
        for name, param in module.named_parameters():
            if not param.requires_grad:
                continue
            scale, decay = (
                self._scale(name, depth_of),
                self._decay(name, param),
            )
            for options in self._custom(name):
                scale *= options.get('lr_mult', 1.0)
                decay *= options.get('decay_mult', 1.0)
            group = groups.setdefault(
                (scale, decay),
                dict(params=[], param_names=[], lr_scale=scale),
            )
            group['params'].append(param)
            group['param_names'].append(name)
        for (scale, decay), group in sorted(
            groups.items(), key=lambda item: item[0]
        ):
            group['lr'] = self.base_lr * scale
            if self.base_wd is not None:
                group['weight_decay'] = self.base_wd * decay
            params.append(group)
        self._log(params)

    def _scale(self, name: str, depth_of) -> float:
        if self.rate == 1 or not name.startswith('backbone.'):
            return 1.0
        depth, depths = depth_of(name, 'backbone.')
        return self.rate ** (depths - 1 - depth)

    @staticmethod
    def _decay(name: str, param: nn.Parameter) -> float:
        exempt = param.ndim <= 1 or NO_DECAY & set(name.split('.'))
        return 0.0 if exempt else 1.0

    def _custom(self, name: str):
        keys = self.paramwise_cfg.get('custom_keys') or {}
        return [keys[key] for key in keys if key in name]

    def _log(self, params: list[dict]) -> None:
        logger = MMLogger.get_current_instance()
        logger.info(
            f'{len(params)} parameter groups, learning rates '
            f'{params[0]["lr"]:.3g} to {params[-1]["lr"]:.3g}'
        )
        for group in params:
            logger.debug(
                f'lr {group["lr"]:.3g}, weight decay '
                f'{group.get("weight_decay")}: {group["param_names"]}'
            )
