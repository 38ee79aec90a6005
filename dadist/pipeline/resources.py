"""What jobs ask for beside their params: other numbers here change no result, so they run nothing again."""

from dadist.config.schema import Study
from dadist.pipeline.estimates import domain_and_network
from dadist.pipeline.params import spec


def gpus_to_adapt(study: Study, setting: str) -> int:
    """GPUs that share one adaptation."""
    return study.settings[setting].adapt.gpus


def gpus_to_selftrain(study: Study, setting: str) -> int:
    """GPUs that share one round."""
    return study.settings[setting].selftrain.training.gpus


def batch_to_estimate(study: Study, estimate: str) -> int:
    """Images at once for a depth network."""
    return domain_and_network(study, estimate)[1].batch


def batch_to_label(study: Study, setting: str) -> int:
    """Images at once for pseudo-labels."""
    return study.settings[setting].pseudo_label.batch


def batch_to_evaluate(study: Study, setting: str) -> int:
    """Images at once for the metric."""
    return study.settings[setting].evaluate.batch


def monitor(study: Study) -> str:
    """The --monitor of a stage: what whoever looks on sees while it runs."""
    return spec(**vars(study.monitor))
