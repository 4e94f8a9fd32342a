# UPerNet on HybridNet-S, ADE20K, 512 px, 60k iterations, from MAP.
# Paper: 46.9 mIoU. Expected time: not measured.
#
#   tools/dist_train.sh configs/mmseg/upernet_map_ade20k.py 8
#
# Options: README.md.
_base_ = [
    '../_base_/models/upernet.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/upernet_60k.py',
    '../_base_/runtimes/mmseg.py',
]
