# Segmentation with parts of mmdet.
_base_ = 'mmseg.py'

custom_imports = dict(
    imports=['mmmap', 'mmdet.models'], allow_failed_imports=False
)
