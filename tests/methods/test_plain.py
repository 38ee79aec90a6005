import builders
import numpy as np
import oracles
import pytest
import torch

from dadist.classes import IGNORE
from dadist.methods.plain import METHOD
from dadist.model.segmenter import upsample


@pytest.mark.usefixtures("float64")
def test_the_one_term_is_unweighted_cross_entropy_on_the_pseudo_labels() -> None:
    segmenter, target = builders.segmenter().eval(), builders.target(labels=True)
    assert target.labels is not None
    weights = torch.linspace(0.5, 2.0, builders.CLASSES)  # of the source: no business of the target's
    method = METHOD(segmenter, builders.hyperparameters("plain"), builders.context(class_weights=weights))
    ((term,),) = method.segmenter_terms(builders.source(), target, 0)
    assert (term.name, term.weight) == ("pseudo", 1.0)
    logits = upsample(segmenter(target.images).logits, (32, 64)).detach()
    expected = oracles.cross_entropy(logits.numpy(), target.labels.numpy(), IGNORE, np.ones(builders.CLASSES))
    assert term.value.item() == pytest.approx(expected, rel=1e-9)


def test_the_source_has_no_part_in_it() -> None:
    method, target = builders.method("plain"), builders.target(labels=True)
    method.segmenter.eval()
    values = [
        term.value for seed in (1, 9) for (term,) in method.segmenter_terms(builders.source(seed=seed), target, 0)
    ]
    assert torch.equal(*values)


def test_images_without_a_pseudo_label_cost_nothing_and_train_nothing() -> None:
    method, target = builders.method("plain"), builders.target(labels=True)
    assert target.labels is not None
    unsure = target._replace(labels=torch.full_like(target.labels, IGNORE))
    ((term,),) = method.segmenter_terms(builders.source(), unsure, 0)
    term.value.backward()
    assert term.value == 0
    assert builders.gradients(method.segmenter) == []
