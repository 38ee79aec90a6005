# Self-training. Needs a model of the round before. Makes, per round, pseudo/ (what the model is sure of), refined/
# (without regions that are too small for their class) and model.pt, trained on them.


rule pseudo_label:
    """Label the target's training images where the model is sure."""
    input:
        target=lambda w: prior_inputs.to_label(STUDY, w.setting),
        model=lambda w: inputs.model_before(STUDY, run_of(w)),
        prior=lambda w: prior_inputs.prior_to_label(STUDY, w.setting),
    output:
        labels=directory("results/{setting}/{method}/seed{seed}/{round}/pseudo"),
    log:
        "results/logs/pseudo_label/{setting}-{method}-seed{seed}-{round}.log",
    benchmark:
        "results/benchmarks/pseudo_label/{setting}-{method}-seed{seed}-{round}.tsv"
    threads: 8
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=240,
        batch=lambda w: resources.batch_to_label(STUDY, w.setting),
    params:
        spec=lambda w: params.pseudo_label(STUDY, w.setting),
    shell:
        "exec python -m dadist.stages.pseudo_label --params {params.spec:q} --gpus {resources.gpu} "
        "--batch {resources.batch} --target {input.target:q} --model {input.model:q} --prior {input.prior:q} "
        "--labels {output.labels:q} 2> >(tee {log:q} >&2)"


rule refine_labels:
    """Erase regions that are smaller than their class's threshold (Algorithm 1)."""
    input:
        source=lambda w: inputs.labelled(STUDY, w.setting, "source"),
        labels="results/{setting}/{method}/seed{seed}/{round}/pseudo",
    output:
        refined=directory("results/{setting}/{method}/seed{seed}/{round}/refined"),
    log:
        "results/logs/refine_labels/{setting}-{method}-seed{seed}-{round}.log",
    benchmark:
        "results/benchmarks/refine_labels/{setting}-{method}-seed{seed}-{round}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
        monitor=resources.monitor(STUDY),
    params:
        spec=lambda w: params.refine_labels(STUDY, w.setting),
    shell:
        "exec python -m dadist.stages.refine_labels --params {params.spec:q} --monitor {resources.monitor:q} "
        "--source {input.source:q} --labels {input.labels:q} --refined {output.refined:q} 2> >(tee {log:q} >&2)"


rule selftrain:
    """Train the model of the round before on the refined pseudo-labels."""
    input:
        source=lambda w: inputs.labelled(STUDY, w.setting, "source"),
        target=lambda w: inputs.unlabelled(STUDY, w.setting),
        labels="results/{setting}/{method}/seed{seed}/{round}/refined",
        init=lambda w: inputs.model_before(STUDY, run_of(w)),
    output:
        model="results/{setting}/{method}/seed{seed}/{round}/model.pt",
        losses="results/{setting}/{method}/seed{seed}/{round}/losses.csv",
    log:
        "results/logs/selftrain/{setting}-{method}-seed{seed}-{round}.log",
    benchmark:
        "results/benchmarks/selftrain/{setting}-{method}-seed{seed}-{round}.tsv"
    wildcard_constraints:
        round=r"q[1-9]\d*",
    threads: 8
    resources:
        gpu=lambda w: resources.gpus_to_selftrain(STUDY, w.setting),
        mem_mb=16000,
        runtime=2880,
        monitor=resources.monitor(STUDY),
    params:
        spec=lambda w: params.selftrain(STUDY, run_of(w)),
    shell:
        "exec python -m dadist.stages.selftrain --params {params.spec:q} --gpus {resources.gpu} "
        "--monitor {resources.monitor:q} --source {input.source:q} "
        "--target {input.target:q} --labels {input.labels:q} --init {input.init:q} --model {output.model:q} "
        "--losses {output.losses:q} 2> >(tee {log:q} >&2)"
