# ImageNet-1K for fine-tuning: RandAugment and random erasing as well.
_base_ = 'imagenet.py'

load, crop, flip, pack = _base_.train_dataloader.dataset.pipeline
bgr_mean = [103.53, 116.28, 123.675]
train_dataloader = dict(
    batch_size=128,
    dataset=dict(
        pipeline=[
            load,
            crop,
            flip,
            dict(
                type='RandAugment',
                policies='timm_increasing',
                num_policies=2,
                total_level=10,
                magnitude_level=9,
                magnitude_std=0.5,
                hparams=dict(
                    pad_val=[round(x) for x in bgr_mean],
                    interpolation='bicubic',
                ),
            ),
            dict(
                type='RandomErasing',
                erase_prob=0.25,
                mode='rand',
                min_area_ratio=0.02,
                max_area_ratio=1 / 3,
                fill_color=bgr_mean,
                fill_std=[57.375, 57.12, 58.395],
            ),
            pack,
        ]
    ),
)
