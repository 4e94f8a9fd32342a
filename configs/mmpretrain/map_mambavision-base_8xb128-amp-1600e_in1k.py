# MAP pretraining of MambaVision-B on ImageNet-1K, 224 px, 1,600 epochs.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/map_mambavision-base_8xb128-amp-1600e_in1k.py 8
#
# Options: README.md.
_base_ = [
    '../_base_/models/map_mambavision.py',
    '../_base_/datasets/imagenet_map.py',
    '../_base_/schedules/map_1600e.py',
    '../_base_/runtimes/mmpretrain_map.py',
]
