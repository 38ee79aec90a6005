"""Slow loops written from the formulas, for the tests to compare with."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import multivariate_normal, norm

Pixel = tuple[int, int]
Array = np.ndarray[Any, Any]


def log_density(weights: Array, means: Array, covariances: Array, point: Array) -> float:
    """log sum_k w_k N(point; mean_k, covariance_k): weights (K,), means (K, F), covariances (K, F, F), point (F,)."""
    total = 0.0
    for weight, mean, covariance in zip(weights, means, covariances, strict=True):
        away = point - mean
        distance = float(away @ np.linalg.solve(covariance, away))
        total += weight * math.exp(-distance / 2) / math.sqrt((2 * math.pi) ** len(mean) * np.linalg.det(covariance))
    return math.log(total) if total > 0 else -math.inf


def without_small_regions(labels: Array, thresholds: Array, ignore: int = 255) -> Array:
    """Algorithm 1 of Wu & Liu: flood fill over the 8 neighbours of one label; regions below the threshold go."""
    refined, visited = labels.copy(), labels == ignore
    for start in np.ndindex(labels.shape):
        if visited[start]:
            continue
        region, pending = [], [start]
        visited[start] = True
        while pending:
            row, column = pending.pop()
            region.append((row, column))
            for near in [(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)]:
                inside = 0 <= near[0] < labels.shape[0] and 0 <= near[1] < labels.shape[1]
                if inside and not visited[near] and labels[near] == labels[start]:
                    visited[near] = True
                    pending.append(near)
        if len(region) < thresholds[labels[start]]:
            for pixel in region:
                refined[pixel] = ignore
    return refined


def intersection_over_union(truth: Array, prediction: Array, classes: int, ignore: int = 255) -> list[float]:
    """Percent per class, by sets of labelled pixels; nan for an empty union."""
    scores = []
    labelled = {i for i, label in enumerate(truth.flat) if label != ignore}
    for c in range(classes):
        true = {i for i in labelled if truth.flat[i] == c}
        predicted = {i for i in labelled if prediction.flat[i] == c}
        union = true | predicted
        scores.append(100 * len(true & predicted) / len(union) if union else math.nan)
    return scores


def cross_entropy(logits: Array, labels: Array, ignore: int, weights: Array) -> float:
    """Σ w l / Σ w over the labelled pixels: logits (B, C, H, W), labels (B, H, W), weights (C,)."""
    total = weight = 0.0
    for b, y, x in np.ndindex(*labels.shape):
        label = labels[b, y, x]
        if label != ignore:
            scores = logits[b, :, y, x].astype(np.float64)
            total += weights[label] * -math.log(math.exp(scores[label]) / sum(math.exp(score) for score in scores))
            weight += weights[label]
    return total / weight


def berhu(predicted: Array, target: Array, valid: Array, ratio: float, c: float | None = None) -> float:
    """Mean over the valid pixels of e, or (e² + c²) / 2c beyond c = ratio max(e); any shape; c may be held fixed."""
    errors = [abs(float(p) - float(t)) for p, t, v in zip(predicted.flat, target.flat, valid.flat, strict=True) if v]
    c = ratio * max(errors) if c is None else c
    return sum(e if e <= c else (e**2 + c**2) / (2 * c) for e in errors) / len(errors)


def largest_error(predicted: Array, target: Array, valid: Array) -> float:
    """max |predicted - target| over the valid pixels; any shape."""
    return max(abs(float(p) - float(t)) for p, t, v in zip(predicted.flat, target.flat, valid.flat, strict=True) if v)


def self_information(logits: Array) -> Array:
    """-P log2 P / log2 C of P = softmax over axis 1, (B, C, H, W)."""
    information = np.zeros(logits.shape)
    batch, classes, height, width = logits.shape
    for b, y, x in np.ndindex(batch, height, width):
        scores = [math.exp(float(score)) for score in logits[b, :, y, x]]
        for c in range(classes):
            p = scores[c] / sum(scores)
            information[b, c, y, x] = -p * math.log2(p) / math.log2(classes)
    return information


def domain_loss(logits: Array, domain: int) -> float:
    """Mean of -log D for the target (1), -log(1 - D) for the source (0), with D = 1 / (1 + exp(-logit)); any shape."""
    total = 0.0
    for logit in logits.flat:
        d = 1 / (1 + math.exp(-float(logit)))
        total -= math.log(d if domain == 1 else 1 - d)
    return total / logits.size


def focal_loss(logits: Array, labels: Array, ignore: int, weights: Array, gamma: float) -> float:
    """Σ w (1 - p)^γ (-log p) / Σ w over the labelled pixels: logits (B, C, H, W), labels (B, H, W), weights (C,)."""
    total = weight = 0.0
    for b, y, x in np.ndindex(*labels.shape):
        label = labels[b, y, x]
        if label != ignore:
            scores = [math.exp(float(score)) for score in logits[b, :, y, x]]
            p = scores[label] / sum(scores)
            total += weights[label] * (1 - p) ** gamma * -math.log(p)
            weight += weights[label]
    return total / weight


def disagreement(first: Array, second: Array) -> Array:
    """1 - cos of the two softmaxes over axis 1 at each pixel, (B, C, H, W) to (B, 1, H, W)."""
    batch, _, height, width = first.shape
    apart = np.zeros((batch, 1, height, width))
    for b, y, x in np.ndindex(batch, height, width):
        p, q = (np.exp(logits[b, :, y, x].astype(np.float64)) for logits in (first, second))
        p, q = p / p.sum(), q / q.sum()
        apart[b, 0, y, x] = 1 - (p @ q) / math.sqrt((p @ p) * (q @ q))
    return apart


def dilated_convolution(image: Array, kernel: Array, bias: Array, rate: int) -> Array:
    """3x3 cross-correlation, zero padding: image (C, H, W), kernel (K, C, 3, 3), bias (K,) to (K, H, W)."""
    channels, height, width = image.shape
    out = np.zeros((len(kernel), height, width))
    for k, y, x in np.ndindex(*out.shape):
        out[k, y, x] = bias[k]
        for c, i, j in np.ndindex(channels, 3, 3):
            row, column = y + (i - 1) * rate, x + (j - 1) * rate
            if 0 <= row < height and 0 <= column < width:
                out[k, y, x] += kernel[k, c, i, j] * image[c, row, column]
    return out


def depth_scores(predicted: Array, measured_cm: Array, numerator: float, cap_m: float) -> dict[str, float]:
    """|Rel|, Rel², RMS, LRMS, δ1, δ2, δ3 in metres over the pixels measured within the cap; any shape."""
    pairs = []
    for z, cm in zip(predicted.flat, measured_cm.flat, strict=True):
        if 0 < cm < 65535 and cm / 100 <= cap_m:
            depth = (numerator / float(z) - 1) / 100 if z > 0 else math.inf
            pairs.append((min(max(depth, 0.01), cap_m), int(cm) / 100))
    n = len(pairs)
    scores = {
        "abs_rel": sum(abs(d - t) / t for d, t in pairs) / n,
        "sq_rel": sum((d - t) ** 2 / t for d, t in pairs) / n,
        "rms": math.sqrt(sum((d - t) ** 2 for d, t in pairs) / n),
        "log_rms": math.sqrt(sum((math.log(d) - math.log(t)) ** 2 for d, t in pairs) / n),
    }
    for k in (1, 2, 3):
        scores[f"delta{k}"] = sum(max(d / t, t / d) < 1.25**k for d, t in pairs) / n
    return scores


def upsample(maps: Array, height: int, width: int) -> Array:
    """Bilinear with the corners aligned, (B, C, h, w) to (B, C, height, width)."""
    batch, channels, rows, columns = maps.shape
    out = np.zeros((batch, channels, height, width))
    for y, x in np.ndindex(height, width):
        v, u = y * (rows - 1) / (height - 1), x * (columns - 1) / (width - 1)
        top, left = min(int(v), rows - 2), min(int(u), columns - 2)
        down, right = v - top, u - left
        for i, j, share in (
            (top, left, (1 - down) * (1 - right)),
            (top, left + 1, (1 - down) * right),
            (top + 1, left, down * (1 - right)),
            (top + 1, left + 1, down * right),
        ):
            out[:, :, y, x] += share * maps[:, :, i, j]
    return out


def strided_convolution(maps: Array, kernel: Array, bias: Array, stride: int) -> Array:
    """Cross-correlation without padding: maps (B, C, H, W), kernel (K, C, s, s), bias (K,)."""
    size = kernel.shape[-1]
    rows, columns = ((length - size) // stride + 1 for length in maps.shape[-2:])
    out = np.zeros((len(maps), len(kernel), rows, columns))
    for b, k, y, x in np.ndindex(*out.shape):
        patch = maps[b, :, y * stride : y * stride + size, x * stride : x * stride + size]
        out[b, k, y, x] = bias[k] + sum(float(w) * float(v) for w, v in zip(kernel[k].flat, patch.flat, strict=True))
    return out


@dataclass(frozen=True)
class Pass:
    """What the network says of one batch, on the feature grid; float64."""

    logits: Array  # (B, C, h, w)
    depth: Array  # (B, 1, h, w)
    density: Array  # (B, 1, h, w)
    mirrored: list[bool]  # (B,) whose images are mirrored left to right


@dataclass(frozen=True)
class Truth:
    """What the source knows, at the images' size."""

    labels: Array  # (B, H, W)
    inverse_depth: Array  # (B, 1, H, W)
    valid: Array  # (B, 1, H, W)
    ignore: int


