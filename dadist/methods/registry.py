"""Which module holds which method, by name; a module is imported only where its method runs.

The names are strings so that adding or editing one method leaves the results of the others valid.
"""

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
    "adaptpatch": "dadist.methods.adaptpatch",
    "spigan": "dadist.methods.spigan",
    "depth_distribution": "dadist.methods.depth_distribution",
}

# How a self-training round uses its pseudo-labels.
RECIPES = {
    "plain": "dadist.methods.plain",
    "class_mix": "dadist.methods.class_mix",
}

# What a method may be built from (its NEEDS): the class that loads the file, and the stage that makes it.
ARTEFACTS = {
    "mixtures": ("dadist.mixtures", "Mixtures", "dadist.stages.fit_gmm"),
    "patches": ("dadist.patches", "Patches", "dadist.stages.cluster_patches"),
}
