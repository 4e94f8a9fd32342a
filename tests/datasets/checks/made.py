"""Small data sets of each library, and what the checks say of them."""

import json
from pathlib import Path

import numpy as np
from mmengine.config import Config
from PIL import Image

from mmmap.datasets.checks import look_at_data

LOAD = dict(type='LoadImageFromFile')
COLOURS = {'red': (230, 20, 20), 'blue': (20, 20, 230)}


def save(path: Path, array) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array, np.uint8)).save(path)
    return path


def noise(seed, size=(32, 32)):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 200, (*size, 3), dtype=np.uint8)


def coco(names=('red', 'blue'), num=4, first=1):
    """The content of a JSON: one box of 8 x 8 of each name an image."""
    images = [
        dict(id=i + 1, file_name=f'{i}.png', width=32, height=32)
        for i in range(num)
    ]
    annotations = []
    for image in images:
        for k in range(len(names)):
            x, y = 3 + 12 * k, 5
            annotations.append(
                dict(
                    id=first + len(annotations),
                    image_id=image['id'],
                    category_id=k + 1,
                    bbox=[x, y, 8, 8],
                    area=64,
                    iscrowd=0,
                    segmentation=[[x, y, x + 8, y, x + 8, y + 8, x, y + 8]],
                )
            )
    categories = [dict(id=k + 1, name=n) for k, n in enumerate(names)]
    return dict(images=images, annotations=annotations, categories=categories)


def detection(
    root, train=None, val=None, classes=('red', 'blue'), number=None, **meta
):
    """A config of mmdet on JSONs with these contents."""
    train, val = train or coco(), val or coco()
    for k, (split, content) in enumerate(dict(train=train, val=val).items()):
        (root / f'{split}.json').write_text(json.dumps(content))
        for i in range(4):
            save(root / f'{split}/{i}.png', noise(10 * k + i))
    meta = meta.get('metainfo', dict(classes=classes))
    loaders = {
        f'{split}_dataloader': dict(
            dataset=dict(
                type='CocoDataset',
                data_root=str(root),
                ann_file=f'{split}.json',
                data_prefix=dict(img=split),
                metainfo=meta,
                test_mode=split == 'val',
                filter_cfg=dict(filter_empty_gt=True),
                pipeline=[
                    LOAD,
                    dict(type='LoadAnnotations', with_mask=True),
                ],
            )
        )
        for split in ('train', 'val')
    }
    number = number or len(classes)
    box = dict(type='Shared2FCBBoxHead', num_classes=number)
    mask = dict(type='FCNMaskHead', num_classes=number)
    return Config(
        dict(
            default_scope='mmdet',
            model=dict(roi_head=dict(bbox_head=box, mask_head=mask)),
            val_evaluator=dict(
                type='CocoMetric',
                metric=['bbox', 'segm'],
                ann_file=str(root / 'val.json'),
            ),
            **loaders,
        )
    )


def segmentation(root, classes=('a', 'b'), maps=None, **dataset):
    """A config of mmseg on class maps; by default of all classes."""
    for k, split in enumerate(('train', 'val')):
        for i in range(4):
            save(root / f'images/{split}/{i}.png', noise(10 * k + i))
            labels = np.arange(32 * 32).reshape(32, 32) % len(classes)
            labels = maps(labels) if maps else labels
            save(root / f'maps/{split}/{i}.png', labels)
    loaders = {
        f'{split}_dataloader': dict(
            dataset=dict(
                dict(
                    type='BaseSegDataset',
                    data_root=str(root),
                    data_prefix=dict(
                        img_path=f'images/{split}',
                        seg_map_path=f'maps/{split}',
                    ),
                    img_suffix='.png',
                    metainfo=dict(classes=classes),
                    pipeline=[LOAD, dict(type='LoadAnnotations')],
                ),
                **dataset,
            )
        )
        for split in ('train', 'val')
    }
    head = dict(type='FCNHead', num_classes=len(classes))
    return Config(
        dict(
            default_scope='mmseg',
            model=dict(decode_head=dict(head), auxiliary_head=dict(head)),
            val_evaluator=dict(type='IoUMetric'),
            **loaders,
        )
    )


def classification(root, folders=None, number=3, **dataset):
    """A config of mmpretrain on class folders."""
    folders = folders or dict(train='abc', val='abc')
    for k, (split, names) in enumerate(folders.items()):
        for j, name in enumerate(names):
            for i in range(2):
                seed = 100 * k + 10 * j + i
                save(root / f'{split}/{name}/{i}.png', noise(seed))
    loaders = {
        f'{split}_dataloader': dict(
            dataset=dict(
                dict(
                    type='CustomDataset',
                    data_root=str(root),
                    data_prefix=split,
                    pipeline=[LOAD],
                ),
                **dataset,
            )
        )
        for split in folders
    }
    head = dict(type='LinearClsHead', num_classes=number)
    return Config(
        dict(default_scope='mmpretrain', model=dict(head=head), **loaders)
    )


def found(config, full=True, splits=('train', 'val', 'test')):
    """Errors and warnings, each as a text with its split."""
    reports = look_at_data(config, splits, full)
    return tuple(
        [f'{r.split} {f}'.strip() for r in reports for f in getattr(r, kind)]
        for kind in ('errors', 'warnings')
    )


def errors_of(config, full=True):
    return found(config, full)[0]


def warnings_of(config, full=True):
    return found(config, full)[1]
