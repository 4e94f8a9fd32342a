# Mask2Former on HybridNet-S, ADE20K, 512 px, 160k iterations, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmseg/mask2former_map-small_8xb2-160k_ade20k.py 8
#
# Options: README.md.
_base_ = [
    '../_base_/models/mask2former.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/segmentation_160k.py',
    '../_base_/runtimes/mmseg_mmdet.py',
]

train_dataloader = dict(batch_size=2)
optim_wrapper = dict(
    clip_grad=dict(max_norm=0.01),
    paramwise_cfg=dict(custom_keys=_base_.queries),
)