@dataclass(frozen=True)
class Mixture:
    """One mixture per class over column, row and inverse depth."""

    weights: Array  # (C, K)
    means: Array  # (C, K, 3)
    covariances: Array  # (C, K, 3, 3)
    median: float

    def squashed(self, label: int, column: int, row: int, z: float, rule: str) -> float:
        """255 (1 - exp(-1e6 p)), or 1 - 2^(-p / median)."""
        point = np.array([column, row, z])
        p = math.exp(log_density(self.weights[label], self.means[label], self.covariances[label], point))
        return 255 * (1 - math.exp(-1e6 * p)) if rule == "exponential" else 1 - 2 ** (-p / self.median)


def source_density(given: Pass, truth: Truth, mixture: Mixture, *, reading: str, rule: str) -> Array:
    """Density of the true depth under the predicted class; "masked": z = 0 where the class is not the label's.

    A cell of a mirrored image is asked where it stood before.
    """
    out = np.zeros(given.density.shape)
    (height, width), (rows, columns) = truth.labels.shape[-2:], given.density.shape[-2:]
    for b, y, x in np.ndindex(len(out), rows, columns):
        column = columns - 1 - x if given.mirrored[b] else x
        down, right = math.floor((y + 0.5) * height / rows), math.floor((column + 0.5) * width / columns)
        right = width - 1 - right if given.mirrored[b] else right
        predicted = int(np.argmax(given.logits[b, :, y, x]))
        right_class = truth.labels[b, down, right] == predicted
        z = float(truth.inverse_depth[b, 0, down, right]) if right_class or reading == "ground_truth" else 0.0
        out[b, 0, y, x] = mixture.squashed(predicted, column, y, z, rule)
    return out


