"""Random batches as the data loaders of the three libraries give them."""

import torch


def batch_of(scope, size, classes):
    """Two images of noise with random labels.

    Args:
        scope: ``default_scope`` of the config.
        size: Edge of the images.
        classes: Number of classes of the labels.
    """
    return BATCHES[scope](size, classes)


def two_views(batch):
    """A batch of images as contrastive methods have it."""
    return batch | dict(inputs=[batch['inputs'], batch['inputs'].flip(-1)])


def _images(size):
    return [
        torch.randint(256, (3, size, size), dtype=torch.uint8)
        for _ in range(2)
    ]


def _labelled_images(size, classes):
    from mmpretrain.structures import DataSample

    return dict(
        inputs=torch.stack(_images(size)),
        data_samples=[
            DataSample().set_gt_label(label)
            for label in torch.randint(classes, (2,)).tolist()
        ],
    )


def _class_maps(size, classes):
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    meta = dict(img_shape=(size, size), ori_shape=(size, size))
    return dict(
        inputs=_images(size),
        data_samples=[
            SegDataSample(
                metainfo=meta,
                gt_sem_seg=PixelData(
                    data=torch.randint(classes, (1, size, size))
                ),
            )
            for _ in range(2)
        ],
    )


def _instances(size, classes):
    from mmdet.testing import demo_mm_inputs

    batch = demo_mm_inputs(
        2,
        [[3, size, size]] * 2,
        num_items=[3, 4],
        num_classes=classes + 1,
        with_mask=True,
    )
    # mmdet draws from 1 on, which fails for a single class.
    for sample in batch['data_samples']:
        sample.gt_instances.labels -= 1
    return batch


BATCHES = dict(
    mmpretrain=_labelled_images, mmseg=_class_maps, mmdet=_instances
)
