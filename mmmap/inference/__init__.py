"""Predictions on images, folders and videos.

Only ``predictors`` and ``run_predictor`` import torch and the libraries, and
only ``sources`` imports mmengine: an exported model can be used without them.
"""