def target_density(given: Pass, mixture: Mixture, *, rule: str) -> Array:
    """Density of the network's own depth under its own class; 0 where that depth is not positive."""
    out = np.zeros(given.density.shape)
    for b, _, y, x in np.ndindex(*out.shape):
        z = float(given.depth[b, 0, y, x])
        if z > 0:
            column = out.shape[-1] - 1 - x if given.mirrored[b] else x
            out[b, 0, y, x] = mixture.squashed(int(np.argmax(given.logits[b, :, y, x])), column, y, z, rule)
    return out


class Iteration:
    """One iteration of the depth distribution: every loss as a function of what the network says.

    The densities that are regressed and the thresholds of berHu carry no gradient: they are taken once, from the
    outputs given here, and stay as they are when `source` and `target` are asked for others nearby.
    """

    def __init__(
        self, source: Pass, target: Pass, truth: Truth, mixture: Mixture, weights: Array, *, reading: str, rule: str
    ) -> None:
        self.truth, self.weights, self.size = truth, weights, truth.labels.shape[-2:]
        self.source_density = source_density(source, truth, mixture, reading=reading, rule=rule)
        self.target_density = target_density(target, mixture, rule=rule)
        self.everywhere = np.ones(self.source_density.shape, bool)
        depth = upsample(source.depth, *self.size)
        self.c_depth = 0.2 * largest_error(depth, truth.inverse_depth, truth.valid)
        self.c_source = 0.2 * largest_error(source.density, self.source_density, self.everywhere)
        self.c_target = 0.2 * largest_error(target.density, self.target_density, self.everywhere)

    def feature(self, given: Pass) -> Array:
        """What the critic sees: I(P) of the upsampled logits times the upsampled density, (B, C, H, W)."""
        return self_information(upsample(given.logits, *self.size)) * upsample(given.density, *self.size)

    def source(self, given: Pass) -> dict[str, float]:
        """The terms of the source pass."""
        depth, truth = upsample(given.depth, *self.size), self.truth
        logits = upsample(given.logits, *self.size)
        return {
            "segmentation": cross_entropy(logits, truth.labels, truth.ignore, self.weights),
            "depth": berhu(depth, truth.inverse_depth, truth.valid, 0.2, self.c_depth),
            "balance_source": berhu(given.density, self.source_density, self.everywhere, 0.2, self.c_source),
        }

    def target(self, given: Pass, kernel: Array, bias: Array) -> dict[str, float]:
        """The terms of the target pass, with a critic of one strided convolution."""
        answers = strided_convolution(self.feature(given), kernel, bias, 2)
        return {
            "balance_target": berhu(given.density, self.target_density, self.everywhere, 0.2, self.c_target),
            "adversarial": domain_loss(answers, 0),
        }

    @staticmethod
    def critic(source: Array, target: Array, kernel: Array, bias: Array) -> dict[str, float]:
        """The critic's terms, on the features of both passes."""
        return {
            "critic_source": domain_loss(strided_convolution(source, kernel, bias, 2), 0),
            "critic_target": domain_loss(strided_convolution(target, kernel, bias, 2), 1),
        }


