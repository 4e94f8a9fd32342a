# HybridNet-T fine-tuned on ImageNet-1K, 224 px, 400 epochs, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/hybridnet-tiny_8xb128-amp-ft-400e_in1k.py 8
#
# Options: README.md.
_base_ = [
    '../_base_/models/classifier_finetune.py',
    '../_base_/datasets/imagenet_augmented.py',
    '../_base_/schedules/finetune_400e.py',
    '../_base_/runtimes/mmpretrain.py',
]
