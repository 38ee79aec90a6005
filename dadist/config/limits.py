"""Least and greatest value of the keys of a setting."""

from dadist.config.schema import Setting


def limits(setting: Setting) -> tuple[tuple[str, float, float, float | None], ...]:
    """Key, value, least and most allowed (None: no limit), a row a key."""
    training = setting.selftrain.training
    return (
        ("seeds", len(setting.seeds), 1, None),
        ("seeds", min(setting.seeds, default=0), 0, None),
        ("grid", min(setting.grid), 1, None),
        ("source", min(setting.source.width, setting.source.height), 1, None),
        ("target", min(setting.target.width, setting.target.height), 1, None),
        ("prepare.images", setting.prepare.images, 0, None),
        ("adapt.class_weight_power", setting.adapt.class_weight_power, 0, None),
        ("adapt.optimiser.lr", setting.adapt.optimiser.lr, 0, None),
        ("adapt.optimiser.warm_up", setting.adapt.optimiser.warm_up, 0, None),
        ("methods", len(setting.methods), 1, None),
        ("inverse_depth", setting.inverse_depth, 1, None),
        ("fit_gmm.components", setting.fit_gmm.components, 1, None),
        ("fit_gmm.points", setting.fit_gmm.points, 0, None),
        ("fit_gmm.nearest_m", setting.fit_gmm.nearest_m, 0, None),
        ("fit_gmm.held_out", setting.fit_gmm.held_out, 0, 0.9),
        ("compare_components.points", setting.compare_components.points, 0, None),
        ("compare_components.held_out", setting.compare_components.held_out, 0.01, 0.9),
        ("cluster_patches.clusters", setting.cluster_patches.clusters, 2, 255),  # an id is a byte, and 255 is none
        ("cluster_patches.source", min(setting.cluster_patches.source), 1, None),
        ("cluster_patches.target", min(setting.cluster_patches.target), 1, None),
        ("cluster_patches.images", setting.cluster_patches.images, 0, None),
        ("cluster_patches.batch", setting.cluster_patches.batch, 1, None),
        ("adapt.iterations", setting.adapt.iterations, 0, None),
        ("adapt.batch", setting.adapt.batch, 1, None),
        ("adapt.gpus", setting.adapt.gpus, 1, None),
        ("adapt.statistics_images", setting.adapt.statistics_images, 1, None),
        ("pseudo_label.images", setting.pseudo_label.images, 0, None),
        ("pseudo_label.confidence", setting.pseudo_label.confidence, 0, 1),
        ("pseudo_label.batch", setting.pseudo_label.batch, 1, None),
        ("selftrain.rounds", min(setting.selftrain.rounds, default=0), 0, None),
        ("selftrain.training.batch", training.batch, 1, None),
        ("selftrain.training.gpus", training.gpus, 1, None),
        ("selftrain.training.statistics_images", training.statistics_images, 1, None),
        ("selftrain.training.optimiser.warm_up", training.optimiser.warm_up, 0, None),
        ("selftrain.training.teacher", training.teacher, 0, 1),
        *_of_reports(setting),
    )


def _of_reports(setting: Setting) -> tuple[tuple[str, float, float, float | None], ...]:
    return (
        ("evaluate.depth_cap_m", setting.evaluate.depth_cap_m, 1, 655),
        ("evaluate.batch", setting.evaluate.batch, 1, None),
        ("draw.images", setting.draw.images, 1, None),
        ("draw.scale", setting.draw.scale, 1, None),
        ("embed.images", setting.embed.images, 1, None),
        ("embed.points", setting.embed.points, 1, 10000),
        ("embed.perplexity", setting.embed.perplexity, 1, None),
        ("embed.seed", setting.embed.seed, 0, None),
        ("draw_figures.images", setting.draw_figures.images, 1, None),
        ("draw_figures.dpi", setting.draw_figures.dpi, 50, 600),
        ("write_page.width", setting.write_page.width, 100, 4000),
    )
