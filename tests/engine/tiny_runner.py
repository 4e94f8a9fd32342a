"""A runner that pretrains the tiny MAP on noise."""

import torch
from mmengine.runner import Runner
from mmpretrain.structures import DataSample

from tests.models.tiny import tiny_map


def noise(number=4):
    """Images as a data set's pipeline gives them."""
    generator = torch.Generator().manual_seed(0)
    return [
        dict(
            inputs=torch.randint(
                256, (3, 16, 16), generator=generator, dtype=torch.uint8
            ),
            data_samples=DataSample(),
        )
        for _ in range(number)
    ]


def tiny_runner(
    work_dir, hooks=(), epochs=2, model=None, dataset=None, **options
):
    """Two batches of two images an epoch, or of what else is given."""
    return Runner(
        model=model or tiny_map(),
        work_dir=str(work_dir),
        experiment_name='_'.join(work_dir.parts[1:]),
        train_dataloader=dict(
            dataset=dataset or noise(),
            batch_size=2,
            sampler=dict(type='DefaultSampler', shuffle=True),
            collate_fn=dict(type='default_collate'),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        custom_hooks=list(hooks),
        visualizer=dict(
            type='Visualizer', vis_backends=[dict(type='LocalVisBackend')]
        ),
        randomness=dict(seed=0),
        default_scope='mmpretrain',
        **options,
    )
