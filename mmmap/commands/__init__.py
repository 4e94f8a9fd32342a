"""From a folder of images to a model: what the ``mmmap`` command does.

It looks at the data, chooses, writes a short config and runs the tools of
this repository with it. A run is an ordinary work_dir.
"""
