# Adaptation. Needs the prepared source, the target's images without labels, the model a method starts from, and the
# artefacts of the prior that a method asks for. Makes round q0: results/{setting}/{method}/seed{seed}/q0/{model.pt,losses.csv}.


rule adapt:
    """Train one method on source and target."""
    input:
        source=lambda w: inputs.labelled(STUDY, w.setting, "source"),
        target=lambda w: inputs.training_images(STUDY, run_of(w)),
        init=lambda w: USER_FILES.init(run_of(w)),
        artefacts=lambda w: inputs.artefacts(STUDY, run_of(w)),
    output:
        model="results/{setting}/{method}/seed{seed}/q0/model.pt",
        losses="results/{setting}/{method}/seed{seed}/q0/losses.csv",
    log:
        "results/logs/adapt/{setting}-{method}-seed{seed}.log",
    benchmark:
        "results/benchmarks/adapt/{setting}-{method}-seed{seed}.tsv"
    threads: 8
    resources:
        gpu=lambda w: resources.gpus_to_adapt(STUDY, w.setting),
        mem_mb=16000,
        runtime=2880,
        monitor=resources.monitor(STUDY),
    params:
        spec=lambda w: params.adapt(STUDY, run_of(w)),
    shell:
        "exec python -m dadist.stages.adapt --params {params.spec:q} --gpus {resources.gpu} "
        "--monitor {resources.monitor:q} --source {input.source:q} "
        "--target {input.target:q} --init {input.init:q} --artefacts {input.artefacts:q} --model {output.model:q} "
        "--losses {output.losses:q} 2> >(tee {log:q} >&2)"
