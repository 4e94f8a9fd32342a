# HybridNet on ScanObjectNN, PB-T50-RS, from MAP on ShapeNet-55.
# Paper: 93.87 top-1. Expected time: not measured.
#
#   python tools/train.py \
#       configs/points/hybridnet-small_1xb32-300e_scanobjectnn-pb-t50-rs.py
#
# Options: README.md.
_base_ = 'hybridnet-small_1xb32-300e_scanobjectnn-obj-bg.py'

train_dataloader = dict(dataset=dict(variant='pb_t50_rs'))
val_dataloader = dict(dataset=dict(variant='pb_t50_rs'))
test_dataloader = val_dataloader
