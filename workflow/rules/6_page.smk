# Page. Needs the metrics, losses, labels and mixtures of a setting, as far as it has them. Makes
# results/{setting}/report/index.html, a page that needs no network, and its figures as SVG and PNG beside it.


rule embed:
    """Bring pixels of both domains to the plane, in the joint spaces of depth or density with segmentation."""
    input:
        source=lambda w: inputs.labelled(STUDY, w.setting, "source"),
        target=lambda w: inputs.unlabelled(STUDY, w.setting),
        model=lambda w: inputs.embedded(STUDY, w.setting),
    output:
        embedding="results/{setting}/report/embedding.csv",
    log:
        "results/logs/embed/{setting}.log",
    benchmark:
        "results/benchmarks/embed/{setting}.tsv"
    threads: 8
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=60,
    params:
        spec=lambda w: params.embed(STUDY, w.setting),
        code=lambda w: params.code("embed"),
    shell:
        "exec python -m dadist.stages.embed --params {params.spec:q} --gpus {resources.gpu} --source {input.source:q} "
        "--target {input.target:q} --model {input.model:q} --embedding {output.embedding:q} 2> >(tee {log:q} >&2)"


rule draw_figures:
    """Draw the charts, and pseudo-labels before and after refinement."""
    input:
        metrics=lambda w: inputs.measured(STUDY, w.setting),
        losses=lambda w: inputs.losses(STUDY, w.setting),
        mixtures=lambda w: inputs.mixtures(STUDY, w.setting),
        embedding=lambda w: inputs.embeddings(STUDY, w.setting),
        target=lambda w: inputs.unlabelled(STUDY, w.setting),
        labels=lambda w: inputs.pseudo(STUDY, w.setting),
        refined=lambda w: inputs.refined(STUDY, w.setting),
    output:
        figures=report(
            directory("results/{setting}/report/figures"),
            patterns=["{name}.svg"],
            caption="../report/figure.rst",
            category="{setting}",
        ),
    log:
        "results/logs/draw_figures/{setting}.log",
    benchmark:
        "results/benchmarks/draw_figures/{setting}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        spec=lambda w: params.draw_figures(STUDY, w.setting),
        code=lambda w: params.code("draw_figures"),
    shell:
        "exec python -m dadist.stages.draw_figures --params {params.spec:q} --metrics {input.metrics:q} "
        "--losses {input.losses:q} --mixtures {input.mixtures:q} --embedding {input.embedding:q} "
        "--target {input.target:q} --labels {input.labels:q} --refined {input.refined:q} "
        "--figures {output.figures:q} 2> >(tee {log:q} >&2)"


rule write_page:
    """Write the page: tables, figures, costs, and what all of it was made with."""
    input:
        metrics=lambda w: inputs.measured(STUDY, w.setting),
        losses=lambda w: inputs.losses(STUDY, w.setting),
        refined=lambda w: inputs.refined(STUDY, w.setting),
        source=lambda w: inputs.labelled(STUDY, w.setting, "source"),
        figures="results/{setting}/report/figures",
        prior=lambda w: prior_pictures.on_page(STUDY, w.setting),
        picture="results/{setting}/report/panel.png",
    output:
        page=report("results/{setting}/report/index.html", caption="../report/page.rst", category="{setting}"),
    log:
        "results/logs/write_page/{setting}.log",
    benchmark:
        "results/benchmarks/write_page/{setting}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        spec=lambda w: page.write_page(STUDY, w.setting),
        code=lambda w: params.code("write_page"),
        files=lambda w: params.page_files(),
    shell:
        "exec python -m dadist.stages.write_page --params {params.spec:q} --metrics {input.metrics:q} "
        "--losses {input.losses:q} --refined {input.refined:q} --source {input.source:q} --figures {input.figures:q} "
        "--prior {input.prior:q} --picture {input.picture:q} --page {output.page:q} 2> >(tee {log:q} >&2)"
