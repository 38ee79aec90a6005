"""What happens to the study when processes are killed, disks fill up and bytes flip; `python -m tests.faults -h`."""
