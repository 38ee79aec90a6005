"""The renderer of street scenes, in the layouts of SYNTHIA and Cityscapes."""
