"""The prior of the source: one Gaussian mixture per class over place and inverse depth; kinds of label patches."""
