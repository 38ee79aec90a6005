# Data. Needs nothing for the rendered streets, and the data sets' own folders for the rest (config/domains.yaml).
# Makes results/streets/{preset}/{dataset}, trees as their owners ship them, and results/data/{data}, the arrays that
# every later stage reads: images, labels as train ids, depth in centimetres, counts per class.


rule render:
    """Render one domain of a pair of street data sets, in the layout of SYNTHIA or Cityscapes."""
    output:
        root=directory("results/streets/{preset}/{dataset}"),
    log:
        "results/logs/render/{preset}-{dataset}.log",
    benchmark:
        "results/benchmarks/render/{preset}-{dataset}.tsv"
    conda:
        "../../envs/dadist.yaml"
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


rule prepare:
    """Check, resize and pack one split; the target's training split has no labels and none are looked for."""
    input:
        root=lambda w: USER_FILES.root(w.data),
        names=lambda w: USER_FILES.names(w.data),
    output:
        data=directory("results/data/{data}"),
    log:
        "results/logs/prepare/{data}.log",
    benchmark:
        "results/benchmarks/prepare/{data}.tsv"
    conda:
        "../../envs/dadist.yaml"
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
        "--names {input.names:q} --data {output.data:q} 2> >(tee {log:q} >&2)"
