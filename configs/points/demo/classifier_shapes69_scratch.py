# The same from scratch, with the same budget.
_base_ = '_base_/classifier.py'
