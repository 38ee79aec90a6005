# Data. Needs nothing for the rendered streets, and the data sets' own folders for the rest (config/domains.yaml).
# Makes results/streets/{preset}/{dataset}, trees as their owners ship them, and results/data/{data}, the arrays that
# every later stage reads: images, labels as train ids, depth in centimetres, counts per class. Where a domain names a depth
# network of the user's, results/depth/{depth}: a depth file per image of a split. Where a setting has several sources,
# results/{setting}/sources: these as one.


rule render:
    """Render one domain of a pair of street data sets, in the layout of SYNTHIA or Cityscapes."""
    output:
        root=directory("results/streets/{preset}/{dataset}"),
    log:
        "results/logs/render/{preset}-{dataset}.log",
    benchmark:
        "results/benchmarks/render/{preset}-{dataset}.tsv"
    threads: 8
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        spec=lambda w: params.render(STUDY, w.preset, w.dataset),
        code=lambda w: params.code("render"),
    shell:
        "exec python -m dadist.stages.render --params {params.spec:q} --workers {threads} --root {output.root:q} "
        "2> >(tee {log:q} >&2)"


rule estimate_depth:
    """Estimate the depth of a split's images with a network of the user's, which its domain names."""
    input:
        root=lambda w: USER_FILES.root_to_estimate(w.depth),
        names=lambda w: USER_FILES.names_to_estimate(w.depth),
        network=lambda w: USER_FILES.network(w.depth),
    output:
        depth=directory("results/depth/{depth}"),
    log:
        "results/logs/estimate_depth/{depth}.log",
    benchmark:
        "results/benchmarks/estimate_depth/{depth}.tsv"
    threads: 8
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=720,
        batch=lambda w: resources.batch_to_estimate(STUDY, w.depth),
    params:
        spec=lambda w: params.estimate_depth(STUDY, w.depth),
        code=lambda w: params.code_to_estimate(STUDY, w.depth),
        files=lambda w: USER_FILES.fingerprint_to_estimate(w.depth),
    shell:
        "exec python -m dadist.stages.estimate_depth --params {params.spec:q} --gpus {resources.gpu} "
        "--workers {threads} --batch {resources.batch} --root {input.root:q} --names {input.names:q} "
        "--network {input.network:q} --depth {output.depth:q} 2> >(tee {log:q} >&2)"


rule prepare:
    """Check, resize and pack one split; the target's training split has no labels and none are looked for."""
    input:
        root=lambda w: USER_FILES.root(w.data),
        names=lambda w: USER_FILES.names(w.data),
        depth=lambda w: inputs.estimated_depth(STUDY, w.data),
    output:
        data=directory("results/data/{data}"),
    log:
        "results/logs/prepare/{data}.log",
    benchmark:
        "results/benchmarks/prepare/{data}.tsv"
    threads: 8
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        spec=lambda w: params.prepare(STUDY, w.data),
        code=lambda w: params.code_to_prepare(STUDY, w.data),
        files=lambda w: USER_FILES.fingerprint(w.data),
    shell:
        "exec python -m dadist.stages.prepare --params {params.spec:q} --workers {threads} --root {input.root:q} "
        "--names {input.names:q} --depth {input.depth:q} --data {output.data:q} 2> >(tee {log:q} >&2)"


rule join_sources:
    """Make the sources of a setting that has several one, drawn from by weight."""
    input:
        parts=lambda w: inputs.sources_to_join(STUDY, w.setting),
    output:
        source=directory("results/{setting}/sources"),
    log:
        "results/logs/join_sources/{setting}.log",
    benchmark:
        "results/benchmarks/join_sources/{setting}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        spec=lambda w: params.join_sources(STUDY, w.setting),
        code=lambda w: params.code("join_sources"),
    shell:
        "exec python -m dadist.stages.join_sources --params {params.spec:q} --parts {input.parts:q} "
        "--source {output.source:q} 2> >(tee {log:q} >&2)"