def slopes(function: Callable[[Array], dict[str, float]], at: Array) -> dict[str, Array]:
    """Central differences of every value of ``function`` with respect to every number of ``at``."""
    found: dict[str, Array] = {}
    for index in np.ndindex(*at.shape):
        step = 1e-6 * max(1.0, abs(float(at[index])))
        ahead, behind = at.copy(), at.copy()
        ahead[index] += step
        behind[index] -= step
        before = function(behind)
        for name, value in function(ahead).items():
            found.setdefault(name, np.zeros(at.shape))[index] = (value - before[name]) / (2 * step)
    return found


def patch_descriptor(labels: Array, classes: int, patches: tuple[int, int], at: tuple[int, int]) -> list[float]:
    """Class histograms of the two by two cells of patch ``at`` (across, down) of a label map (H, W).

    A cell holds each pixel that it has a part of.
    """
    found: list[float] = []
    height, width = labels.shape
    for down in (2 * at[1], 2 * at[1] + 1):
        for across in (2 * at[0], 2 * at[0] + 1):
            rows = range(
                math.floor(down * height / (2 * patches[1])), math.ceil((down + 1) * height / (2 * patches[1]))
            )
            columns = range(
                math.floor(across * width / (2 * patches[0])), math.ceil((across + 1) * width / (2 * patches[0]))
            )
            seen = [int(labels[row, column]) for row in rows for column in columns if labels[row, column] != 255]
            found += [seen.count(c) / len(seen) if seen else 0.0 for c in range(classes)]
    return found


