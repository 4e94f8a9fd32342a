r"""Draw what a pretrained MAP makes of images of which it sees a part.

Example::

    python tools/analysis_tools/reconstruct.py \
        configs/mmpretrain/map_hybridnet-tiny_8xb128-amp-1600e_in1k.py \
        work_dirs/map/epoch_1600.pth photos/ --out pictures

Writes one picture an image: input | visible | reconstructed. The patch
normalisation is undone with the statistics of the true patches.
"""

import argparse
import sys
from pathlib import Path

import cv2
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS

import mmmap  # noqa: F401  registers the models
from mmmap.models.backbones.pretrained import (
    CheckpointError,
    compare,
    read_checkpoint,
    weights_of,
)
from mmmap.visualization import reconstruction_grid

SUFFIXES = {'.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp'}


def build_model(config, mask_ratio=None):
    """The MAP of a config, evaluating.

    Raises:
        ValueError: The config's model is no MAP, or the ratio is impossible.
    """
    cfg = config.get('model', {})
    if 'data_preprocessor' in config:
        cfg.setdefault('data_preprocessor', config.data_preprocessor)
    # Weights come from the checkpoint alone.
    cfg.get('backbone', {}).pop('init_cfg', None)
    if mask_ratio is not None and 'masking' in cfg:
        cfg['masking']['ratio'] = mask_ratio
    if cfg.get('type', '').split('.')[-1] != 'MAP':
        raise ValueError(
            f'the model of {config.filename} is {cfg.get("type")!r}; '
            'reconstruction needs the config of a MAP pretraining'
        )
    return MODELS.build(cfg).eval()


def load(model, path):
    """Fill all of a model from a checkpoint.

    Raises:
        CheckpointError: The checkpoint does not fit.
    """
    weights = weights_of(read_checkpoint(path), path)
    if not any(key.startswith('decoder.') for key in weights):
        raise CheckpointError(
            f'{path} holds no decoder (decoder.*): an encoder alone cannot '
            'reconstruct. Use the checkpoint that pretraining wrote'
        )
    report = compare(model, weights, path)
    if report.missing or report.unexpected or report.mismatched:
        raise CheckpointError(
            f'{report}. It does not fit the config; use the one it was '
            'trained with'
        )
    model.load_state_dict(weights)


def find_images(paths):
    """Image files among files and folders, in order.

    Raises:
        ValueError: A path that does not exist, or a folder without images.
    """
    found = []
    for path in map(Path, paths):
        if not path.exists():
            raise ValueError(f'there is no {path}')
        if path.is_file():
            found.append(path)
            continue
        inside = sorted(
            file for file in path.rglob('*') if file.suffix.lower() in SUFFIXES
        )
        if not inside:
            raise ValueError(
                f'{path} has no images ({", ".join(sorted(SUFFIXES))})'
            )
        found.extend(inside)
    return found


def read_image(path, size):
    """A BGR image as a tensor (3, H, W), its middle in the model's size.

    Raises:
        ValueError: Not an image.
    """
    image = cv2.imread(str(path))
    if image is None:
        raise ValueError(f'{path} is not an image that can be read')
    (H, W), (h, w) = size, image.shape[:2]
    scale = max(H / h, W / w)
    edges = max(round(w * scale), W), max(round(h * scale), H)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    image = cv2.resize(image, edges, interpolation=method)
    top, left = (edges[1] - H) // 2, (edges[0] - W) // 2
    image = image[top : top + H, left : left + W]
    return torch.from_numpy(image.transpose(2, 0, 1).copy())


def draw(model, image, seed):
    """The picture (H, W, 3), uint8 RGB, of an image (3, H, W)."""
    batch = dict(inputs=image[None], data_samples=None)
    inputs = model.data_preprocessor(batch, False)['inputs']
    torch.manual_seed(seed)
    return reconstruction_grid(
        model.reconstruct(inputs), model.data_preprocessor
    )


def run(args):
    """Draw all images of the command line.

    Raises:
        ValueError: A config, image or option that cannot be used.
        CheckpointError: A checkpoint that does not fit.
    """
    paths = find_images(args.images)
    model = build_model(Config.fromfile(args.config), args.mask_ratio)
    load(model, args.checkpoint)
    P = model.backbone.patch_size
    h, w = model.decoder.pos_embed.weight.shape[1:3]
    size = (h * P, w * P)
    args.out.mkdir(parents=True, exist_ok=True)
    for index, path in enumerate(paths):
        picture = draw(model, read_image(path, size), args.seed + index)
        target = args.out / f'{index:04d}_{path.stem}.png'
        cv2.imwrite(str(target), picture[..., ::-1])
        print(target)


def main(argv=None):
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config of a MAP pretraining')
    parser.add_argument('checkpoint', help='what it wrote')
    parser.add_argument('images', nargs='+', help='images, or folders of them')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR')
    parser.add_argument('--seed', type=int, default=0, help='of the masks')
    parser.add_argument(
        '--mask-ratio', type=float, help="instead of the config's"
    )
    args = parser.parse_args(argv)
    try:
        run(args)
    except (OSError, ValueError, CheckpointError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
