"""What there is to choose from, by name. The values are text, so a name imports nothing before it is chosen.

A module is imported only where its entry is used: adding or editing one leaves the results of the others valid.
"""

# Readers of data sets.
DATASETS = {
    "synthia": "dadist.data.readers.synthia",
    "cityscapes": "dadist.data.readers.cityscapes",
    "mapillary": "dadist.data.readers.mapillary",
    "folder": "dadist.data.readers.folder",
}

# Methods of adaptation.
METHODS = {
    "warm_up": "dadist.methods.warm_up",
    "source_only": "dadist.methods.source_only",
    "adabn": "dadist.methods.adabn",
    "adaptsegnet": "dadist.methods.adaptsegnet",
    "clan": "dadist.methods.clan",
    "minent": "dadist.methods.minent",
    "advent": "dadist.methods.advent",
    "dada": "dadist.methods.dada",
    "ctrl": "dadist.methods.ctrl",
    "corda": "dadist.methods.corda",
    "dacs": "dadist.methods.dacs",
    "daformer": "dadist.methods.daformer",
    "mic": "dadist.methods.mic",
    "depth_prior": "dadist.methods.depth_prior",
    "ecap": "dadist.methods.ecap",
    "vfm_uda": "dadist.methods.vfm_uda",
    "adaptpatch": "dadist.methods.adaptpatch",
    "spigan": "dadist.methods.spigan",
    "depth_distribution": "dadist.methods.depth_distribution",
}

# How a self-training round uses its pseudo-labels.
RECIPES = {
    "plain": "dadist.methods.plain",
    "class_mix": "dadist.methods.class_mix",
}

# What a method may be built from (`artefacts` of its REQUIREMENTS): the class that loads it, the stage that makes it,
# and the suffix of its file.
ARTEFACTS = {
    "mixtures": ("dadist.prior.mixtures", "Mixtures", "dadist.stages.fit_gmm", ".npz"),
    "alignment": ("dadist.prior.alignment", "Alignment", "dadist.stages.align_depth", ".json"),
    "patches": ("dadist.prior.patches", "Patches", "dadist.stages.cluster_patches", ".npz"),
}

# Networks from an image to features; timm's come beside these. dadist/config/grid.py has the size of each one's
# features.
BACKBONES = {
    "resnet101": "dadist.model.backbones:ResNet101",
    "efficientnet_lite0": "dadist.model.efficientnet:EfficientNetLite0",
    "street": "dadist.model.backbones:Street",
    "mit_b0": "dadist.model.mix_transformer:mit_b0",
    "mit_b1": "dadist.model.mix_transformer:mit_b1",
    "mit_b2": "dadist.model.mix_transformer:mit_b2",
    "mit_b3": "dadist.model.mix_transformer:mit_b3",
    "mit_b4": "dadist.model.mix_transformer:mit_b4",
    "mit_b5": "dadist.model.mix_transformer:mit_b5",
}
