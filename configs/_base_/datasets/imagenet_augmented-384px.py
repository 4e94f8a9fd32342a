# ImageNet-1K for fine-tuning at 384 pixels; testing looks at all of the
# shorter edge.
_base_ = 'imagenet_augmented.py'

sizes = dict(
    RandomResizedCrop=dict(scale=384),
    ResizeEdge=dict(scale=384),
    CenterCrop=dict(crop_size=384),
)
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(step, **sizes.get(step.type, {}))
            for step in _base_.train_dataloader.dataset.pipeline
        ]
    )
)
val_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(step, **sizes.get(step.type, {}))
            for step in _base_.val_dataloader.dataset.pipeline
        ]
    )
)
test_dataloader = val_dataloader
