"""What the workflow plans with: which trainings a study has, where their files stand, and what each stage is told."""
