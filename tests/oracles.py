"""Slow loops written from the formulas, for the tests to compare with."""

import math
from typing import Any

import numpy as np

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


def berhu(predicted: Array, target: Array, valid: Array, ratio: float) -> float:
    """Mean over the valid pixels of e, or (e² + c²) / 2c beyond c = ratio max(e); any shape."""
    errors = [abs(float(p) - float(t)) for p, t, v in zip(predicted.flat, target.flat, valid.flat, strict=True) if v]
    c = ratio * max(errors)
    return sum(e if e <= c else (e**2 + c**2) / (2 * c) for e in errors) / len(errors)


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
