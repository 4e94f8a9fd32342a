# A template for your own data: UPerNet on HybridNet-S, crops of 512 px, 20k
# iterations, from MAP. Copy it, name your classes, and put images and class
# maps of the same names into the folders below. A class map is a PNG of one
# channel that holds the index of each pixel's class, from 0 in the order of
# `classes`; 255 is not counted.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmseg/upernet_map-small_8xb2-20k_own-512x512.py 8
#
# Options: README.md.
_base_ = [
    '../_base_/models/upernet.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/segmentation_20k.py',
    '../_base_/runtimes/mmseg.py',
]

classes = ('background', 'first thing', 'second thing')
palette = [[0, 0, 0], [220, 20, 60], [0, 130, 180]]
own = dict(
    type='BaseSegDataset',
    data_root='data/own',
    img_suffix='.jpg',
    seg_map_suffix='.png',
    # True where 0 in a class map is no class and the first one is 1.
    reduce_zero_label=False,
    metainfo=dict(classes=classes, palette=palette),
)
train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        data_prefix=dict(
            img_path='images/training', seg_map_path='annotations/training'
        ),
        **own,
    ),
)
val_dataloader = dict(
    dataset=dict(
        data_prefix=dict(
            img_path='images/validation',
            seg_map_path='annotations/validation',
        ),
        **own,
    )
)
test_dataloader = val_dataloader
model = dict(
    decode_head=dict(num_classes=len(classes)),
    auxiliary_head=dict(num_classes=len(classes)),
)
