"""Data sets and checks that OpenMMLab lacks."""
