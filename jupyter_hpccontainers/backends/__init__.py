"""Where jobs run: this machine, later Slurm."""