def nearest_centroid(descriptor: list[float], centroids: Array, members: Array) -> int:
    """Number of the nearest centroid with members; 255 for a patch without a label."""
    if not any(descriptor):
        return 255
    distances = [
        sum((a - b) ** 2 for a, b in zip(descriptor, centroid, strict=True)) if count else math.inf
        for centroid, count in zip(centroids.tolist(), members, strict=True)
    ]
    return distances.index(min(distances))


def place_and_depth(of: Any, c: int, x: float, y: float, z: float, noise: tuple[float, float]) -> tuple[float, float]:
    """log p_c(x, y) and log p_c(z | x, y) of one class of mixtures, by the joint normals of place and widened z."""
    joint = marginal = 0.0
    for weight, mean, covariance in zip(of.weights[c], of.means[c], of.covariances[c], strict=True):
        if weight == 0:
            continue
        at = np.array([x * of.scale[0], y * of.scale[1]])
        expected = mean[2] + covariance[2, :2] @ np.linalg.solve(covariance[:2, :2], at - mean[:2])
        wide = covariance[2, 2] - covariance[2, :2] @ np.linalg.solve(covariance[:2, :2], covariance[:2, 2])
        wide += (noise[0] + noise[1] * abs(expected)) ** 2
        there = weight * multivariate_normal(mean[:2], covariance[:2, :2]).pdf(at)
        joint += there * norm(expected, math.sqrt(wide)).pdf(z)
        marginal += there
    return math.log(marginal), math.log(joint / marginal) if joint > 0 else -math.inf


def fused(of: Any, logits: Array, z: Array, prior: Any, noise: tuple[float, float]) -> Array:
    """Log-probabilities ``(B, C, h, w)`` of network and prior, pixel by pixel, class by class."""
    found = np.empty_like(logits)
    fitted = [c for c in range(logits.shape[1]) if of.weights[c].any()]
    for b, y, x in np.ndindex(logits.shape[0], *logits.shape[2:]):
        scores = logits[b, :, y, x] - np.logaddexp.reduce(logits[b, :, y, x])
        depth = z[b, 0, y, x]
        terms = {c: place_and_depth(of, c, x, y, depth if depth > 0 else 1.0, noise) for c in fitted}
        for weight, which, there in ((prior.place, 0, True), (prior.depth, 1, depth > 0)):
            if there:
                floored = {c: max(term[which], prior.floor) for c, term in terms.items()}
                mean = sum(floored.values()) / len(floored)
                scores = scores + weight * np.array([floored.get(c, mean) for c in range(len(scores))])
        found[b, :, y, x] = scores - np.logaddexp.reduce(scores)
    return found


def elsewhere(mask: Array, scale: float, where: tuple[float, float], mirrored: bool) -> dict[Pixel, Pixel]:
    """Where the pixels of an object come from that is scaled, moved and mirrored: pixel → pixel of the mask."""
    (height, width), held = mask.shape, list(zip(*np.nonzero(mask), strict=True))
    top, left = (min(pixel[axis] for pixel in held) for axis in (0, 1))
    bottom, right = (max(pixel[axis] for pixel in held) + 1 for axis in (0, 1))
    found = {}
    for y, x in np.ndindex(height, width):
        down = math.floor((y + 0.5 - where[0] * (height - scale * (bottom - top))) / scale)
        across = math.floor((x + 0.5 - where[1] * (width - scale * (right - left))) / scale)
        if 0 <= down < bottom - top and 0 <= across < right - left:
            origin = (top + down, right - 1 - across if mirrored else left + across)
            if mask[origin]:
                found[y, x] = origin
    return found


def angle(one: Array, other: Array) -> float:
    """1 - cos of two vectors."""
    products = [sum(a * b for a, b in zip(*pair, strict=True)) for pair in ((one, other), (one, one), (other, other))]
    return float(1 - products[0] / math.sqrt(products[1] * products[2]))


def huber(d: float) -> float:
    """Smooth-L1 of a difference: d^2 / 2 up to 1, |d| - 1/2 beyond."""
    return d * d / 2 if abs(d) < 1 else abs(d) - 0.5
