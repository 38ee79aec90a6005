"""The parts of the benchmark. Nothing of the workflow needs them."""

# Name → its module, which is imported only when it is asked for, and the question that it answers.
PARTS = {
    "data": ("benchmarks.data", "how fast are training samples prepared, and read again?"),
    "step": (
        "benchmarks.step",
        "how long does a training step take, and what does each change of a plain one bring?",
    ),
    "busy": ("benchmarks.busy", "how long does a step take on a busy machine, by threads and by how they wait?"),
    "study": (
        "benchmarks.study",
        "how long do training, labelling and evaluation of a study take, and those of a plain loop?",
    ),
    "mixtures": ("benchmarks.mixtures", "how fast are the fit of the mixtures and the density of a map?"),
    "refinement": ("benchmarks.refinement", "how fast are small regions of pseudo-labels erased?"),
    "evaluation": ("benchmarks.evaluation", "how fast are predictions enlarged, counted and evaluated as a whole?"),
    "predict": ("benchmarks.predict", "how many photographs a second does a model predict?"),
    "probe": ("benchmarks.probe", "how much is a source worth for a target, before any training?"),
    "scaling": (
        "benchmarks.scaling",
        "how do time and memory of each stage grow with the images, and with their pixels?",
    ),
}
