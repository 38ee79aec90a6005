# Table of contents. config.yaml holds what people edit, config/ all other numbers, workflow/rules/ the rules with what
# they make, dadist/pipeline/ what they read, profiles/ everything of a site.


include: "workflow/rules/common.smk"


configfile: str(ASKED.config_file)


# Read with --sdm apptainer alone: the image that docs/cluster.md makes of envs/Dockerfile, in the working directory.
container: "dadist.sif"


report: "workflow/report/workflow.rst"


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
