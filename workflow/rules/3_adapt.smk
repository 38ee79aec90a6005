# Adaptation. Needs the prepared source, the target's images without labels, the model a method starts from, and the
# artefacts of the prior that a method asks for. Makes round q0: results/{setting}/{method}/seed{seed}/q0/{model.pt,losses.csv}.


rule adapt:
    """Train one method on source and target."""
    input:
        source=lambda w: labelled(w.setting, "source"),
        target=lambda w: unlabelled(w.setting, w.method),
        init=lambda w: init(w.setting, w.method, w.seed),
        artefacts=lambda w: needs(w.setting, w.method),
    output:
        model="results/{setting}/{method}/seed{seed}/q0/model.pt",
        losses="results/{setting}/{method}/seed{seed}/q0/losses.csv",
    log:
        "results/logs/adapt/{setting}-{method}-seed{seed}.log",
    benchmark:
        "results/benchmarks/adapt/{setting}-{method}-seed{seed}.tsv"
    conda:
        "../../envs/dadist.yaml"
    threads: 8
    resources:
        gpu=lambda w: STUDY.settings[w.setting].adapt.gpus,
        mem_mb=16000,
        runtime=2880,
        monitor=MONITOR,
    params:
        spec=lambda w: adapt_spec(w.setting, w.method, w.seed),
    shell:
        "exec python -m dadist.stages.adapt --params {params.spec:q} --gpus {resources.gpu} "
        "--monitor {resources.monitor:q} --source {input.source:q} "
        "--target {input.target:q} --init {input.init:q} --artefacts {input.artefacts:q} --model {output.model:q} "
        "--losses {output.losses:q} 2> >(tee {log:q} >&2)"
