# MAP pretraining on digit scenes, without their labels; 2 CPU cores: minutes.
#
#   python tools/dataset_converters/make_digit_scenes.py data/digits
#   python tools/train.py configs/demo/map_digits.py
_base_ = '_base_/map.py'

train_dataloader = dict(dataset=dict(data_root='data/digits/imagenet_like'))
