# COCO 2017, the shorter edge at 480 to 800 pixels (3x schedules).
_base_ = 'coco.py'

load, annotate, _, flip, pack = _base_.train_dataloader.dataset.pipeline
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            load,
            annotate,
            dict(
                type='RandomChoiceResize',
                scales=[(1333, edge) for edge in range(480, 801, 32)],
                keep_ratio=True,
            ),
            flip,
            pack,
        ]
    )
)
