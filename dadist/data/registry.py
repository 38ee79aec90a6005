"""The data sets by name, as module paths: a name imports nothing, so editing one data set re-runs no other."""

DATASETS = {
    "synthia": "dadist.data.synthia",
    "cityscapes": "dadist.data.cityscapes",
    "mapillary": "dadist.data.mapillary",
    "folder": "dadist.data.folder",
}
