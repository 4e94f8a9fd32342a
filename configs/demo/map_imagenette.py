# MAP pretraining on photographs: Imagenette at 128 pixels, without labels.
#
#   python tools/train.py configs/demo/map_imagenette.py \
#       --data-root DIR_OF_IMAGENETTE
_base_ = '_base_/map.py'

train_dataloader = dict(dataset=dict(data_root='data/imagenette128'))
train_cfg = dict(max_epochs=5)
