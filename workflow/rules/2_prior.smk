# Prior. Needs the prepared source. Makes results/{setting}/prior/mixtures.npz: a Gaussian mixture per class over the
# place of a pixel and its inverse depth, and patches.npz, the typical label patches: each for the methods that name it
# among their artefacts, once for all seeds. On demand, results/{setting}/prior/components.csv and .png: how likely held-out
# points are under mixtures of fewer and more components.


rule fit_gmm:
    """Fit the mixture of each class on the source."""
    input:
        source=lambda w: inputs.labelled(STUDY, w.setting, "source"),
    output:
        mixtures="results/{setting}/prior/mixtures.npz",
    log:
        "results/logs/fit_gmm/{setting}.log",
    benchmark:
        "results/benchmarks/fit_gmm/{setting}.tsv"
    threads: 8
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        spec=lambda w: params.fit_gmm(STUDY, w.setting),
        code=lambda w: params.code("fit_gmm"),
    shell:
        "exec python -m dadist.stages.fit_gmm --params {params.spec:q} --source {input.source:q} "
        "--mixtures {output.mixtures:q} 2> >(tee {log:q} >&2)"


rule cluster_patches:
    """Find the typical label patches of the source by k-means."""
    input:
        source=lambda w: inputs.labelled(STUDY, w.setting, "source"),
    output:
        patches="results/{setting}/prior/patches.npz",
    log:
        "results/logs/cluster_patches/{setting}.log",
    benchmark:
        "results/benchmarks/cluster_patches/{setting}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        spec=lambda w: params.cluster_patches(STUDY, w.setting),
        code=lambda w: params.code("cluster_patches"),
    shell:
        "exec python -m dadist.stages.cluster_patches --params {params.spec:q} --source {input.source:q} "
        "--patches {output.patches:q} 2> >(tee {log:q} >&2)"


rule align_depth:
    """Find the camera of the target, the scale of its depth files and their noise, without a label."""
    input:
        source=lambda w: inputs.labelled(STUDY, w.setting, "source"),
        target=lambda w: prior_inputs.aligned_images(STUDY, w.setting),
        model=lambda w: prior_inputs.aligning(STUDY, w.setting),
        mixtures=lambda w: prior_inputs.mixtures_of(STUDY, w.setting),
    output:
        aligned="results/{setting}/prior/alignment.json",
        curves="results/{setting}/prior/alignment.png",
    log:
        "results/logs/align_depth/{setting}.log",
    benchmark:
        "results/benchmarks/align_depth/{setting}.tsv"
    threads: 8
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=60,
        batch=lambda w: resources.batch_to_evaluate(STUDY, w.setting),
    params:
        spec=lambda w: params.align_depth(STUDY, w.setting),
        code=lambda w: params.code("align_depth"),
    shell:
        "exec python -m dadist.stages.align_depth --params {params.spec:q} --gpus {resources.gpu} "
        "--batch {resources.batch} --source {input.source:q} --target {input.target:q} --model {input.model:q} "
        "--mixtures {input.mixtures:q} "
        "--aligned {output.aligned:q} --curves {output.curves:q} 2> >(tee {log:q} >&2)"


rule compare_components:
    """Weigh the number of components on points that no fit has seen."""
    input:
        source=lambda w: inputs.labelled(STUDY, w.setting, "source"),
    output:
        likelihoods="results/{setting}/prior/components.csv",
        curves="results/{setting}/prior/components.png",
    log:
        "results/logs/compare_components/{setting}.log",
    benchmark:
        "results/benchmarks/compare_components/{setting}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        spec=lambda w: params.compare_components(STUDY, w.setting),
        code=lambda w: params.code("compare_components"),
    shell:
        "exec python -m dadist.stages.compare_components --params {params.spec:q} --source {input.source:q} "
        "--likelihoods {output.likelihoods:q} --curves {output.curves:q} 2> >(tee {log:q} >&2)"
