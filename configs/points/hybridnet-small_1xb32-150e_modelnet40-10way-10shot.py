# Few-shot: 10 classes of ModelNet40, 10 examples of each; one fold.
# Paper: no such result. Expected time: not measured.
#
#   python tools/train.py \
#       configs/points/hybridnet-small_1xb32-150e_modelnet40-10way-10shot.py
#
# Options: README.md.
_base_ = 'hybridnet-small_1xb32-150e_modelnet40-5way-20shot.py'

model = dict(head=dict(num_classes=10))
train_dataloader = dict(dataset=dict(way=10, shot=10))
val_dataloader = dict(dataset=dict(way=10, shot=10))
test_dataloader = val_dataloader
