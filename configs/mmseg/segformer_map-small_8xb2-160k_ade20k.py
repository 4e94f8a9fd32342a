# SegFormer's head on HybridNet-S, ADE20K, 512 px, 160k iterations, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh configs/mmseg/segformer_map-small_8xb2-160k_ade20k.py 8
#
# Options: README.md.
_base_ = [
    '../_base_/models/segformer.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/segmentation_160k.py',
    '../_base_/runtimes/mmseg.py',
]

train_dataloader = dict(batch_size=2)
