"""How fast we are: our ways and others', side by side in one run. Nothing of the workflow needs this."""

# Part → its module, imported only when it is asked for, and the question that it answers.
PARTS = {
    "data": ("dadist.bench.data", "how fast and how large are the ways to keep training samples?"),
    "step": (
        "dadist.bench.step",
        "how long does a training step take, and what does each change of a plain one bring?",
    ),
    "study": (
        "dadist.bench.study",
        "how long do training, labelling and evaluation of a study take, and a plain loop's?",
    ),
    "demo": ("dadist.bench.demo", "where does the time of a whole run go, and how much does the workflow add?"),
    "mixtures": ("dadist.bench.mixtures", "how fast are the fit of the mixtures and the density of a map?"),
    "refinement": ("dadist.bench.refinement", "how fast are small regions of pseudo-labels erased?"),
    "evaluation": ("dadist.bench.evaluation", "how fast are predictions counted, enlarged and evaluated as a whole?"),
    "rendering": ("dadist.bench.rendering", "how fast are street scenes rendered?"),
    "growth": (
        "dadist.bench.growth",
        "how do time and memory of each stage grow with the images, and with their pixels?",
    ),
}
