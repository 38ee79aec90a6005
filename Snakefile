# Table of contents. Every number stands in config.yaml, every path in workflow/rules, everything of a site in profiles/.


configfile: "config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/1_data.smk"
include: "workflow/rules/2_prior.smk"
include: "workflow/rules/3_adapt.smk"
include: "workflow/rules/4_selftrain.smk"
include: "workflow/rules/5_report.smk"
include: "workflow/rules/6_page.smk"


rule all:
    default_target: True
    input:
        "results/demo/metrics.csv",
        "results/demo/report/index.html",
