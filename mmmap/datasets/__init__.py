"""What the OpenMMLab data sets lack."""
