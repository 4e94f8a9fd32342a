# HybridNet-B with its blocks in the order MMMMMMTT, from scratch on
# ImageNet-1K, 224 px, 400 epochs.
# Paper: less. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/hybridnet-base_8xb128-amp-mmmmmmtt-400e_in1k.py 8
#
# Options: README.md.
_base_ = 'hybridnet-base_8xb128-amp-scratch-400e_in1k.py'

model = dict(
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=768, pattern='MMMMMMTT' * 4)
    )
)
