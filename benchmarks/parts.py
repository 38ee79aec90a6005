"""How fast we are: our ways and others', side by side in one run. Nothing of the workflow needs this."""

# PreparedSplit → its module, imported only when it is asked for, and the question that it answers.
PARTS = {
    "data": ("benchmarks.data", "how fast and how large are the ways to keep training samples?"),
    "step": (
        "benchmarks.step",
        "how long does a training step take, and what does each change of a plain one bring?",
    ),
    "study": (
        "benchmarks.study",
        "how long do training, labelling and evaluation of a study take, and a plain loop's?",
    ),
    "mixtures": ("benchmarks.mixtures", "how fast are the fit of the mixtures and the density of a map?"),
    "refinement": ("benchmarks.refinement", "how fast are small regions of pseudo-labels erased?"),
    "evaluation": ("benchmarks.evaluation", "how fast are predictions counted, enlarged and evaluated as a whole?"),
    "scaling": (
        "benchmarks.scaling",
        "how do time and memory of each stage grow with the images, and with their pixels?",
    ),
}
