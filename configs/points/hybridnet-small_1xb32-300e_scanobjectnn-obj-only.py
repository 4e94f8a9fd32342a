# HybridNet on ScanObjectNN, OBJ-ONLY, from MAP on ShapeNet-55.
# Paper: 94.97 top-1. Expected time: not measured.
#
#   python tools/train.py \
#       configs/points/hybridnet-small_1xb32-300e_scanobjectnn-obj-only.py
#
# Options: README.md.
_base_ = 'hybridnet-small_1xb32-300e_scanobjectnn-obj-bg.py'

train_dataloader = dict(dataset=dict(variant='obj_only'))
val_dataloader = dict(dataset=dict(variant='obj_only'))
test_dataloader = val_dataloader
