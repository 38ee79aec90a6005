# Prior. Needs the prepared source. Makes results/{setting}/prior/mixtures.npz: a Gaussian mixture a class over the
# place of a pixel and its inverse depth, fitted once for all seeds.


rule fit_gmm:
    """Fit the mixture of each class on the source."""
    input:
        source=lambda w: labelled(w.setting, "source"),
    output:
        mixtures="results/{setting}/prior/mixtures.npz",
    log:
        "results/logs/fit_gmm/{setting}.log",
    benchmark:
        "results/benchmarks/fit_gmm/{setting}.tsv"
    conda:
        "../../envs/dadist.yaml"
    threads: 8
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        spec=lambda w: setting_spec(w.setting, "grid", "inverse_depth", "fit_gmm"),
        code=digest("dadist.stages.fit_gmm"),
    shell:
        "python -m dadist.stages.fit_gmm --params {params.spec:q} --source {input.source:q} "
        "--mixtures {output.mixtures:q} 2> >(tee {log:q} >&2)"
