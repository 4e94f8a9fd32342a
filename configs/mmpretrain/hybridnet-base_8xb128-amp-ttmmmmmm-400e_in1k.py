# HybridNet-B with its blocks in the order TTMMMMMM, from scratch on
# ImageNet-1K, 224 px, 400 epochs.
# Paper: less. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/hybridnet-base_8xb128-amp-ttmmmmmm-400e_in1k.py 8
#
# Options: README.md.
_base_ = 'hybridnet-base_8xb128-amp-scratch-400e_in1k.py'

model = dict(
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=768, pattern='TTMMMMMM' * 4)
    )
)
