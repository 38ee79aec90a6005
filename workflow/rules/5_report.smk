# Report. Needs models and the target's labelled validation split, which nothing before this file reads; without one
# the picture shows training images, and there is no table. Makes metrics.json per model, results/{setting}/metrics.csv
# with one row per model (ablation.csv: with the variants of one method; paper.csv: with each method by its own protocol), and
# the pictures in results/{setting}/report. With depth files of the target, on demand: prior.csv, each model with the prior in
# several weights, and results/{setting}/prior/figures, pictures of what it changes.


rule evaluate:
    """Count a model's predictions against the truth."""
    input:
        val=lambda w: inputs.labelled(STUDY, w.setting, "val"),
        model="results/{setting}/{method}/seed{seed}/{round}/model.pt",
        prior=lambda w: prior_inputs.prior_to_measure(STUDY, w.setting),
    output:
        metrics="results/{setting}/{method}/seed{seed}/{round}/metrics.json",
    log:
        "results/logs/evaluate/{setting}-{method}-seed{seed}-{round}.log",
    benchmark:
        "results/benchmarks/evaluate/{setting}-{method}-seed{seed}-{round}.tsv"
    threads: 8
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=60,
        batch=lambda w: resources.batch_to_evaluate(STUDY, w.setting),
    params:
        spec=lambda w: params.evaluate(STUDY, w.setting),
    shell:
        "exec python -m dadist.stages.evaluate --params {params.spec:q} --gpus {resources.gpu} --batch {resources.batch} "
        "--val {input.val:q} --model {input.model:q} --prior {input.prior:q} --metrics {output.metrics:q} "
        "2> >(tee {log:q} >&2)"


rule weigh_prior:
    """Count a model's predictions with the prior's terms in several weights."""
    input:
        val=lambda w: inputs.labelled(STUDY, w.setting, "val"),
        model="results/{setting}/{method}/seed{seed}/{round}/model.pt",
        prior=lambda w: prior_inputs.prior_to_weigh(STUDY, w.setting),
    output:
        metrics="results/{setting}/{method}/seed{seed}/{round}/prior.json",
    log:
        "results/logs/weigh_prior/{setting}-{method}-seed{seed}-{round}.log",
    benchmark:
        "results/benchmarks/weigh_prior/{setting}-{method}-seed{seed}-{round}.tsv"
    threads: 8
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=60,
        batch=lambda w: resources.batch_to_evaluate(STUDY, w.setting),
    params:
        spec=lambda w: params.weigh_prior(STUDY, w.setting),
    shell:
        "exec python -m dadist.stages.weigh_prior --params {params.spec:q} --gpus {resources.gpu} "
        "--batch {resources.batch} --val {input.val:q} --model {input.model:q} --prior {input.prior:q} "
        "--metrics {output.metrics:q} 2> >(tee {log:q} >&2)"


rule draw_prior:
    """Show what the prior changes of a model's labels, and how its mixtures see depth."""
    input:
        target=lambda w: prior_pictures.images(STUDY, w.setting),
        model=lambda w: prior_pictures.model(STUDY, w.setting),
        mixtures=lambda w: prior_pictures.mixtures(STUDY, w.setting),
        aligned=lambda w: prior_inputs.alignment_of(STUDY, w.setting),
    output:
        figures=report(
            directory("results/{setting}/prior/figures"),
            patterns=["{name}.svg"],
            caption="../report/figure.rst",
            category="{setting}",
        ),
    log:
        "results/logs/draw_prior/{setting}.log",
    benchmark:
        "results/benchmarks/draw_prior/{setting}.tsv"
    threads: 8
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=60,
        batch=lambda w: resources.batch_to_evaluate(STUDY, w.setting),
    params:
        spec=lambda w: params.draw_prior(STUDY, w.setting),
        code=lambda w: params.code("draw_prior"),
    shell:
        "exec python -m dadist.stages.draw_prior --params {params.spec:q} --gpus {resources.gpu} "
        "--batch {resources.batch} --target {input.target:q} --model {input.model:q} --mixtures {input.mixtures:q} "
        "--aligned {input.aligned:q} --figures {output.figures:q} 2> >(tee {log:q} >&2)"


rule collect:
    """Gather the metrics of every method, seed and round."""
    input:
        metrics=lambda w: inputs.collected(STUDY, w.setting, w.table),
    output:
        results=report("results/{setting}/{table}.csv", caption="../report/table.rst", category="{setting}"),
        summary=report("results/{setting}/{table}_summary.csv", caption="../report/summary.rst", category="{setting}"),
    log:
        "results/logs/collect/{setting}-{table}.log",
    benchmark:
        "results/benchmarks/collect/{setting}-{table}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        spec=lambda w: params.collect(STUDY, w.setting),
        code=lambda w: params.code("collect"),
    shell:
        "exec python -m dadist.stages.collect --params {params.spec:q} --metrics {input.metrics:q} "
        "--results {output.results:q} --summary {output.summary:q} 2> >(tee {log:q} >&2)"


rule draw:
    """Show a few target images with their truth, if there is one, and what source-only, q0 and the last round see."""
    input:
        target=lambda w: inputs.pictured(STUDY, w.setting),
        models=lambda w: inputs.shown(STUDY, w.setting),
    output:
        picture=report("results/{setting}/report/panel.png", caption="../report/panel.rst", category="{setting}"),
        drawing="results/{setting}/report/panel.svg",
    log:
        "results/logs/draw/{setting}.log",
    benchmark:
        "results/benchmarks/draw/{setting}.tsv"
    threads: 8
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=30,
    params:
        spec=lambda w: params.draw(STUDY, w.setting),
        code=lambda w: params.code("draw"),
    shell:
        "exec python -m dadist.stages.draw --params {params.spec:q} --gpus {resources.gpu} --target {input.target:q} "
        "--models {input.models:q} --picture {output.picture:q} --drawing {output.drawing:q} 2> >(tee {log:q} >&2)"
