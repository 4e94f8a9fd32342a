"""Predictions on images, folders and videos.

Of its modules ``predictors`` and ``run_predictor`` import torch and the
libraries, ``sources`` imports mmengine; the others need none of them, so that
an exported model can be used without.
"""
