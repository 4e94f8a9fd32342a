# A linear layer on a frozen HybridNet-S, ADE20K, 512 px, 40k iterations, from
# MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh configs/mmseg/linear_map-small_8xb2-40k_ade20k.py 8
#
# Options: README.md.
_base_ = [
    '../_base_/models/segmentation_linear.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/segmentation_linear_40k.py',
    '../_base_/runtimes/mmseg.py',
]

train_dataloader = dict(batch_size=2)
