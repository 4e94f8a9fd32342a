# Linear probing of HybridNet-T on ImageNet-1K, 224 px, after MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/hybridnet-tiny_8xb512-amp-linear-90e_in1k.py 8
#
# Options: README.md.
_base_ = [
    '../_base_/models/classifier_linear.py',
    '../_base_/datasets/imagenet.py',
    '../_base_/schedules/linear_90e.py',
    '../_base_/runtimes/mmpretrain.py',
]
